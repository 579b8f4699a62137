"""What each engine can do: on which device, for which rows, in which precisions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import torch

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.timing.observations import Engine, Precision


@dataclass(frozen=True, kw_only=True)
class ExportEngine:
    """An engine that is not torch's own; a segmentor's network is exported to it."""

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


def require_engine(
    engine: Engine, precision: Precision, device: torch.device, *, exportable: bool
) -> None:
    """Check whether an engine can do what is asked of it; torch itself always can.

    Args:
        engine: what is to compute.
        precision: what to compute in.
        device: where to.
        exportable: whether the network can leave torch.

    Raises:
        PrerequisiteError: it cannot, or it is not installed.
    """
    lack = _lack(engine, precision, device, exportable=exportable)
    if lack is not None:
        raise PrerequisiteError(lack)
    if engine not in EXPORT_ENGINES:
        return
    # Only now: what cannot be used here anyway need not be imported.
    try:
        for package in EXPORT_ENGINES[engine].packages:
            imported(package)
    except (ImportError, OSError) as error:  # OSError: a library that the package needs is missing
        title = EXPORT_ENGINES[engine].title
        msg = f'{title} cannot be used ({error}): pip install "hrnet-zoo[{engine}]"'
        raise PrerequisiteError(msg) from None


def _lack(
    engine: Engine, precision: Precision, device: torch.device, *, exportable: bool
) -> str | None:
    """Return why an engine cannot do something, whether installed or not."""
    needs = _NEEDS_GPU.get(engine)
    if needs is not None and device.type != "cuda":
        return f"{needs} an NVIDIA GPU, which {device} is not"
    if engine not in EXPORT_ENGINES:
        return None
    title = EXPORT_ENGINES[engine].title
    if not exportable:
        return f"{title} runs only segmentation rows in this version"
    if needs is None and precision != "fp32":
        return f"{title} computes only in fp32 in this version"
    if needs is None and device.type != "cpu":
        return f"{title} computes only on the CPU in this version: pass --device cpu"
    return None


def imported(name: str) -> ModuleType:
    """Return an engine's module.

    Raises:
        ImportError: it is not installed, or lacks something itself.
    """
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


@contextmanager
def as_runtime_error() -> Iterator[None]:
    """Turn the errors of an engine, which have no base in common, into what torch raises."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise RuntimeError(str(error) or type(error).__name__) from error
