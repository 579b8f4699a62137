"""READMEs of other projects: most of their results are read, and none wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.foreign import READMES, TrueRow, truth_about

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.lint.document import TableRow
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import NETWORKS
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo()
NAMES = ("method", *NETWORKS)
WANTED = 0.9
"""The share of rows with numbers of ours that must be read."""


def rows_of(path: Path) -> list[TableRow]:
    """Return the rows of all results tables that are recognised."""
    try:
        return list(readme_document(path.read_bytes().decode(), path.name, ZOO).rows)
    except ReadmeError:
        return []


def read(row: TableRow) -> dict[str, str]:
    """Return the numbers that are read, as printed."""
    numbers = {metric: row.readable(metric) for metric in METRICS}
    return {metric: str(number) for metric, number in numbers.items() if number is not None}


def misread(row: TableRow, truth: TrueRow | None) -> Iterator[str]:
    """Yield what is said of a row that is not so."""
    if truth is None:
        yield "there is no row"
        return
    for metric, number in read(row).items():
        if truth.metrics.get(metric) != number:
            yield f"{metric} {number}"
    if not read(row):
        return
    for label in NAMES:
        if row.text(label) not in ("", truth.labels.get(label)):
            yield f"{label} {row.text(label)}"
    if row.checkpoint is not None and row.checkpoint.text != truth.checkpoint:
        yield row.checkpoint.text


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.stem)
def test_nothing_is_read_that_is_not_so(path: Path) -> None:
    truth = truth_about(path).rows
    wrong = {row.place.line: list(misread(row, truth.get(row.place.line))) for row in rows_of(path)}
    assert {line: what for line, what in wrong.items() if what} == {}


def test_most_rows_with_our_metrics_are_read() -> None:
    wanted = understood = 0
    unread = []
    for path in READMES:
        rows = {row.place.line: row for row in rows_of(path)}
        for line, truth in truth_about(path).rows.items():
            if not truth.metrics:
                continue
            wanted += 1
            row = rows.get(line)
            if row is not None and read(row) == truth.metrics and named(row, truth):
                understood += 1
            else:
                unread.append(f"{path.name}:{line}")
    assert wanted > 60
    assert understood >= WANTED * wanted, unread


def named(row: TableRow, truth: TrueRow) -> bool:
    """Whether the row is known by all that names it."""
    return all(row.text(label) == text for label, text in truth.labels.items())
