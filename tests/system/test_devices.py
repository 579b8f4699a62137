"""A device that cannot be used, and memory that does not suffice: explained, never a traceback."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from support.accuracy import read_record
from support.trees import RunCli

import hrnet_zoo.demo
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.runs import looking
from hrnet_zoo.system import devices
from hrnet_zoo.system.devices import (
    cuda_trouble,
    is_out_of_memory,
    one_of_each_kind,
    require_usable,
    resolve_device,
)
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import evaluation
from hrnet_zoo.tasks.detection import evaluation as evaluated_detection
from hrnet_zoo.tasks.detection import timed as detection
from hrnet_zoo.tasks.segmentation import evaluation as segmentation
from hrnet_zoo.tasks.segmentation import scorer
from hrnet_zoo.tasks.segmentation import timed as timed_segmentation
from hrnet_zoo.timing import inputs
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, _ = (row.name for row in load_zoo(hrnet_zoo.demo.MANIFEST).rows)
DEMO = ("--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cpu", "--output", "records")
BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be"


def failing(error: Exception) -> Callable[..., object]:
    def fail(*_arguments: object, **_options: object) -> object:
        raise error

    return fail


@pytest.fixture
def busy_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a GPU on which nothing can be allocated."""
    allocate = torch.empty

    @functools.wraps(allocate)
    def empty(*size: Any, device: torch.device | None = None) -> torch.Tensor:
        if device == torch.device("cuda", 0):
            raise RuntimeError(BUSY)
        return allocate(*size, device=device)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "empty", empty)


@pytest.mark.usefixtures("busy_gpu")
@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_busy_gpu_is_explained_and_not_replaced(name: str) -> None:
    with pytest.raises(
        PrerequisiteError, match=r"cuda:0 cannot be used: .* busy or unavailable\. Another process"
    ):
        resolve_device(name, Silent())
    assert resolve_device("cpu", Silent()) == torch.device("cpu")


