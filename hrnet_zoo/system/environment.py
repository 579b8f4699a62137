"""Describes the machine and the software of a run, for its record."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hrnet_zoo.system.strict import Part

_PACKAGES = (
    "hrnet-zoo",
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "pydantic",
    "openvino",
    "onnxruntime",
    "torch-tensorrt",
    "tensorrt",
)


class Environment(Part):
    """What a number might depend on; what an old record does not say is None or empty."""

    python: str | None = None
    platform: str | None = None
    cpu: str | None = None
    cpu_count: int | None = None
    packages: dict[str, str] = {}
    """Versions of those that are installed."""
    opencv: str | None = None
    cuda: str | None = None
    """The version that torch was built for; None for a build without it."""
    cudnn: int | None = None
    gpus: list[str] = []


def describe_environment() -> Environment:
    """Return where this process runs."""
    # Records can be read without these.
    import cv2  # noqa: PLC0415
    import torch  # noqa: PLC0415

    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu_name(),
        cpu_count=os.cpu_count(),
        packages={
            name: found for name in _PACKAGES if (found := installed_version(name)) is not None
        },
        opencv=cv2.__version__,
        cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        gpus=[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    )


def installed_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
