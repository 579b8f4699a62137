"""What the names that upstream gives to files say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from hrnet_zoo.readme.labels import Width

_CHECKPOINT = re.compile(r"(.+?)(?:_(\d{8})(?:_\d{6})?)?(?:-[0-9a-zA-Z]*)?\.pth", re.ASCII)
_LOG = re.compile(r"(.+?)([_-])\d{8}(?:_\d{6})?\.log(?:\.json)?", re.ASCII)
_FILE_WIDTH = re.compile(r"(?<![a-z0-9])(?:hr|w)(\d+)(s?)(?![a-z0-9])", re.ASCII)
_ITERATIONS = re.compile(r"(\d+)k", re.ASCII)
_EPOCHS = re.compile(r"\d+[xe]", re.ASCII)
_CROP = re.compile(r"\d{3,}x\d{3,}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class LogName:
    """The parts of a log's file name."""

    stem: str
    separator: str


def checkpoint_stem(file_name: str) -> str:
    """Return a checkpoint's name without date, hash and ending: the name of its configuration."""
    match = _CHECKPOINT.fullmatch(file_name)
    return match[1] if match else file_name.removesuffix(".pth")


def checkpoint_date(file_name: str) -> date | None:
    """Return the date in a checkpoint's name, if there is one."""
    match = _CHECKPOINT.fullmatch(file_name)
    try:
        return date.fromisoformat(match[2]) if match and match[2] else None
    except ValueError:
        return None


def log_name(file_name: str) -> LogName | None:
    """Return the parts of a log's name, or None if it is not built like that."""
    match = _LOG.fullmatch(file_name)
    return LogName(stem=match[1], separator=match[2]) if match else None


def width_in_file_name(stem: str) -> Width | None:
    """Return the width that a file's name tells, or None if it tells none, or two."""
    found = {Width(channels=int(w), small=bool(s)) for w, s in _FILE_WIDTH.findall(stem)}
    return found.pop() if len(found) == 1 else None


def schedule_in_file_name(stem: str) -> str | None:
    """Return the schedule that a file's name tells, as tables print it, or None."""
    found = [part for part in stem.split("_") if _EPOCHS.fullmatch(part)]
    found += [
        f"{match[1]}000" for part in stem.split("_") if (match := _ITERATIONS.fullmatch(part))
    ]
    return found[0] if len(found) == 1 else None


def crop_in_file_name(stem: str) -> str | None:
    """Return the crop that a file's name tells, "height x width" as tables print it, or None."""
    found = [part for part in stem.split("_") if _CROP.fullmatch(part)]
    return found[0] if len(found) == 1 else None
