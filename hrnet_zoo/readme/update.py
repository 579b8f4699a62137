"""A README's results tables brought in line with the manifest and the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.added import plan_columns
from hrnet_zoo.readme.cells import count_unmeasured, plan_cells
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.matching import Unknown, match_lines
from hrnet_zoo.readme.plan import Change, Columns, Plan
from hrnet_zoo.readme.results import ResultsTable, explain_ragged, results_tables, titles_of
from hrnet_zoo.readme.splice import spliced
from hrnet_zoo.verdicts.latest import Measured
from hrnet_zoo.zoo.zoo import Zoo


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a README becomes."""

    old: str
    new: str
    """The same text where nothing has to change, character for character."""
    changes: tuple[Change, ...]
    unknown: tuple[Unknown, ...]
    """Lines that are not rows of the zoo; they stay as they are."""
    num_tables: int
    num_rows: int
    """Lines that are rows of the zoo."""
    num_unmeasured: int
    """Documented values in the tables without a full, comparable measurement."""
    num_documented: int


def update_readme(
    text: str, zoo: Zoo, measured: Measured, columns: Columns, where: str = "The text"
) -> Update:
    """Return a README's text with the cells changed whose value is another one.

    Args:
        text: of the README, with its line ends.
        zoo: rows and their documented values.
        measured: verdicts on what was measured; not read for "documented".
        columns: whose numbers the tables show.
        where: the file's name, for messages.

    Raises:
        ReadmeError: there is no results table, or one has a line with too few or too many cells.
    """
    tables = results_tables(read_markdown(text), titles_of(zoo.tables), where)
    _require_whole_lines(tables, where)
    plans: list[Plan] = []
    unknown: list[Unknown] = []
    for table in tables:
        matches, not_matched = match_lines(zoo, table)
        unknown += not_matched
        plan = Plan(table=table, matches=matches, measured=measured, columns=columns)
        plan_cells(plan)
        plan_columns(plan)
        plans.append(plan)
    counts = [count_unmeasured(plan) for plan in plans]
    changes = [change for plan in plans for change in plan.changes]
    return Update(
        old=text,
        new=spliced(text, [edit for plan in plans for edit in plan.edits]),
        changes=tuple(sorted(changes, key=lambda change: change.line)),
        unknown=tuple(unknown),
        num_tables=len(tables),
        num_rows=sum(len(plan.matches) for plan in plans),
        num_unmeasured=sum(missing for missing, _ in counts),
        num_documented=sum(documented for _, documented in counts),
    )


def _require_whole_lines(tables: Sequence[ResultsTable], where: str) -> None:
    problems = [
        f"  {where}:{line.number}: {explain_ragged(table, line)}."
        for table in tables
        for line in table.markdown.ragged()
    ]
    if problems:
        listing = "\n".join(problems)
        msg = (
            "Which cell is which cannot be told in lines that have too few or too many; correct "
            f"them, nothing was changed:\n{listing}"
        )
        raise ReadmeError(msg)
