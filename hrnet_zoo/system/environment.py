"""Describes the machine and the software of a run, for its record."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hrnet_zoo.system.sources import sources_digest
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
    sources_sha256: str | None = None
    """Of the modules of hrnet-zoo: an edited installation has the version of the one it was."""
    opencv: str | None = None
    cuda: str | None = None
    """The version that torch was built for; None without it, or where torch was not needed."""
    cudnn: int | None = None
    gpus: list[str] = []
    """Those that torch sees, by name; not asked where torch was not needed."""
    variables: dict[str, str] = {}
    """Environment variables that decide how torch computes, on which threads and devices."""
    not_read: dict[str, str] = {}
    """What could not be found out, with the reason: a GPU whose driver is too old, say."""


def describe_host(variables: dict[str, str]) -> Environment:
    """Return what is known of this process without torch, whose import takes seconds.

    Args:
        variables: the environment variables that matter for it.
    """
    import cv2  # noqa: PLC0415 - records can be read without it

    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu_name(),
        cpu_count=os.cpu_count(),
        packages={
            name: found for name in _PACKAGES if (found := installed_version(name)) is not None
        },
        sources_sha256=sources_digest(),
        opencv=cv2.__version__,
        variables=variables,
    )


def describe_environment(variables: dict[str, str]) -> Environment:
    """Return where this process runs, with the environment variables that matter for it."""
    import torch  # noqa: PLC0415 - as above

    not_read: dict[str, str] = {}

    def read(what: str, ask: Callable[[], Any], otherwise: object) -> Any:  # noqa: ANN401 - fields
        """Return what is asked for: a GPU that cannot even be named must not end the run."""
        try:
            return ask()
        except (RuntimeError, AssertionError, OSError) as error:
            not_read[what] = " ".join(str(error).split()) or type(error).__name__
            return otherwise

    of_torch = {
        "cuda": torch.version.cuda,
        "cudnn": read("cudnn", torch.backends.cudnn.version, None),
        "gpus": read("gpus", _gpu_names, []),
        "not_read": not_read,
    }
    return describe_host(variables).model_copy(update=of_torch)


def _gpu_names() -> list[str]:
    import torch  # noqa: PLC0415 - as above

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


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
