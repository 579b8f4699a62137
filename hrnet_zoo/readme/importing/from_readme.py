"""The results tables of a README as entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.importing import naming
from hrnet_zoo.readme.importing.derive import derive_reading
from hrnet_zoo.readme.importing.entries import Entry, Place, Problem
from hrnet_zoo.readme.markdown import Line, MarkdownText
from hrnet_zoo.readme.matching import Match, match_lines
from hrnet_zoo.readme.results import (
    ResultsTable,
    explain_ragged,
    links_of,
    results_tables,
    titles_of,
)
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import LINKS, NETWORKS, normalised, tasks_of
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import Table, Task
from hrnet_zoo.zoo.zoo import Zoo


@dataclass(frozen=True, kw_only=True)
class ReadmeRows:
    """What was understood of a README, and what was not."""

    tables: list[Table]
    entries: list[Entry]
    problems: list[Problem]


def read_readme(document: MarkdownText, file: str, source: str, zoo: Zoo) -> ReadmeRows:
    """Return the rows of all results tables.

    Args:
        document: the README's tables.
        file: its name, for messages.
        source: key that the manifest is to have for it.
        zoo: names the rows that link nothing, and knows titles of columns.

    Raises:
        ReadmeError: there is no results table.
    """
    rows = ReadmeRows(tables=[], entries=[], problems=[])
    for table in results_tables(document, titles_of(zoo.tables), file):
        try:
            declared = _declared(table, source, rows.tables)
        except ReadmeError as error:
            place = Place(file=file, line=table.markdown.header.number)
            rows.problems.append(Problem(place=place, reason=str(error)))
            continue
        rows.tables.append(declared)
        rows.problems.extend(_unknown_columns(table, file))
        names = _names_in(zoo, table)
        for position, line in enumerate(table.markdown.lines):
            place = Place(file=file, line=line.number)
            try:
                _require_readable(table, line)
                entry = _entry(table, line, declared, position, place, names.get(line.number))
            except ReadmeError as error:
                rows.problems.append(Problem(place=place, reason=str(error)))
            else:
                rows.entries.append(entry)
    return rows


def _declared(table: ResultsTable, source: str, earlier: Sequence[Table]) -> Table:
    """Return the table as the manifest declares it."""
    heading = table.markdown.heading
    tasks = tasks_of(table.columns)
    if not heading:
        msg = "the table has no heading above it, by which a manifest would know it; left out"
        raise ReadmeError(msg)
    if not any(column in table.columns for column in NETWORKS):
        msg = 'the table has no column "Backbone" or "Model", which a manifest needs; left out'
        raise ReadmeError(msg)
    if len(tasks) != 1 or tasks[0] not in get_args(Task):
        msg = f"the columns do not tell whether it is about {' or '.join(get_args(Task))}; left out"
        raise ReadmeError(msg)
    if any(other.heading == heading for other in earlier):
        msg = f'a second table stands under the heading "{heading}"; left out'
        raise ReadmeError(msg)
    places = sorted(table.columns.items(), key=lambda item: item[1])
    columns = {table.title(column): column for column, _ in places}
    return Table(source=source, heading=heading, task=cast("Task", tasks[0]), columns=columns)


def _unknown_columns(table: ResultsTable, file: str) -> list[Problem]:
    """Name the columns that a manifest has no field for, except those that "readme" adds."""
    place = Place(file=file, line=table.markdown.header.number)
    own = {
        normalised(f"{table.title(metric)} ({kind})")
        for metric in table.metrics
        for kind in ("measured", "delta")
    }
    known = set(table.columns.values())
    titles = [
        cell.core
        for i, cell in enumerate(table.markdown.header.cells)
        if i not in known and normalised(cell.core) not in own
    ]
    reason = 'the manifest has no field for the column "{}"; left out'
    return [Problem(place=place, reason=reason.format(title)) for title in titles]


def _names_in(zoo: Zoo, table: ResultsTable) -> dict[int, str]:
    """Return line number -> the zoo's name, for lines that the zoo knows."""
    if table.markdown.ragged():
        return {}
    matches = match_lines(zoo, table)
    return {match.line.number: match.row.name for match in matches if isinstance(match, Match)}


def _require_readable(table: ResultsTable, line: Line) -> None:
    if len(line.cells) != len(table.markdown.header.cells):
        raise ReadmeError(f"{explain_ragged(table, line)}; left out")
    for metric in table.metrics:
        try:
            printed_number(table.cell(line, metric).core)
        except ValueError as error:
            raise ReadmeError(f"{table.title(metric)}: {error}; left out") from None
    checkpoint = links_of(line).checkpoint
    if checkpoint is not None and promised_sha256(link_file_name(checkpoint)) is None:
        msg = (
            f'"{link_file_name(checkpoint)}" does not end in the first 8 digits of its SHA-256 '
            '("-0123abcd.pth"), which a manifest needs; left out'
        )
        raise ReadmeError(msg)
    download = table.cell(line, "download").text if "download" in table.columns else ""
    if checkpoint is None and download not in ("", "-"):
        raise ReadmeError(f'no link to a .pth file in "{download[:80]}"; left out')


def _entry(
    table: ResultsTable,
    line: Line,
    declared: Table,
    position: int,
    place: Place,
    known_name: str | None,
) -> Entry:
    links = links_of(line)
    own_name = None
    if links.checkpoint is not None:
        own_name = naming.published_name(links.checkpoint)
    if own_name is None and links.config is not None:
        own_name = link_file_name(links.config).removesuffix(".py")
    printed = _printed(table, line)
    method = printed.get("method") or declared.heading
    derived = derive_reading(
        declared.task,
        method=method,
        label=next(printed[c] for c in NETWORKS if c in printed),
        name=own_name,
        dataset_title=declared.heading,
        crop=printed.get("crop_size"),
    )
    return Entry(
        place=place,
        name=own_name or known_name,
        task=declared.task,
        source=declared.source,
        table=declared.heading,
        position=position,
        method=method,
        printed=printed,
        config_url=links.config,
        checkpoint_url=links.checkpoint,
        log_url=links.log,
        setup=derived.setup,
        missing=derived.missing,
        notes=derived.notes,
    )


def _printed(table: ResultsTable, line: Line) -> dict[str, str]:
    """Return the cells as quoted, without emphasis."""
    columns = sorted(set(table.columns).difference(LINKS), key=table.columns.__getitem__)
    return {column: table.cell(line, column).core for column in columns}
