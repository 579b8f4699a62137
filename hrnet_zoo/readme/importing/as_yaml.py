"""Entries in the form of zoo.yaml; what is missing stands there as a comment to complete."""

from __future__ import annotations

import json
import math
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

_ALIKE = ("architecture", "dataset")
"""What rows have to share for one to suggest what another lacks."""


def imported_as_yaml(imported: Imported, zoo: Zoo) -> str:
    """Return a manifest with what was imported.

    Args:
        imported: entries and tables.
        zoo: rows to suggest missing values from.
    """
    url = _plain(imported.url) if imported.url else None
    lines = [
        *_HEAD.format(title=" ".join(imported.title.split())).splitlines(),
        "",
        "sources:",
        f"  {imported.source}:",
        f"    title: {_plain(imported.title)}",
        f"    url: {url}" if url else '    #? url: ""  # where the file is published',
        "",
        "tables:",
    ]
    for table in imported.tables:
        lines += [
            f"  - source: {table.source}",
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
                lines += _entry_lines(imported.source, entry, quoted, zoo)
    return "\n".join(lines) + "\n"


def _entry_lines(source: str, entry: Entry, columns: Sequence[str], zoo: Zoo) -> Iterator[str]:
    yield f"  # {entry.place}"
    if entry.name is None:
        yield f"  - source: {source}"
        yield '    #? name: ""  # the file name of the configuration, without .py'
    else:
        yield f"  - name: {_plain(entry.name)}"
        yield f"    source: {source}"
    yield f"    table: {_plain(entry.heading)}"
    yield f"    position: {entry.position}"
    yield f"    method: {_plain(entry.method)}"
    yield "    printed:"
    for column in columns:
        yield f"      {column}: {_quoted(entry.printed.get(column, ''))}"
    for what, link in entry.links._asdict().items():
        yield f"    {what}_url: {'null' if link is None else _plain(link)}"
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


def _suggestion(zoo: Zoo, entry: Entry, field: str) -> tuple[str, str]:
    """Return what the zoo has for a missing field, and why it is likely; or where to look.

    It is suggested, never filled in: only a person who has read the configuration can tell. This
    very row, or all rows that are alike, count.
    """
    own = [row for row in zoo.rows if row.name == entry.name]
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
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return a text as YAML, without quotes where it needs none."""
    try:
        is_plain = yaml.safe_load(f"{text}: x") == {text: "x"} and text.strip() == text
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain and "#" not in text else _quoted(text)


def _flow(value: object) -> str:
    """Return a value on one line, as zoo.yaml writes it."""
    listed = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=math.inf)
    return str(listed).strip()[1:-1]