@pytest.mark.usefixtures("busy_gpu")
@pytest.mark.parametrize("command", ["time", "memory"])
def test_commands_on_a_busy_gpu_end_with_one_sentence(run_cli: RunCli, command: str) -> None:
    finished = run_cli(command, SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda:0")
    assert finished.code == 3
    assert "The device cuda:0 cannot be used: CUDA error: CUDA-capable" in finished.err
    assert "Traceback" not in finished.err


def numpy_without_memory() -> Exception:
    with pytest.raises(MemoryError) as raised:
        np.empty(2**60, dtype=np.uint8)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("std::bad_alloc"),
        cv2.error("OpenCV(4.10) alloc.cpp: error: (-4:Insufficient memory) Failed to allocate 9"),
        MemoryError(),
        numpy_without_memory(),
    ],
    ids=str,
)
def test_running_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED"),
        PrerequisiteError("cpu ran out of memory on an input of 9 x 9 pixels"),  # explained already
    ],
    ids=str,
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    "text",
    [
        "GET was unable to find an engine to execute this computation",
        "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    ],
)
@pytest.mark.parametrize("free", [2**20, 2**33])
def test_what_may_also_be_no_support_is_memory_where_the_gpu_is_full(
    monkeypatch: pytest.MonkeyPatch, text: str, free: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    # The other one, of which this process has nothing, is full: that is somebody else's business.
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda gpu: 2**20 * (gpu == 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: ([free, 0][gpu], 2**34))
    assert is_out_of_memory(RuntimeError(text)) == (free == 2**20)


def test_a_gpu_that_does_not_answer_is_not_called_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _gpu: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", failing(RuntimeError("CUDA error: lost")))
    assert not is_out_of_memory(RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"))


TOO_OLD = "The NVIDIA driver on your system is too old (found version 11040).\nPlease update"


@pytest.fixture
def old_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the driver counts a GPU which this torch cannot use."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name in ("init", "get_device_name", "get_device_capability", "mem_get_info"):
        monkeypatch.setattr(torch.cuda, name, failing(RuntimeError(TOO_OLD)))


@pytest.mark.usefixtures("old_driver")
@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_an_old_driver_stops_no_work_on_the_cpu(run_cli: RunCli, device: str) -> None:
    finished = run_cli(
        "verify", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--device", device, "--limit", 1,
    )  # fmt: skip
    (path,) = Path("reports/records").rglob("*Z.json")
    record = read_record(path)
    assert record.status == "completed"
    assert "driver on your system is too old" in record.environment.not_read["gpus"]
    said = "computing on the CPU, because torch cannot use the GPU: The NVIDIA driver on your"
    assert (said in finished.err) == (device == "auto")


@pytest.mark.usefixtures("old_driver")
def test_a_gpu_with_an_old_driver_is_refused_by_name(run_cli: RunCli) -> None:
    assert cuda_trouble() == "The NVIDIA driver on your system is too old (found version 11040)"
    finished = run_cli("memory", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda:0")
    assert finished.code == 3
    assert "The device cuda:0 cannot be used: " in finished.err


def on_a_gpu(convolution: Callable[..., torch.Tensor], patch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a GPU of an old kind, where everything but convolutions works."""
    allocate = torch.empty
    patch.setattr(torch, "empty", lambda size, **_: allocate(size))
    patch.setattr(devices, "conv2d", convolution)
    patch.setattr(torch.cuda, "is_available", lambda: True)
    patch.setattr(torch.cuda, "device_count", lambda: 1)
    patch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 0))
    patch.setattr(torch.cuda, "get_device_name", lambda _device: "Tesla V100")
    patch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90"])


def test_a_gpu_without_kernels_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("CUDA error: no kernel image is available for execution on the device")
    on_a_gpu(failing(error), monkeypatch)  # type: ignore[arg-type]
    with pytest.raises(
        PrerequisiteError,
        match=r"no kernel image .* Tesla V100 of capability sm_70; this torch is for sm_75, sm_90",
    ):
        resolve_device("auto", Silent())


def test_a_gpu_that_computes_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_gpu(lambda *_: torch.tensor(3.0), monkeypatch)
    with pytest.raises(PrerequisiteError, match="a sum of nine ones gives 3 there"):
        require_usable(torch.device("cuda", 0))


@pytest.mark.usefixtures("tested_installation")
def test_a_gpu_that_is_gone_in_the_middle_of_a_run_is_explained_and_what_was_done_is_kept(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU stands for it: errors of a GPU come out of whatever is called next, loading, say."""
    gone = RuntimeError("CUDA error: GPU is lost\nCUDA kernel errors might be asynchronously")
    explained = devices.failure_explained
    gpu = torch.device("cuda", 0)
    for module in (looking, evaluation):
        monkeypatch.setattr(module, "failure_explained", lambda _device: explained(gpu))
    monkeypatch.setattr(scorer, "class_scores", failing(gone))
    finished = run_cli(
        "verify", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert finished.code == 3
    said = finished.err + finished.out
    assert "cuda:0 failed: CUDA error: GPU is lost. What was done is kept." in said
    monkeypatch.setattr(looking, "evaluate", failing(gone))
    finished = run_cli(
        "verify", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert "cuda:0 failed: CUDA error: GPU is lost" in finished.err + finished.out


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (inputs, "_draw"),
        (timed_segmentation, "resize_keep_ratio"),
        (timed_segmentation, "to_network_input"),
        (detection, "resize_keep_ratio"),
        (detection, "padded_input"),
    ],
)
def test_making_a_timed_image_ready_without_memory_names_the_size(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, module: object, function: str
) -> None:
    monkeypatch.setattr(module, function, failing(numpy_without_memory()))
    name = DETECTOR if module is detection else SEGMENTOR
    finished = run_cli("time", name, *DEMO, "--scale", "640x320", "--processes", 1)
    assert finished.code == 3
    assert "Main memory ran out while images for a box of 640 x 320 pixels" in finished.err
    assert not list(Path("records").rglob("*.json"))


def test_an_image_that_no_file_can_hold_is_not_drawn(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, *DEMO, "--scale", "99999x99999")
    assert finished.code == 3
    assert "An image of 99999 x 66666 pixels would have to be drawn" in finished.err


@pytest.mark.usefixtures("tested_installation")
@pytest.mark.parametrize(
    ("name", "module", "stage"),
    [
        (SEGMENTOR, segmentation, "resized_images"),
        (DETECTOR, evaluated_detection.DetectionEvaluator, "arrays"),
    ],
)
def test_decoding_without_memory_says_so(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, name: str, module: object, stage: str
) -> None:
    monkeypatch.setattr(module, stage, failing(numpy_without_memory()))
    finished = run_cli(
        "verify", name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root", hrnet_zoo.demo.DATA_ROOT,
        "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert finished.code == 3
    said = finished.err + finished.out
    assert re.search(r"Main memory ran out while image \d+ of the data set was decoded", said)


@pytest.mark.parametrize("protocol", ["single", "ms_flip"])
def test_predicting_without_memory_names_the_image(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(scorer, "class_scores", failing(torch.OutOfMemoryError("CUDA out of")))
    image = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))[0]
    finished = run_cli(
        "predict", SEGMENTOR, image, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cpu",
        "--protocol", protocol,
    )  # fmt: skip
    assert finished.code == 3
    assert "cpu ran out of memory on an image of 270 x 180 pixels" in finished.err


@pytest.mark.usefixtures("tested_installation")
@pytest.mark.parametrize("stage", ["class_scores", "pair_table"])
def test_an_evaluation_without_memory_names_the_image(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    error = RuntimeError("CUDA error: out of memory")
    module = scorer if stage == "class_scores" else segmentation
    monkeypatch.setattr(module, stage, failing(error))
    finished = run_cli(
        "verify", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert finished.code == 3
    assert "cpu ran out of memory on an image of 270 x 180 pixels" in finished.err + finished.out


def test_one_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    models = {0: "H200", 1: "A100", 2: "H200"}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: models[device.index])
    gpus = [torch.device("cuda", i) for i in models]
    assert one_of_each_kind(gpus) == gpus[:2]
    assert one_of_each_kind([torch.device("cpu", 0), torch.device("cpu", 1)]) == [
        torch.device("cpu")
    ]
