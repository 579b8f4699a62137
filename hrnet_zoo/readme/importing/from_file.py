"""A README or metafile, whichever it is, as entries of a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hrnet_zoo.errors import ReadmeError, UsageError
from hrnet_zoo.readme.importing.entries import Entry, Imported, LeftOut, Place
from hrnet_zoo.readme.importing.from_metafile import read_metafile
from hrnet_zoo.readme.markdown import Line, MarkdownText, read_markdown
from hrnet_zoo.readme.names import published_name
from hrnet_zoo.readme.results import (
    ResultsTable,
    added_titles,
    explain_ragged,
    match_lines,
    results_tables,
    titles_of,
)
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import LINKS, NETWORKS, normalised, tasks_of
from hrnet_zoo.zoo.printed import printed_number
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
    entries: dict[str | int, Entry] = {}
    left_out: list[LeftOut] = []
    for one in found:
        if isinstance(one, Table):
            tables.append(one)
        elif isinstance(one, LeftOut):
            left_out.append(one)
        elif one.name is None:
            entries[len(entries)] = one
        elif _NAME.fullmatch(one.name) is None:
            reason = (
                f'"{one.name}" cannot be the name of a row, which has lower-case letters, digits, '
                '"_", "." and "-"; left out'
            )
            left_out.append(LeftOut(one.place, reason))
        elif one.name in entries:
            reason = f"{one.name} was there already, at {entries[one.name].place}; left out"
            left_out.append(LeftOut(one.place, reason))
        else:
            entries[one.name] = one
    known = zoo.sources.get(key)
    return Imported(
        source=key,
        title=known.title if known else title,
        url=known.url if known else None,
        tables=tuple(tables),
        entries=tuple(entries.values()),
        left_out=tuple(sorted(left_out, key=lambda one: one.place)),
    )


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
            place, row = Place(file, line.number), known.get(line.number)
            try:
                _require_readable(table, line)
            except ReadmeError as error:
                yield LeftOut(place, f"{error}; left out")
                continue
            links = table.links(line)
            name = published_name(links.checkpoint)
            if name is None and links.config is not None:
                name = link_file_name(links.config).removesuffix(".py")
            # As quoted, without emphasis.
            printed = {c: x.core for c, x in table.cells(line).items() if c not in LINKS}
            yield Entry(
                place=place,
                task=declared.task,
                heading=declared.heading,
                position=position,
                linked_name=name,
                known_name=row.name if row else None,
                method=printed.get("method") or declared.heading,
                dataset_title=declared.heading,
                printed=printed,
                links=links,
            )


def _declared(table: ResultsTable, source: str, earlier: Sequence[str]) -> Table:
    """Return the table as the manifest declares it."""
    heading = table.markdown.heading
    tasks = tasks_of(table.columns)
    if not heading:
        raise ReadmeError("the table has no heading above it, by which a manifest would know it")
    if not any(column in table.columns for column in NETWORKS):
        raise ReadmeError('the table has no column "Backbone" or "Model", which a manifest needs')
    if len(tasks) != 1 or tasks[0] not in TASKS:
        what = " or ".join(TASKS)
        raise ReadmeError(f"the columns do not tell whether the table is about {what}")
    if heading in earlier:
        raise ReadmeError(f'a second table stands under the heading "{heading}"')
    columns = {table.title(column): column for column in table.columns}
    return Table(source=source, heading=heading, task=tasks[0], columns=columns)


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
    for metric in table.metrics:
        try:
            printed_number(table.cell(line, metric).core)
        except ValueError as error:
            raise ReadmeError(f"{table.title(metric)}: {error}") from None
    checkpoint = table.links(line).checkpoint
    if checkpoint is not None and promised_sha256(link_file_name(checkpoint)) is None:
        msg = (
            f'"{link_file_name(checkpoint)}" does not end in the first 8 digits of its SHA-256 '
            '("-0123abcd.pth"), which a manifest needs'
        )
        raise ReadmeError(msg)
    download = table.cell(line, "download").text if "download" in table.columns else ""
    if checkpoint is None and download not in ("", "-"):
        raise ReadmeError(f'no link to a .pth file in "{download[:80]}"')
