"""Entries in the form of zoo.yaml; what is missing stands there as a comment to complete."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

import yaml

from hrnet_zoo.readme.importing.entries import WHERE, Entry, Imported
from hrnet_zoo.zoo.columns import LINKS
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

_HEAD = """\
# Imported from: {title}
#
# Cells are quoted, and "setup" has only what follows from them. What else belongs there stands in
# lines marked "#?": check each with the configuration, complete it and take the mark away.
schema_version: 1
"""

_NUMBER = re.compile(r" \(\w+\)$")
_BEGINNING = re.compile(r"[A-Za-z]{2}|\.?/")

_ALIKE = ("architecture", "dataset")
"""What rows have to share for one to suggest what another lacks."""


def imported_as_yaml(imported: Imported, zoo: Zoo) -> str:
    """Return a manifest with what was imported.

    Args:
        imported: entries and tables.
        zoo: rows to suggest missing values from.
    """
    url = _plain(imported.url) if imported.url else None
    source = _plain(imported.source)
    lines = [
        *_HEAD.format(title=_comment(imported.title)).splitlines(),
        "",
        "sources:",
        f"  {source}:",
        f"    title: {_plain(imported.title)}",
        f"    url: {url}" if url else '    #? url: ""  # where the file is published',
        "",
        "tables:",
    ]
    headings = {table.heading for table in imported.tables}
    for table in imported.tables:
        is_numbered = _NUMBER.sub("", table.heading) in headings - {table.heading}
        lines += [
            f"  - source: {source}",
            *(["    # numbered, as several tables stand below one heading"] if is_numbered else []),
            f"    heading: {_plain(table.heading)}",
            f"    task: {table.task}",
            "    columns:",
            *(f"      {_plain(title)}: {column}" for title, column in table.columns.items()),
        ]
    lines += ["", "rows:"]
    for table in imported.tables:
        quoted = [column for column in table.columns.values() if column not in LINKS]
        for entry in imported.entries:
            if entry.heading == table.heading:
                lines += _entry_lines(source, entry, quoted, zoo)
    return "\n".join(lines) + "\n"


def _entry_lines(source: str, entry: Entry, columns: Sequence[str], zoo: Zoo) -> Iterator[str]:
    yield f"  # {_comment(str(entry.place))}"
    if entry.name is None:
        yield f"  - source: {source}"
        what = f"the file name of the configuration, without .py: {entry.why_no_name}"
        yield f'    #? name: ""  # {_comment(what)}'
    else:
        yield f"  - name: {_plain(entry.name)}"
        yield f"    source: {source}"
    yield f"    table: {_plain(entry.heading)}"
    yield f"    position: {entry.position}"
    if entry.method:
        yield f"    method: {_plain(entry.method)}"
    else:
        yield '    #? method: ""  # the file has no word for it'
    yield "    printed:"
    for column in columns:
        yield f"      {column}: {_quoted(entry.printed.get(column, ''))}"
    yield from _link_lines(entry)
    yield "    setup:"
    for field in entry.fields:
        if field in entry.setup:
            yield f"      {field}: {_flow(entry.setup[field])}"
        else:
            value, why = _suggestion(zoo, entry, field)
            yield f"      #? {field}:{value}  # {why}"
    if entry.notes:
        yield "    notes:"
        yield from (f"      - {_quoted(note)}" for note in entry.notes)


def _link_lines(entry: Entry) -> Iterator[str]:
    for what, link in entry.links._asdict().items():
        if what == "checkpoint" and entry.file_problem:
            yield f"    #? {what}_url: {_plain(link or '')}  # {_comment(entry.file_problem)}"
        else:
            yield f"    {what}_url: {'null' if link is None else _plain(link)}"


def _suggestion(zoo: Zoo, entry: Entry, field: str) -> tuple[str, str]:
    """Return what the zoo has for a missing field, and why it is likely; or where to look.

    It is suggested, never filled in: only a person who has read the configuration can tell. This
    very row, or all rows that are alike, count.
    """
    own = [row for row in zoo.rows if row.name == entry.name]
    if not own and field == "architecture" and not entry.can_be_built:
        network = " on ".join(f'"{_comment(text)}"' for text in (entry.method, entry.label) if text)
        return "", f"hrnet-zoo cannot build {network or 'this network'}"
    alike: list[Row] = []
    if field != "backbone" and all(key in entry.setup for key in _ALIKE):
        wanted = [entry.setup[key] for key in _ALIKE]
        alike = [r for r in zoo.rows if [getattr(r.setup, key) for key in _ALIKE] == wanted]
    for rows, why in (
        (own, "as the zoo has it for this row"),
        (alike, f"as in all {len(alike)} rows of the zoo that are alike"),
    ):
        contents = (row.setup.model_dump(mode="json") for row in rows)
        values = {_flow(content[field]) for content in contents if field in content}
        if len(values) == 1:
            return f" {values.pop()}", why
    return "", WHERE.get(field, "the configuration")


def _quoted(text: str) -> str:
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf)
    return str(quoted).strip()


def _plain(text: str) -> str:
    """Return a text as YAML, without quotes where no reader needs them: as key, value or element.

    What begins with a digit stays in quotes: 1e3 is a number in YAML 1.2, and a text in YAML 1.1.
    """
    try:
        read = yaml.safe_load(f"- {text}: x\n- y: {text}\n")
    except yaml.YAMLError:
        return _quoted(text)
    is_plain = read == [{text: "x"}, {"y": text}] and text.isprintable() and "#" not in text
    return text if is_plain and _BEGINNING.match(text) else _quoted(text)


def _comment(text: str) -> str:
    """Return a text that can stand in a comment, on one line."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _flow(value: object) -> str:
    """Return a value on one line, as zoo.yaml writes it."""
    listed = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=math.inf)
    return str(listed).strip()[1:-1]
