"""mmcv's compiled operators: the two that these detectors need, built from mmcv's own source."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from parity.stubs import MissingUpstreamError, StandIn
from torch.utils import cpp_extension

COMPILED = ("nms", "roi_align_forward")


def compiled_operators(folder: Path) -> ModuleType:
    """Compile NMS and RoIAlign for CPUs; about half a minute.

    mmcv's own build compiles seventy files, by a C++ standard that is too old for the headers of
    current torch. torch's builder knows which one they want.

    Args:
        folder: for the objects. Nothing is kept from run to run, so nothing can be out of date.

    Returns:
        What `mmcv._ext` is to be: all other operators exist in it and fail when used.

    Raises:
        MissingUpstreamError: there is no C++ compiler, or it fails.
    """
    try:
        built = cpp_extension.load(
            name="mmcv_operators",
            sources=[str(Path(__file__).with_name("operators.cpp"))],
            extra_include_paths=[str(_sources()), str(_sources() / "common")],
            # What setuptools would compile mmcv with; torch's builder alone does not optimise, and
            # upstream would be slower than it is.
            extra_cflags=["-O3", "-DNDEBUG"],
            build_directory=str(folder),
        )
    except (RuntimeError, OSError) as error:
        msg = f"mmcv's operators could not be compiled; a C++20 compiler is needed. {error}"
        raise MissingUpstreamError(msg) from error
    extension = StandIn("mmcv._ext")
    for name in COMPILED:
        setattr(extension, name, getattr(built, name))
    return extension


def _sources() -> Path:
    """Return the folder of mmcv's C++ files, which its wheels carry too."""
    spec = find_spec("mmcv")
    if spec is None or spec.origin is None:
        msg = "mmcv is not installed"
        raise MissingUpstreamError(msg)
    return Path(spec.origin).parent / "ops" / "csrc"
