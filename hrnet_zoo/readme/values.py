"""The number that a cell states: without emphasis and link, unit and remark."""

from __future__ import annotations

import re

from hrnet_zoo.readme.markdown import Cell
from hrnet_zoo.tasks.metric import SINGLE, SIZE, Metric, Unit

_MARKUP = re.compile(
    r"<sup\b[^<>]*>[^<>]*</sup>|<(?!/?(?:del|s|strike)\b)[^<>]*>|&nbsp;|&[dD]agger;"
    r"|\[\^[^\[\]]*\]|\]\([^()]*(?:\([^()]*\)[^()]*)*\)|\]\[[^\[\]]*\]|\\\*"
    r"|[\[\]*_`$\u2020\u2021\u00a7]",
    re.IGNORECASE,
)
"""Tags, footnotes, links and emphasis, but nothing that strikes a number out."""
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)")
_BEHIND = re.compile(
    r"(?P<unit>%|[A-Za-z]+)? ?(?P<remark>\([^()]*\)|(?:\u00b1|\+/-) ?[0-9]+(?:\.[0-9]+)? ?%?)?"
)
"""What can stand behind a number."""
_NOTHING = re.compile(r"[-\u2013\u2014]*|n/?a|tbd", re.IGNORECASE)
_UNITS: dict[Unit, tuple[str, ...]] = {
    "percent": ("%",),
    "fraction": (),
    "GB": ("GB", "G"),
    "fps": ("fps", "FPS"),
    "M": ("M",),
    "G": ("G",),
}


def stated_number(cell: Cell, metric: Metric) -> Cell | None:
    """Return the part of a cell that is its number, or None if it does not clearly state one.

    In "80.36 (79.9)" it is the first, unless two figures may be one of each protocol.

    Args:
        cell: in a column of the metric.
        metric: tells which unit can follow the number.
    """
    # All else stays where it is.
    plain = _MARKUP.sub(lambda found: " " * len(found[0]), cell.raw)
    number = _NUMBER.match(plain)
    behind = number and _BEHIND.fullmatch(" ".join(plain[number.end() :].split()))
    if not number or not behind or behind["unit"] not in (None, *_UNITS[metric.unit]):
        return None
    has_second = re.search(r"\([^()]*[0-9]", behind["remark"] or "") is not None
    if has_second and metric.protocol not in (SINGLE, SIZE, None):
        return None
    return Cell(start=cell.start + number.start(1), raw=number[1])


def says_nothing(cell: Cell) -> bool:
    """Return whether a cell is blank, or says in some way that nothing is stated."""
    return _NOTHING.fullmatch(cell.core) is not None
