"""What each engine can do, and networks run by other engines than torch."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.timing.graphs import PerShape
from hrnet_zoo.timing.observations import Engine, Precision
from hrnet_zoo.timing.variants import DTYPES, Recipe, Timeable


@dataclass(frozen=True, kw_only=True)
class ExportEngine:
    """An engine that is not torch's own; networks, or parts of them, are exported to it."""

    title: str
    packages: tuple[str, ...]
    """Modules that must be there; they come with the extra called like the engine."""


EXPORT_ENGINES: dict[Engine, ExportEngine] = {
    "openvino": ExportEngine(title="OpenVINO", packages=("openvino",)),
    "onnxruntime": ExportEngine(
        title="ONNX Runtime", packages=("onnxruntime", "onnx", "onnxscript")
    ),
    "tensorrt": ExportEngine(title="TensorRT", packages=("torch_tensorrt",)),
}

_NEEDS_GPU: dict[Engine, str] = {"cudagraph": "CUDA graphs need", "tensorrt": "TensorRT needs"}
_AMPERE = (8, 0)

Run = Callable[[Tensor], Tensor]
"""Maps an image batch of one shape, contiguous, to its coarse logits."""

Exporter = Callable[[ExportedProgram, Tensor, Precision], Run]
"""Makes a program ready for inputs like an example [N, 3, H, W]."""


def require_possible(recipe: Recipe, timeable: Timeable, device: torch.device) -> None:
    """Check what can be known beforehand; torch itself always can.

    Raises:
        PrerequisiteError: device or engine cannot compute like that, or it is not installed.
    """
    lack = _lack(recipe, timeable, device)
    if lack is not None:
        raise PrerequisiteError(lack)
    if recipe.engine not in EXPORT_ENGINES:
        return
    # Only now: what cannot be used here anyway need not be imported.
    engine = EXPORT_ENGINES[recipe.engine]
    try:
        for package in engine.packages:
            imported(package)
    except (ImportError, OSError) as error:  # OSError: a library that the package needs is missing
        msg = f'{engine.title} cannot be used ({error}): pip install "hrnet-zoo[{recipe.engine}]"'
        raise PrerequisiteError(msg) from None


def _lack(recipe: Recipe, timeable: Timeable, device: torch.device) -> str | None:
    """Return why a network cannot be computed so, whether the engine is installed or not."""
    needs, exported = _NEEDS_GPU.get(recipe.engine), EXPORT_ENGINES.get(recipe.engine)
    title, on_cpu = exported and exported.title, exported and not needs
    lacks = (
        (
            recipe.batch > 1 and not timeable.batches,
            f"{timeable.networks} compute one image at a time: pass no --batch",
        ),
        (needs and device.type != "cuda", f"{needs} an NVIDIA GPU, which {device} is not"),
        (
            exported and recipe.engine not in timeable.exportable,
            f"{title} runs only segmentation rows in this version",
        ),
        (on_cpu and recipe.precision != "fp32", f"{title} computes only in fp32 in this version"),
        (
            on_cpu and device.type != "cpu",
            f"{title} computes only on the CPU in this version: pass --device cpu",
        ),
        (
            recipe.precision == "tf32"
            and (
                device.type != "cuda"
                # ROCm's GPUs go by the name "cuda", and by capabilities of their own.
                or torch.version.hip is not None
                or torch.cuda.get_device_capability(device) < _AMPERE
            ),
            f"TF32 is a mode of NVIDIA GPUs from Ampere on, which {device} is not",
        ),
    )
    return next((lack for applies, lack in lacks if applies), None)


def imported(name: str) -> ModuleType:
    """Return an engine's module, imported without what reports its use to its makers.

    OpenVINO does so from its first import on, without having asked, unless that package is missing.

    Raises:
        ImportError: it is not installed, or lacks something itself.
    """
    reporter = "openvino_telemetry"
    before = sys.modules.get(reporter)
    sys.modules[reporter] = None  # type: ignore[assignment]  # Python's way: not to be imported
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules[reporter]
        if before is not None:
            sys.modules[reporter] = before


