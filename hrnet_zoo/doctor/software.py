"""Python, the packages that hrnet-zoo needs, and the extras it can use."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from hrnet_zoo.doctor.finding import Area, Finding, State, first_line

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
"""Versions that the tests run on."""

EXTRAS = {
    "coco-fast": "COCO AP in a fraction of the time",
    "openvino": "an engine on processors, for verify, predict and time",
    "onnxruntime": "an engine for time",
    "tensorrt": "an engine for time, on NVIDIA GPUs",
    "gpu": "clocks, throttling and other processes on a GPU, for time",
    "sign": "signing bundles of records, and checking who signed them",
    "report": "report html, figures, and Parquet",
}
"""Extra -> what it is for."""

_SHOWN = ("numpy", "opencv-python-headless", "pillow", "pycocotools")
"""Packages that digits depend on; the others are told only when something is wrong."""

_MODULES = {
    "markdown-it-py": "markdown_it",
    "opencv-python-headless": "cv2",
    "pillow": "PIL.Image",
    "pycocotools": "pycocotools.mask",
    "pyyaml": "yaml",
    "scipy": "scipy.sparse",
}
"""Package -> module to import, where its name is another or alone loads what is compiled."""

ELSEWHERE = ("torch", "torchvision")
"""Packages that have an area of their own."""

_OPENCVS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
"""All bring a module cv2, into the same folder."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A package that hrnet-zoo was installed with, or could be."""

    package: str
    at_least: str
    """The lowest version."""
    extra: str | None = None
    """The extra that it belongs to; None: it is always needed."""


def requirements() -> list[Requirement]:
    """Return what the installed hrnet-zoo says it needs.

    Raises:
        PackageNotFoundError: it runs from a folder, without being installed.
    """
    found = []
    for line in requires("hrnet-zoo") or ():
        package = re.match(r"[\w.-]+", line)
        lowest = re.search(r"[>~]=\s*([\d.]+)", line)
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", line)
        assert package is not None, line
        assert lowest is not None, line
        found.append(
            Requirement(
                package=package[0].lower(), at_least=lowest[1], extra=extra[1] if extra else None
            )
        )
    return found


def is_older(given: str, lowest: str) -> bool:
    """Whether a version is below another one, by their leading numbers: "2.8.0+cu128" by 2.8.0."""
    return _numbers(given) < _numbers(lowest)


def _numbers(text: str) -> list[int]:
    leading = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in leading[0].split(".")] if leading else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def python(here: tuple[int, ...]) -> Finding:
    """Say whether this Python is one that is tested."""
    found = ".".join(map(str, here))
    oldest, newest = (".".join(map(str, v)) for v in (OLDEST_PYTHON, NEWEST_PYTHON))
    if OLDEST_PYTHON <= here[:2] <= NEWEST_PYTHON:
        return Finding(Area.SOFTWARE, "Python", State.FINE, found)
    state = State.BROKEN if here[:2] < OLDEST_PYTHON else State.NOTE
    remedy = f"Make a virtual environment with Python {oldest} to {newest}, which are tested."
    return Finding(Area.SOFTWARE, "Python", state, found, remedy)


def package(needed: Requirement, version: str | None, failure: str | None = None) -> Finding:
    """Say whether a package that is always needed is there, recent enough and in order.

    Args:
        needed: the package.
        version: that is installed; None: it is not.
        failure: why it cannot be imported; None: it can, or this was not tried.
    """
    name = needed.package.removesuffix("-python-headless")
    wanted = f'pip install "{needed.package}>={needed.at_least}"'
    if version is None:
        return Finding(Area.SOFTWARE, name, State.BROKEN, "not installed", wanted)
    if is_older(version, needed.at_least):
        found = f"{version}; at least {needed.at_least} is needed"
        return Finding(Area.SOFTWARE, name, State.BROKEN, found, wanted)
    if failure is not None:
        found = f"{version} cannot be imported: {failure}"
        remedy = f'pip install --force-reinstall "{needed.package}>={needed.at_least}"'
        return Finding(Area.SOFTWARE, name, State.BROKEN, found, remedy)
    return Finding(Area.SOFTWARE, name, State.FINE, version)


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages that are installed, by their names."""
    versions = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def import_failure(module: str) -> str | None:
    """Import a module; return why that does not work, or None if it does."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever it is, the line has to say it
        return first_line(error)
    return None


def opencvs(versions: Mapping[str, str]) -> Finding | None:
    """Say if several packages of OpenCV overwrite each other's files; None: they do not.

    Args:
        versions: of those that are installed, by their names.
    """
    if len(versions) < 2:
        return None
    found = " and ".join(f"{name} {version}" for name, version in versions.items())
    remedy = (
        f"pip uninstall {' '.join(versions)}, then install one: they overwrite each other's files."
    )
    return Finding(Area.SOFTWARE, "OpenCV twice", State.NOTE, found, remedy)


def extra(name: str, needed: Iterable[Requirement], versions: Mapping[str, str]) -> Finding:
    """Say whether an extra is installed; one that is absent is nothing to worry about.

    Args:
        name: of the extra.
        needed: its packages.
        versions: of all that are installed, by their names.
    """
    label, purpose = f"[{name}]", EXTRAS.get(name, "not described")
    needed = list(needed)
    there = [f"{n.package} {versions[n.package]}" for n in needed if n.package in versions]
    lacking = [n.package for n in needed if n.package not in versions]
    lacking += [
        f"{n.package} {n.at_least}"
        for n in needed
        if n.package in versions and is_older(versions[n.package], n.at_least)
    ]
    if not there:
        return Finding(Area.SOFTWARE, label, State.FINE, f"not installed ({purpose})")
    if lacking:
        found = f"{', '.join(there)}; lacks {', '.join(lacking)}"
        return Finding(Area.SOFTWARE, label, State.NOTE, found, f'pip install "hrnet-zoo[{name}]"')
    return Finding(Area.SOFTWARE, label, State.FINE, ", ".join(there))


def check() -> Iterator[Finding]:
    """Look at Python and at all packages but those of `ELSEWHERE`."""
    yield python(sys.version_info[:3])
    try:
        needed = requirements()
    except PackageNotFoundError:
        found = "hrnet-zoo runs from a folder, so nobody made sure that its packages are there"
        yield Finding(Area.SOFTWARE, "packages", State.NOTE, found, "In its folder: pip install .")
        return
    versions = installed(n.package for n in needed)
    several = installed(_OPENCVS)
    if several:  # any of them will do
        versions["opencv-python-headless"] = next(iter(several.values()))
    others = 0
    for one in (n for n in needed if n.extra is None and n.package not in ELSEWHERE):
        module = _MODULES.get(one.package, one.package)
        finding = package(one, versions.get(one.package), import_failure(module))
        if one.package in _SHOWN or finding.state is not State.FINE:
            yield finding
        else:
            others += 1
    yield Finding(Area.SOFTWARE, "others", State.FINE, f"{others} packages, all in order")
    if (clash := opencvs(several)) is not None:
        yield clash
    for name in EXTRAS:
        yield extra(name, (n for n in needed if n.extra == name), versions)
