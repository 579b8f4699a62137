"""TensorRT: what it is given, and what is said where it cannot be used.

The engine itself is tested only where there is an NVIDIA GPU and torch-tensorrt.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from fill import small_segmentor
from support.trees import RunCli
from torch import Tensor
from torch.export import ExportedProgram

import hrnet_zoo.demo
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.tasks.detection.timed import DETECTION_TIMING
from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING
from hrnet_zoo.timing.engines import EXPORTERS, exported_network, in_tensorrt, require_possible
from hrnet_zoo.timing.observations import Precision
from hrnet_zoo.timing.variants import Recipe
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, _ = load_zoo(hrnet_zoo.demo.MANIFEST).rows
IMAGES = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))
CUDA = torch.device("cuda", 0)


def tensorrt(precision: Precision) -> Recipe:
    return Recipe(name="", fast=True, engine="tensorrt", precision=precision)


needs_tensorrt = pytest.mark.skipif(
    importlib.util.find_spec("torch_tensorrt") is None, reason="needs torch-tensorrt"
)


@pytest.mark.parametrize(
    ("precision", "dtype", "tolerance"),
    [("fp32", torch.float32, 1e-4), ("bf16", torch.bfloat16, 0.2)],
)
def test_what_tensorrt_is_given_is_the_network_in_its_precision(
    precision: Precision, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[torch.dtype, tuple[int, ...], Precision]] = []

    def runs_in_torch(
        program: ExportedProgram, example: Tensor, precision: Precision
    ) -> Callable[[Tensor], Tensor]:
        assert {weight.dtype for weight in program.parameters()} == {dtype}
        given.append((example.dtype, tuple(example.shape), precision))
        module: Callable[[Tensor], Tensor] = program.module()
        return module

    monkeypatch.setitem(EXPORTERS, "tensorrt", runs_in_torch)
    network = exported_network(small_segmentor(), "tensorrt", precision)
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 3, 64, 96), (2, 3, 50, 70), (1, 3, 64, 96)]
    with torch.inference_mode():
        for shape in shapes:
            image = torch.randn(shape, generator=generator)
            expected = small_segmentor().coarse_logits(image)
            answer = network(image.contiguous(memory_format=torch.channels_last))
            assert answer.dtype == torch.float32
            assert answer.shape == expected.shape
            assert (answer - expected).abs().max() < tolerance * expected.std()
    assert given == [(dtype, shape, precision) for shape in shapes[:2]]


def test_tensorrt_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch_tensorrt", None)
    with pytest.raises(PrerequisiteError, match=r'pip install "hrnet-zoo\[tensorrt\]"'):
        require_possible(tensorrt("bf16"), SEGMENTATION_TIMING, CUDA)


def test_tensorrt_with_a_library_missing_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> object:
        msg = "libcudart.so.13: cannot open shared object file"
        raise OSError(msg)

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(PrerequisiteError, match=r"TensorRT cannot be used \(libcudart"):
        require_possible(tensorrt("fp32"), SEGMENTATION_TIMING, CUDA)


def test_tensorrt_runs_no_detectors() -> None:
    with pytest.raises(PrerequisiteError, match="TensorRT runs only segmentation rows"):
        require_possible(tensorrt("fp32"), DETECTION_TIMING, CUDA)


def test_tensorrt_is_not_imported_where_it_cannot_be_used() -> None:
    code = (
        "import sys, torch\n"
        "from hrnet_zoo.errors import PrerequisiteError\n"
        "from hrnet_zoo.runs.time import time_row\n"
        "from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING\n"
        "from hrnet_zoo.timing.engines import require_possible\n"
        "from hrnet_zoo.timing.variants import Recipe\n"
        "def require(engine, device):\n"
        "    recipe = Recipe(name='', fast=True, engine=engine)\n"
        "    require_possible(recipe, SEGMENTATION_TIMING, torch.device(device))\n"
        "sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(\n"
        "    lambda name, *_: 1 / 0 if name == 'torch_tensorrt' else None)}))\n"
        "for engine, device in (('torch', 'cuda'), ('cudagraph', 'cuda'), ('openvino', 'cpu')):\n"
        "    require(engine, device)\n"
        "try:\n"
        "    require('tensorrt', 'cpu')\n"
        "except PrerequisiteError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "TensorRT needs an NVIDIA GPU, which cpu is not\n"


def installed(monkeypatch: pytest.MonkeyPatch, compile_program: Callable[..., object]) -> None:
    """Put something into the place of torch_tensorrt."""
    module = SimpleNamespace(dynamo=SimpleNamespace(compile=compile_program))
    monkeypatch.setitem(sys.modules, "torch_tensorrt", module)


def test_only_tf32_may_round_to_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def compile_program(program: ExportedProgram, **options: object) -> object:
        seen.append(options["disable_tf32"])
        assert options["use_explicit_typing"]
        assert options["require_full_compilation"]
        return program.module()

    installed(monkeypatch, compile_program)
    example = torch.zeros(1, 3, 8, 8)
    program = torch.export.export(torch.nn.Conv2d(3, 4, 3), (example,))
    precisions: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
    for precision in precisions:
        assert in_tensorrt(program, example, precision)(example).shape == (1, 4, 6, 6)
    assert seen == [True, False, True]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AssertionError("model is not fully supported"), RuntimeError),
        (TypeError("unexpected keyword"), RuntimeError),
        (torch.OutOfMemoryError("CUDA out of memory."), torch.OutOfMemoryError),
    ],
)
def test_whatever_tensorrt_raises_can_be_reported(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    def fails(_program: ExportedProgram, **_options: object) -> object:
        raise error

    installed(monkeypatch, fails)
    network = exported_network(small_segmentor(), "tensorrt")
    with pytest.raises(expected, match=str(error)):
        network(torch.zeros(1, 3, 64, 64))


@pytest.mark.gpu
@needs_tensorrt
@pytest.mark.parametrize("batch", [1, 2])
def test_tensorrt_is_timed(run_cli: RunCli, batch: int) -> None:
    finished = run_cli(
        "time", SEGMENTOR.name, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda", "--weights",
        "published", "--image", IMAGES[0], "--image", IMAGES[1], "--engine", "tensorrt",
        "--precision", "fp32", "--precision", "fp16", "--batch", batch, "--limit-seconds", 2,
        "--output", "records", "--format", "json", "--processes", 1,
    )  # fmt: skip
    assert finished.code == 0, finished.out + finished.err
    (timed,) = json.loads(finished.out)
    variants = {variant["name"]: variant for variant in timed["variants"]}
    assert variants["tensorrt"]["agreement"] >= 0.9999
    assert variants["tensorrt-fp16"]["agreement"] > 0.98
    assert "network in TensorRT" in variants["tensorrt"]["description"]