@contextmanager
def as_runtime_error() -> Iterator[None]:
    """Turn the errors of an engine, which have no base in common, into what torch raises."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise RuntimeError(str(error) or type(error).__name__) from error


class _CoarseLogits(nn.Module):
    """As much of a segmentor as is exported, since only modules can be."""

    def __init__(self, model: Segmentor) -> None:
        super().__init__()
        self._model = model

    def forward(self, image: Tensor) -> Tensor:
        return self._model.coarse_logits(image)


def exported_network(model: Segmentor, engine: Engine, precision: Precision = "fp32") -> Run:
    """Return what computes the coarse logits of a segmentor in another engine.

    Args:
        model: on the CPU, or for TensorRT on the GPU; its weights are turned into the precision's
            type.
        engine: a key of `EXPORT_ENGINES`.
        precision: what to compute in.

    Returns:
        Maps [N, 3, H, W] float32 to [N, K, H/4, W/4] float32, on the model's device.
    """
    part = _CoarseLogits(model).eval()
    if engine == "openvino":
        in_openvino = OpenVinoPart(part)
        return lambda image: _classes_together(in_openvino(image)[0])
    return _per_shape(part, engine, precision)


def _per_shape(part: nn.Module, engine: Engine, precision: Precision) -> Run:
    """Return a part of a network in an engine that is made ready for every shape of input.

    These engines are fastest when they know the shape; TensorRT takes minutes for each.
    """
    dtype, exporter = DTYPES[precision], EXPORTERS[engine]
    part = part.to(dtype)

    def made_ready(x: Tensor) -> Run:
        # Inference tensors cannot be exported.
        with torch.inference_mode(mode=False), torch.no_grad():
            example = torch.zeros(x.shape, dtype=dtype, device=x.device)
            return exporter(torch.export.export(part, (example,)), example, precision)

    ready = PerShape(made_ready)

    @as_runtime_error()
    def run(image: Tensor) -> Tensor:
        return ready(image.to(dtype).contiguous()).to(torch.float32)

    return run


class OpenVinoPart(nn.Module):
    """A part of a network that OpenVINO computes on the CPU, in float32, for inputs of any shape.

    It is converted when it is first called, which takes seconds. What OpenVINO makes of a shape it
    keeps; knowing the shape beforehand would make it at most 2 % faster, and cost those seconds for
    each of them.
    """

    def __init__(self, part: nn.Module) -> None:
        """Take a part in eval mode, on the CPU.

        Args:
            part: maps [N, 3, H, W] to a map, or to a list of maps. Python that looks at shapes is
                run for `_EXAMPLE` only, so what it decides there must be right for all.
        """
        super().__init__()
        self._part = part
        self._request: Any = None

    @as_runtime_error()
    def forward(self, image: Tensor) -> list[Tensor]:
        """Map [N, 3, H, W] float32 to the part's maps, contiguous."""
        if self._request is None:
            self._request = _in_openvino(self._part)
        found = self._request.infer({0: image.contiguous().numpy()}, share_inputs=True)
        # These are copies: the next call would write over the request's own.
        return [torch.from_numpy(found[i]) for i in range(len(found))]


_EXAMPLE = (1, 3, 129, 193)
"""What is traced: every halving rounds up, so no resize finds that there is nothing to do and is
left out. Where there is nothing to do, it changes nothing."""


def _in_openvino(part: nn.Module) -> Any:  # noqa: ANN401 - OpenVINO need not be installed
    openvino = imported("openvino")
    # Inference tensors cannot be traced.
    with torch.inference_mode(mode=False), torch.no_grad(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, which torch would rather have replaced; its own
        # torch.export takes four times as long where shapes may vary, and fails with some necks.
        warnings.simplefilter("ignore")
        plain = part.to(memory_format=torch.contiguous_format)
        model = openvino.convert_model(plain, example_input=torch.zeros(_EXAMPLE))
    settings = {
        # Where the processor has bfloat16, that would be the default.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    return openvino.compile_model(model, "CPU", settings).create_infer_request()


def _in_onnxruntime(program: ExportedProgram, _example: Tensor, _precision: Precision) -> Run:
    onnxruntime = imported("onnxruntime")
    exported = torch.onnx.export(program, (), dynamo=True, verbose=False)
    assert exported is not None
    content = exported.model_proto.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait busily for the next call would slow down the variant whose turn it is.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: _classes_together(
        torch.from_numpy(session.run(None, {name: image.numpy()})[0])
    )


def _classes_together(logits: Tensor) -> Tensor:
    """Lay the classes of a pixel side by side: resizing and argmax are four times as fast so."""
    return logits.contiguous(memory_format=torch.channels_last)


def in_tensorrt(program: ExportedProgram, example: Tensor, precision: Precision) -> Run:
    """Return a program as one TensorRT engine.

    This was written on machines without a GPU, and has never been run with torch_tensorrt.

    Source:
        Torch-TensorRT 2.8, py/torch_tensorrt/dynamo/_compiler.py, compile: typed explicitly, every
        layer computes in the program's own type. From 2.10 on that is the default, and
        enabled_precisions, the older way, is refused beside it.
    """
    compiled: Run = imported("torch_tensorrt").dynamo.compile(
        program,
        inputs=[example],
        device=example.device,
        use_explicit_typing=True,
        # By default TensorRT rounds the factors of float32 products to TF32.
        disable_tf32=precision != "tf32",
        # What TensorRT cannot do would run in torch otherwise, under TensorRT's name.
        require_full_compilation=True,
    )
    return compiled


EXPORTERS: dict[Engine, Exporter] = {
    "onnxruntime": _in_onnxruntime,
    "tensorrt": in_tensorrt,
}
