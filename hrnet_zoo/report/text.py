"""The forms that all reports share: JSON, numbers, titles, aligned tables, sections of pairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal

from pydantic import BaseModel

from hrnet_zoo.system import foreign
from hrnet_zoo.tasks import METRICS

_SIDES = {"l": "left", "r": "right"}


def to_json(content: object) -> str:
    """Return a value as indented JSON, for programs and for people."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Decimal):
        return float(value)
    return value.name.lower() if isinstance(value, Enum) else str(value)


def or_dash(value: float | Decimal | None, form: str = "") -> str:
    """Return a number, or a dash where there is none.

    Args:
        value: the number.
        form: as of `format`; by default, all its digits.
    """
    return "-" if value is None else format(value, form)


def metric_title(metric: str) -> str:
    """Return what people call a metric; its own name, if it is another program's."""
    return METRICS[metric].title if metric in METRICS else metric


def in_words(value: object) -> str:
    """Return a JSON value for people, without its brackets."""
    if isinstance(value, dict):
        said = (f"{name} {in_words(v)}" for name, v in value.items() if v is not None)
        return ", ".join(said)
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else "-" if value is None else str(value)


def aligned(
    titles: Sequence[str],
    lines: Iterable[Sequence[str]],
    align: str,
    form: Literal["simple", "pipe", "plain"] = "simple",
) -> str:
    """Return a table whose columns are aligned.

    Args:
        titles: of the columns.
        lines: the cells of each.
        align: a letter for each column, "l" for left or "r" for right.
        form: for terminals, Markdown's with pipes, or without titles.
    """
    from tabulate import tabulate  # noqa: PLC0415 - JSON, which programs wait for, needs none

    sides = [_SIDES[letter] for letter in align]
    cells = [[foreign.on_one_line(cell) for cell in line] for line in lines]
    return tabulate(cells, titles, tablefmt=form, disable_numparse=True, colalign=sides)


def section(heading: str, pairs: Sequence[tuple[str, str]], width: int = 0) -> str:
    """Return a heading and, below it, one line for each pair of what is told and what it is.

    Args:
        heading: of the section.
        pairs: the lines.
        width: at least, of what is told.
    """
    width = max([width, *(len(what) for what, _ in pairs)])
    lines = (foreign.on_one_line(f"  {what:<{width}}  {value}") for what, value in pairs)
    return "\n".join([foreign.on_one_line(heading), *lines])
