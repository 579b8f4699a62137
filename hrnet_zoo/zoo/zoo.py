"""All rows of a manifest, and how to pick from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.zoo.row import EditionName, Manifest, Row, Table


class Zoo:
    """All rows of a validated manifest, in the order of the READMEs."""

    def __init__(self, manifest: Manifest, path: Path) -> None:
        self.path = path
        """The manifest's file; relative checkpoint paths start at its folder."""
        self.sources = manifest.sources
        self.tables = tuple(manifest.tables)
        self.rows = tuple(manifest.rows)
        self._by_name = {row.name: row for row in self.rows}

    def row(self, name: str, edition: EditionName = "readme") -> Row:
        """Return the row called ``name``, as the README or what was published later claims it.

        Raises:
            UsageError: there is none, and the message offers the closest names; or the row has no
                such edition.
        """
        try:
            row = self._by_name[name]
        except KeyError:
            close = did_you_mean(name, self._by_name)
            msg = f'No row is called "{name}".{close} "hrnet-zoo list" prints all names.'
            raise UsageError(msg) from None
        return row.in_edition(edition)

    def in_edition(self, edition: EditionName) -> list[Row]:
        """Return all rows that have such an edition, in it."""
        return [each for row in self.rows for each in row.editions if each.edition == edition]

    def select(
        self, *, task: str | None = None, dataset: str | None = None, method: str | None = None
    ) -> list[Row]:
        """Return the rows that fit all given criteria; names are compared without case.

        Raises:
            UsageError: a criterion names nothing in the manifest.
        """
        criteria: dict[str, tuple[str | None, Callable[[Row], str]]] = {
            "task": (task, lambda row: row.task),
            "dataset": (dataset, lambda row: row.setup.dataset),
            "method": (method, lambda row: row.method),
        }
        rows = list(self.rows)
        for criterion, (wanted, value_of) in criteria.items():
            if wanted is None:
                continue
            known = sorted({value_of(row) for row in self.rows})
            if wanted.lower() not in map(str.lower, known):
                msg = f'No row has the {criterion} "{wanted}"; there is: {", ".join(known)}.'
                raise UsageError(msg)
            rows = [row for row in rows if value_of(row).lower() == wanted.lower()]
        return rows

    def table_of(self, row: Row) -> Table:
        """Return the table the row stands in."""
        return next(t for t in self.tables if (t.source, t.heading) == (row.source, row.table))

    def metrics_of(self, row: Row, names: Sequence[str]) -> tuple[str, ...]:
        """Return the metrics called ``names``, or the row's accuracy if there are no names.

        Raises:
            UsageError: a name is not that of a metric, or the row's table has no column for it.
        """
        columns = self.table_of(row).columns.values()
        there = [metric for metric in METRICS if metric in columns]
        task = TASKS[row.task]
        if not names:
            return tuple(n for n in there if METRICS[n].is_default and task.measures(METRICS[n]))
        for name in names:
            if name not in there:
                close = did_you_mean(name, there)
                msg = (
                    f'{row.name} has no metric "{name}".{close} Its table has: {", ".join(there)}.'
                )
                raise UsageError(msg)
        return tuple(metric for metric in there if metric in names)

    def rows_of(self, table: Table) -> list[Row]:
        """Return the rows of one table in their printed order."""
        here = [r for r in self.rows if (r.source, r.table) == (table.source, table.heading)]
        return sorted(here, key=lambda row: row.position)
