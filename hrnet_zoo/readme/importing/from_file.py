"""A README or metafile, whichever it is, as entries of a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from hrnet_zoo.errors import ReadmeError, UsageError
from hrnet_zoo.readme.importing.entries import (
    Entry,
    Imported,
    LeftOut,
    Place,
    hash_problem,
    names_of,
)
from hrnet_zoo.readme.importing.from_metafile import read_metafile
from hrnet_zoo.readme.markdown import Line, MarkdownText, read_markdown
from hrnet_zoo.readme.results import (
    ResultsTable,
    added_titles,
    explain_ragged,
    links_of,
    match_lines,
    results_tables,
    titles_of,
)
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.columns import LINKS, normalised, tasks_of
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import Row, Table
from hrnet_zoo.zoo.zoo import Zoo

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def import_file(path: Path, zoo: Zoo, source: str | None = None) -> Imported:
    """Return the rows of a README, metafile or model-index as entries of a manifest.

    Args:
        path: a file that ends in .md or .markdown, .yml or .yaml.
        zoo: a manifest; it knows names of rows that link nothing, and sources by their titles.
        source: key that the file is to have among the manifest's sources; None: that of the source
            in ``zoo`` with the README's title, or else the file's name.

    Raises:
        ReadmeError: the file cannot be read, or has no results at all.
        UsageError: the file is of another kind.
    """
    suffix = path.suffix.lower()
    by_name = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-") or "readme"
    if suffix in (".md", ".markdown"):
        document = read_markdown(read_text(path).removeprefix("\ufeff"))
        named = [key for key, known in zoo.sources.items() if known.title == document.title]
        key = source or (named[0] if named else by_name)
        found = read_readme(document, str(path), key, zoo)
        return _imported(key, document.title or path.name, zoo, found)
    if suffix in (".yml", ".yaml"):
        key = source or by_name
        imported = _imported(key, path.name, zoo, read_metafile(path, key))
        if not imported.entries and not imported.left_out:
            raise ReadmeError(f"{path} lists no models.")
        return imported
    msg = f"{path} is neither a README (.md) nor a metafile (.yml), by its name."
    raise UsageError(msg)


def _imported(key: str, title: str, zoo: Zoo, found: Iterable[Table | Entry | LeftOut]) -> Imported:
    tables: list[Table] = []
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    places: dict[str, Place] = {}
    for one in found:
        if isinstance(one, Table):
            tables.append(one)
        elif isinstance(one, LeftOut):
            left_out.append(one)
        else:
            entries.append(_named(one, places))
    known = zoo.sources.get(key)
    return Imported(
        source=key,
        title=known.title if known else title,
        url=known.url if known else None,
        tables=tuple(tables),
        entries=tuple(entries),
        left_out=tuple(sorted(left_out, key=lambda one: one.place)),
    )


def _named(entry: Entry, places: dict[str, Place]) -> Entry:
    """Return the row with the best name that a manifest takes and no other row has.

    Args:
        entry: the row.
        places: where each row is that has a name; this one is added.
    """
    wanted = (*entry.names, *filter(None, [entry.known_name]))
    allowed = [name for name in (*wanted, *map(str.lower, wanted)) if _NAME.fullmatch(name)]
    name = next((name for name in allowed if name not in places), None)
    if name is not None:
        places[name] = entry.place
        return replace(entry, name=name)
    if allowed:
        return replace(entry, why_no_name=f"{allowed[0]} is the row at {places[allowed[0]]}")
    return replace(entry, why_no_name="its links tell no name") if any(entry.links) else entry


def read_readme(
    document: MarkdownText, file: str, source: str, zoo: Zoo
) -> Iterator[Table | Entry | LeftOut]:
    """Yield each results table, followed by its rows and by what was not understood of them.

    Args:
        document: the README's tables.
        file: its name, for messages.
        source: key that the manifest is to have for it.
        zoo: names the rows that link nothing, and knows titles of columns.

    Raises:
        ReadmeError: there is no results table.
    """
    headings: list[str] = []
    for table in results_tables(document, titles_of(zoo.tables), file):
        header = Place(file, table.markdown.header.number)
        try:
            declared = _declared(table, source, headings)
        except ReadmeError as error:
            yield LeftOut(header, f"{error}; left out")
            continue
        headings.append(declared.heading)
        yield declared
        for title in _unknown_titles(table):
            yield LeftOut(header, f'the manifest has no field for the column "{title}"; left out')
        known = {line.number: row for line, row in match_lines(zoo, table) if isinstance(row, Row)}
        for position, line in enumerate(table.markdown.lines):
            place = Place(file, line.number)
            try:
                _require_readable(table, line)
            except ReadmeError as error:
                yield LeftOut(place, f"{error}; left out")
            else:
                entry = _entry(table, line, declared, place)
                row = known.get(line.number)
                yield replace(entry, position=position, known_name=row.name if row else None)


def _entry(table: ResultsTable, line: Line, declared: Table, place: Place) -> Entry:
    """Return what a line says, as if it were the first and unknown."""
    # As quoted, without emphasis.
    printed = {c: cell.core for c, cell in table.cells(line).items() if c not in LINKS}
    methods = map(normalised, TASKS[declared.task].methods.values())
    heading = declared.heading if normalised(declared.heading) in methods else None
    method = printed.get("method", heading)
    links = table.links(line)
    return Entry(
        place=place,
        task=declared.task,
        heading=declared.heading,
        position=0,
        names=names_of(links),
        method=None if method in NOT_PRINTED else method,
        dataset_title=printed.get("dataset"),
        printed=printed,
        links=links,
        file_problem=hash_problem(links.checkpoint) or _download_problem(table, line),
    )


def _declared(table: ResultsTable, source: str, earlier: Sequence[str]) -> Table:
    """Return the table as the manifest declares it."""
    heading = table.markdown.heading
    tasks = tasks_of(table.columns)
    if not heading:
        raise ReadmeError("the table has no heading above it, by which a manifest would know it")
    if len(tasks) != 1 or tasks[0] not in TASKS:
        what = " or ".join(TASKS)
        raise ReadmeError(f"the columns do not tell whether the table is about {what}")
    # A manifest knows tables by their headings.
    numbered = (f"{heading} ({number})" for number in count(2))
    unique = next(name for name in chain([heading], numbered) if name not in earlier)
    # Lines can tell that a number is that of another protocol.
    told = dict.fromkeys(column for line in table.markdown.whole() for column in table.cells(line))
    columns = {table.title(column): column for column in table.columns}
    columns |= {METRICS[column].title: column for column in told if column not in table.columns}
    return Table(source=source, heading=unique, task=tasks[0], columns=columns)


def _unknown_titles(table: ResultsTable) -> list[str]:
    """Return the titles that a manifest has no field for, except those that "readme" adds."""
    added = {normalised(title) for metric in table.metrics for title in added_titles(table, metric)}
    known = set(table.columns.values())
    return [
        cell.core
        for i, cell in enumerate(table.markdown.header.cells)
        if i not in known and normalised(cell.core) not in added
    ]


def _require_readable(table: ResultsTable, line: Line) -> None:
    if len(line.cells) != len(table.markdown.header.cells):
        raise ReadmeError(explain_ragged(table, line))
    told = table.cells(line).values()
    for metric in table.metrics:
        title, cell = table.title(metric), table.cell(line, metric)
        if cell not in told:
            raise ReadmeError(f"{title}: {cell.core} was measured in another way than one pass")
        try:
            printed_number(cell.core)
        except ValueError as error:
            raise ReadmeError(f"{title}: {error}") from None


def _download_problem(table: ResultsTable, line: Line) -> str | None:
    """Say that a line links no weights, or several, where it has something to load."""
    if table.links(line).checkpoint is not None:
        return None
    if "download" in table.columns:
        there = table.cell(line, "download").text
        return None if there in NOT_PRINTED else f'no link to just one .pth file in "{there[:80]}"'
    other = link_file_name(links_of(line).checkpoint or "")
    return f'the columns do not tell whether "{other}" is the row\'s own file' if other else None
