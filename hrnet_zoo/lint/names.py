"""What the names that upstream gives to files say, and what the labels in tables say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_CHECKPOINT = re.compile(r"(.+?)(?:_(\d{8})(?:_\d{6})?)?(?:-[0-9a-zA-Z]*)?\.pth", re.ASCII)
_LOG = re.compile(r"(.+?)([_-])(\d{8}(?:_\d{6})?)\.log(?:\.json)?", re.ASCII)
_FILE_WIDTH = re.compile(r"(?<![a-z0-9])(?:hr|w)(\d+)(s?)(?![a-z0-9])", re.ASCII)
_LABEL_WIDTH = re.compile(r"(?<![A-Za-z0-9])W(\d+)(-Small)?(?![A-Za-z0-9])", re.ASCII)
_READING_WIDTH = re.compile(r"w(\d+)(_small)?", re.ASCII)
_ITERATIONS = re.compile(r"(\d+)k", re.ASCII)
_EPOCHS = re.compile(r"\d+[xe]", re.ASCII)
_CROP = re.compile(r"\d{3,}x\d{3,}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Width:
    """How wide an HRNet is: the channels of its finest branch."""

    channels: int
    small: bool
    """Whether it is the variant with fewer blocks."""

    def as_label(self) -> str:
        """Return it as tables print it, e.g. "W18-Small"."""
        return f"W{self.channels}" + "-Small" * self.small


@dataclass(frozen=True, kw_only=True)
class LogName:
    """The parts of a log's file name."""

    stem: str
    separator: str
    stamp: str


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
    return LogName(stem=match[1], separator=match[2], stamp=match[3]) if match else None


def width_in_file_name(stem: str) -> Width | None:
    """Return the width that a file's name tells, or None if it tells none, or two."""
    found = {Width(channels=int(w), small=bool(s)) for w, s in _FILE_WIDTH.findall(stem)}
    return found.pop() if len(found) == 1 else None


def width_in_label(label: str) -> tuple[Width, tuple[int, int]] | None:
    """Return the width that a table's label tells, and from where to where it does."""
    found = list(_LABEL_WIDTH.finditer(label))
    if len(found) != 1:
        return None
    return Width(channels=int(found[0][1]), small=bool(found[0][2])), found[0].span()


def width_of_reading(backbone: str) -> Width | None:
    """Return the width of a backbone as the manifest names it; None if it is no HRNet."""
    match = _READING_WIDTH.fullmatch(backbone)
    return Width(channels=int(match[1]), small=bool(match[2])) if match else None


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
