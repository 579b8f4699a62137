"""Entries in the form of zoo.yaml; what is missing stands there as a comment to complete."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import yaml

from hrnet_zoo.readme.importing.entries import Entry, Imported
from hrnet_zoo.readme.importing.suggest import WHERE, suggestion
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.zoo import Zoo

_HEAD = """\
# Imported from: {title}
#
# Cells are quoted, and "setup" has only what follows from them. What else belongs there stands in
# lines marked "#?": check each with the configuration, complete it and take the mark away.
schema_version: 1
"""


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
    for entry in imported.entries:
        lines += _entry_lines(entry, zoo)
    return "\n".join(lines) + "\n"


def _entry_lines(entry: Entry, zoo: Zoo) -> Iterator[str]:
    yield f"  # {entry.place}"
    if entry.name is None:
        yield f"  - source: {entry.table.source}"
        yield '    #? name: ""  # the file name of the configuration, without .py'
    else:
        yield f"  - name: {_plain(entry.name)}"
        yield f"    source: {entry.table.source}"
    yield f"    table: {_plain(entry.table.heading)}"
    yield f"    position: {entry.position}"
    yield f"    method: {_plain(entry.method)}"
    yield "    printed:"
    for column, text in entry.printed.items():
        yield f"      {column}: {json.dumps(text, ensure_ascii=False)}"
    for what in ("config", "checkpoint", "log"):
        link = getattr(entry.links, what)
        yield f"    {what}_url: {'null' if link is None else _plain(link)}"
    yield "    setup:"
    yield from _setup_lines(entry, zoo)
    if entry.notes:
        yield "    notes:"
        yield from (f"      - {json.dumps(note, ensure_ascii=False)}" for note in entry.notes)


def _setup_lines(entry: Entry, zoo: Zoo) -> Iterator[str]:
    """Yield the fields in the manifest's order, missing ones as comments."""
    for field in TASKS[entry.table.task].setup.model_fields:
        if field in entry.setup:
            yield f"      {field}: {_flow(entry.setup[field])}"
            continue
        found = suggestion(zoo, entry, field)
        if found is None:
            yield f"      #? {field}:  # {WHERE[field]}"
        else:
            value, why = found
            yield f"      #? {field}: {_flow(value)}  # {why}"


def _plain(text: str) -> str:
    """Return a text as YAML, without quotes where it needs none."""
    try:
        is_plain = yaml.safe_load(f"{text}: x") == {text: "x"} and text.strip() == text
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain and "#" not in text else json.dumps(text, ensure_ascii=False)


def _flow(value: object) -> str:
    """Return a value on one line, as zoo.yaml writes it."""
    listed = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=math.inf)
    return str(listed).strip()[1:-1]
