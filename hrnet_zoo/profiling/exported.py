"""Segmentation networks run by OpenVINO or ONNX Runtime instead of torch: in FP32, on the CPU."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.row import Task
from hrnet_zoo.timing_records import Engine, Precision

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Maps an image batch of one shape, contiguous, to its coarse logits."""


@dataclass(frozen=True, kw_only=True)
class _Exporter:
    """What turns a network into a function of another engine."""

    title: str
    packages: tuple[str, ...]
    """Modules that must be there; they come with the extra called like the engine."""
    compiled: Callable[[ExportedProgram, tuple[int, ...]], Run]
    """Makes a program ready for inputs of a shape [N, 3, H, W]."""


class ExportedNetwork:
    """The coarse logits of a segmentor as another engine computes them.

    Engines are fastest when they know the shape of their input, so one is made ready for every
    shape that occurs, when it first does. It may use as many threads as torch.
    """

    def __init__(self, model: FCN, engine: Engine) -> None:
        self._model = _CoarseLogits(model).eval()
        self._exporter = EXPORTERS[engine]
        self._runs: dict[tuple[int, ...], Run] = {}

    def __call__(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32 on the CPU to [N, K, H/4, W/4]."""
        image = image.contiguous()
        shape = tuple(image.shape)
        if shape not in self._runs:
            # Inference tensors cannot be exported.
            with torch.inference_mode(mode=False), torch.no_grad():
                program = torch.export.export(self._model, (torch.zeros(shape),))
                self._runs[shape] = self._exporter.compiled(program, shape)
        logits = torch.from_numpy(self._runs[shape](image.numpy()))
        # Resizing and argmax are four times as fast with the classes of a pixel side by side.
        return logits.contiguous(memory_format=torch.channels_last)


def require_engine(engine: Engine, precision: Precision, task: Task, device: torch.device) -> None:
    """Check whether an engine can do what is asked of it; torch itself always can.

    Raises:
        PrerequisiteError: it cannot, or it is not installed.
    """
    if engine not in EXPORTERS:
        return
    exporter = EXPORTERS[engine]
    lacks = None
    if task != "segmentation":
        lacks = f"{exporter.title} runs only segmentation rows in this version"
    elif precision != "fp32":
        lacks = f"{exporter.title} computes only in fp32 in this version"
    elif device.type != "cpu":
        lacks = f"{exporter.title} computes only on the CPU in this version: pass --device cpu"
    if lacks is not None:
        raise PrerequisiteError(lacks)
    try:
        for package in exporter.packages:
            _module(package)
    except ImportError as error:
        msg = f'{exporter.title} cannot be used ({error}): pip install "hrnet-zoo[{engine}]"'
        raise PrerequisiteError(msg) from None


class _CoarseLogits(nn.Module):
    """As much of a segmentor as is exported, since only modules can be."""

    def __init__(self, model: FCN) -> None:
        super().__init__()
        self._model = model

    def forward(self, image: Tensor) -> Tensor:
        return self._model.coarse_logits(image)


def _module(name: str) -> ModuleType:
    with _no_telemetry():
        return importlib.import_module(name)


@contextmanager
def _no_telemetry() -> Iterator[None]:
    """Let OpenVINO be imported without what reports its use to its makers.

    It does so from its first import on, without having asked, unless that package is missing.
    """
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # Python's way to say: not to be imported
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


def _in_openvino(program: ExportedProgram, shape: tuple[int, ...]) -> Run:
    openvino = _module("openvino")
    model = openvino.convert_model(program)
    model.reshape(list(shape))
    settings = {
        # Where the processor has bfloat16, that would be the default.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    request = openvino.compile_model(model, "CPU", settings).create_infer_request()

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        # Results are copied: the next call would write over them.
        logits: NDArray[np.float32] = request.infer({0: image}, share_inputs=True)[0]
        return logits

    return run


def _in_onnxruntime(program: ExportedProgram, _shape: tuple[int, ...]) -> Run:
    onnxruntime = _module("onnxruntime")
    exported = torch.onnx.export(program, (), dynamo=True, verbose=False)
    assert exported is not None
    content = exported.model_proto.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait busily for the next call would slow down the variant whose turn it is.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    with _as_runtime_error():
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        with _as_runtime_error():
            logits: NDArray[np.float32] = session.run(None, {name: image})[0]
        return logits

    return run


@contextmanager
def _as_runtime_error() -> Iterator[None]:
    """Turn the errors of ONNX Runtime into what torch raises."""
    try:
        yield
    except Exception as error:  # they have no base in common but this
        raise RuntimeError(str(error)) from error


EXPORTERS: dict[Engine, _Exporter] = {
    "openvino": _Exporter(title="OpenVINO", packages=("openvino",), compiled=_in_openvino),
    "onnxruntime": _Exporter(
        title="ONNX Runtime",
        packages=("onnxruntime", "onnx", "onnxscript"),
        compiled=_in_onnxruntime,
    ),
}
