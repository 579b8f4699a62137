"""Widths in the labels of backbones, and which labels stand for a row's backbone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hrnet_zoo.zoo.row import Row

_LABEL_WIDTH = re.compile(r"(?<![A-Za-z0-9])W(\d+)(-Small)?(?![A-Za-z0-9])", re.ASCII)
_READING_WIDTH = re.compile(r"w(\d+)(_small)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Width:
    """How wide an HRNet is: the channels of its finest branch."""

    channels: int
    small: bool
    """Whether it is the variant with fewer blocks."""

    def as_label(self) -> str:
        """Return it as tables print it, e.g. "W18-Small"."""
        return f"W{self.channels}" + "-Small" * self.small


def width_in_label(label: str) -> tuple[Width, tuple[int, int]] | None:
    """Return the width that a table's label tells, and from where to where it does."""
    found = list(_LABEL_WIDTH.finditer(label))
    if len(found) != 1:
        return None
    return Width(channels=int(found[0][1]), small=bool(found[0][2])), found[0].span()


def width_of_reading(backbone: str) -> Width | None:
    """Return the width of a backbone as the manifest names it; None if it is not an HRNet."""
    match = _READING_WIDTH.fullmatch(backbone)
    return Width(channels=int(match[1]), small=bool(match[2])) if match else None


def labels_of(row: Row) -> tuple[str, ...]:
    """Return the labels that stand for a row's backbone; none if its table has no such column.

    The first is the quotation. Where its width is wrong, a README in which that was corrected is
    as good, and the second label is the corrected one.
    """
    quoted = row.text("backbone")
    if quoted is None:
        return ()
    said, width = width_in_label(quoted), width_of_reading(row.setup.backbone)
    if said is None or width is None or said[0] == width:
        return (quoted,)
    start, end = said[1]
    return quoted, f"{quoted[:start]}{width.as_label()}{quoted[end:]}"
