"""A README's results tables brought in line with the manifest and the records."""

from __future__ import annotations

from dataclasses import dataclass

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.markdown import Line, read_markdown
from hrnet_zoo.readme.matching import match_lines
from hrnet_zoo.readme.plan import Change, Columns, Plan
from hrnet_zoo.readme.results import explain_ragged, results_tables, titles_of
from hrnet_zoo.readme.text import spliced
from hrnet_zoo.verdicts.latest import Measured
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A line that is not a row of the zoo."""

    line: int
    reason: str


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
    ragged = [
        f"  {where}:{line.number}: {explain_ragged(table, line)}."
        for table in tables
        for line in table.markdown.ragged()
    ]
    if ragged:
        msg = (
            "Which cell is which cannot be told in lines that have too few or too many; correct "
            "them, nothing was changed:\n"
        )
        raise ReadmeError(msg + "\n".join(ragged))
    plans: list[Plan] = []
    unknown: list[Unknown] = []
    for table in tables:
        rows: list[tuple[Line, Row]] = []
        for line, found in match_lines(zoo, table):
            if isinstance(found, str):
                unknown.append(Unknown(line=line.number, reason=found))
            else:
                rows.append((line, found))
        plan = Plan(table=table, rows=rows, measured=measured, columns=columns)
        plan.make()
        plans.append(plan)
    changes = [change for plan in plans for change in plan.changes]
    documented = [key for plan in plans for key in plan.documented]
    return Update(
        old=text,
        new=spliced(text, [edit for plan in plans for edit in plan.edits]),
        changes=tuple(sorted(changes, key=lambda change: change.line)),
        unknown=tuple(unknown),
        num_tables=len(tables),
        num_rows=sum(len(plan.rows) for plan in plans),
        num_unmeasured=sum(key not in measured for key in documented),
        num_documented=len(documented),
    )
