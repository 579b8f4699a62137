"""Per class: IoU or AP, one table per data set and metric, shaded like a heat map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hrnet_zoo.report.html.gathering import Claim
from hrnet_zoo.report.html.wording import anchor, clipped, short_name
from hrnet_zoo.tasks import METRICS

_SHADES = 10
Scores = dict[str, float | None]
"""Class -> percent, as measured."""


@dataclass(frozen=True, kw_only=True)
class ClassCell:
    """One class of one row."""

    text: str
    shade: int | None
    """0 (lowest of the table) to 9 (highest); None where there is no value."""


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """All classes of a data set, by row."""

    dataset: str
    title: str
    """What is shown: "IoU" or which AP."""
    columns: Sequence[tuple[str, str]]
    """(short name, id on the page) of each row of the zoo."""
    lines: Sequence[tuple[str, Sequence[ClassCell]]]
    """Class and its cells, in the order of the labels."""


def class_tables(claims: Iterable[Claim]) -> list[ClassTable]:
    """Return the tables of all measured claims; a second protocol (ms+flip) has none."""
    grouped: dict[tuple[str, str], dict[tuple[str, str], Scores]] = {}
    for claim in claims:
        scores = _scores(claim)
        if scores:
            later = ", later" if claim.row.edition == "later" else ""
            column = (short_name(claim.row) + later, anchor(claim.row))
            grouped.setdefault((claim.row.setup.dataset, claim.metric), {})[column] = scores
    return [_table(dataset, metric, group) for (dataset, metric), group in grouped.items()]


def _scores(claim: Claim) -> Scores:
    """Return the figure of every class that is shown for a claim; empty if there is none."""
    measurement = claim.record.measurement(claim.metric) if claim.record else None
    shown = METRICS[claim.metric].per_class
    if measurement is None or shown is None:
        return {}
    return {one.name: one.figures.get(shown[0]) for one in measurement.classes}


def _table(dataset: str, metric: str, columns: dict[tuple[str, str], Scores]) -> ClassTable:
    names = dict.fromkeys(name for scores in columns.values() for name in scores)
    known = [v for scores in columns.values() for v in scores.values() if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return ClassTable(
        dataset=dataset,
        title=(METRICS[metric].per_class or ("", ""))[1],
        columns=list(columns),
        lines=[
            (clipped(name, 60), [_cell(s.get(name), low, high) for s in columns.values()])
            for name in names
        ],
    )


def _cell(value: float | None, low: float, high: float) -> ClassCell:
    if value is None:
        return ClassCell(text="-", shade=None)
    share = (value - low) / (high - low) if high > low else 1.0
    return ClassCell(text=f"{value:.1f}", shade=min(_SHADES - 1, int(share * _SHADES)))
