"""A figure of every class: one table per data set and metric, shaded like a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.report.html.gathering import Claim
from hrnet_zoo.report.html.wording import anchor, clipped, short_name
from hrnet_zoo.tasks import METRICS

_SHADES = 10


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
    columns: tuple[tuple[str, str], ...]
    """(short name, id on the page) of each row of the zoo."""
    lines: tuple[tuple[str, tuple[ClassCell, ...]], ...]
    """Class and its cells, in the order of the labels."""


def class_scores(record: AccuracyRecord, metric: str) -> dict[str, float | None]:
    """Return a metric's figure in percent by class, as measured; empty if the record has none."""
    measurement = record.measurement(metric)
    shown = METRICS[metric].per_class
    if measurement is None or shown is None:
        return {}
    return {c.name: c.figures.get(shown[0]) for c in measurement.classes}


def class_tables(claims: Sequence[Claim]) -> list[ClassTable]:
    """Return the tables of all measured claims; metrics without figures of classes have none."""
    grouped: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        if claim.record is None:
            continue
        if class_scores(claim.record, claim.metric):
            grouped.setdefault((claim.row.setup.dataset, claim.metric), []).append(claim)
    return [_table(dataset, metric, group) for (dataset, metric), group in grouped.items()]


def _table(dataset: str, metric: str, claims: Sequence[Claim]) -> ClassTable:
    scores = [class_scores(claim.record, metric) for claim in claims if claim.record]
    names = list(dict.fromkeys(name for of_row in scores for name in of_row))
    known = [value for of_row in scores for value in of_row.values() if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return ClassTable(
        dataset=dataset,
        title=(METRICS[metric].per_class or ("", ""))[1],
        columns=tuple((_column(claim), anchor(claim.row)) for claim in claims),
        lines=tuple(
            (clipped(name, 60), tuple(_cell(of_row.get(name), low, high) for of_row in scores))
            for name in names
        ),
    )


def _column(claim: Claim) -> str:
    return short_name(claim.row) + (", later" if claim.row.edition == "later" else "")


def _cell(value: float | None, low: float, high: float) -> ClassCell:
    if value is None:
        return ClassCell(text="-", shade=None)
    share = (value - low) / (high - low) if high > low else 1.0
    return ClassCell(text=f"{value:.1f}", shade=min(_SHADES - 1, int(share * _SHADES)))
