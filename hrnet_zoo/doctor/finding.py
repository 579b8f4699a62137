"""One line of an examination, and what turns a check that fails itself into such a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hrnet_zoo.errors import ZooError, explain_os_error


class State(StrEnum):
    """How good what was found is."""

    FINE = "fine"
    NOTE = "note"
    """Worth knowing; everything asked for works."""
    BROKEN = "broken"
    """Something asked for cannot work."""


class Area(StrEnum):
    """What part of the machine is looked at, in this order; the value is a heading."""

    SOFTWARE = "Python and packages"
    TORCH = "torch"
    DEVICES = "devices"
    PROCESSORS = "processors"
    PIXELS = "pixels"
    FOLDERS = "folders"
    DATA = "data sets"
    NETWORK = "network"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    area: Area
    name: str
    """What was looked at."""
    state: State
    found: str
    remedy: str | None = None
    """What to do; None only where everything is fine."""

    def __post_init__(self) -> None:
        assert self.state is State.FINE or self.remedy, self


def is_ready(findings: Iterable[Finding]) -> bool:
    """Whether all that was asked for works."""
    return all(finding.state is not State.BROKEN for finding in findings)


def guarded(area: Area, name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; if it fails itself, a line that says so."""
    try:
        yield from check()
    except (ZooError, OSError) as error:
        found = explain_os_error(error) if isinstance(error, OSError) else str(error)
        yield Finding(area, name, State.BROKEN, found, "Do what the message says.")
    except ImportError as error:
        remedy = "Mend that package first; it has a line of its own."
        yield Finding(area, name, State.BROKEN, f"cannot be looked at: {error}", remedy)
    except Exception as error:  # noqa: BLE001 - a broken machine breaks things in any way
        found = f"this check failed itself: {first_line(error)}"
        remedy = "Something here is out of the ordinary; please report this line."
        yield Finding(area, name, State.BROKEN, found, remedy)


def first_line(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    said = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
