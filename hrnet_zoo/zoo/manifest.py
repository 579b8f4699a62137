"""Reads zoo.yaml and reports every problem in it at once, each with its line.

This module knows YAML and line numbers; what a row is stands in row.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hrnet_zoo.errors import ManifestError, did_you_mean, explain_os_error, explain_yaml_error
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.weights.address import problem_of
from hrnet_zoo.zoo.columns import LABELS, LINKS, is_percent, titles_of_columns
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import Manifest, Row, manifest_type
from hrnet_zoo.zoo.zoo import Zoo

Keys = tuple[str | int, ...]
"""Where something is in the manifest, from the top: ("rows", 3, "printed", "fps")."""
Problem = tuple[Keys, str]

_TEXT = "tag:yaml.org,2002:str"
_LONGEST_VALUE = 80
"""Characters of a wrong value that a message shows."""
_LARGEST_BYTES = 8 * 1024**2
"""Of a manifest; that of a hundred rows has 0.1 MB."""
_MOST_PROBLEMS = 100
"""From each check, that a message lists; who wrote more of them begins with these."""


def default_manifest() -> Path:
    """Return the manifest that ships with the package, or the checkout's own."""
    package = Path(__file__).parent.parent
    installed = package / "zoo.yaml"
    return installed if installed.is_file() else package.parent / "zoo.yaml"


def load_zoo(path: Path | None = None) -> Zoo:
    """Return the validated manifest.

    Args:
        path: a manifest file; None means the one that ships with hrnet-zoo.

    Raises:
        ManifestError: the file is missing or breaks the schema; all problems are listed.
    """
    return load_zoo_with_lines(path or default_manifest())[0]


def load_zoo_with_lines(path: Path) -> tuple[Zoo, Mapping[Keys, int]]:
    """Return the validated manifest and, by its keys, the line (from 1) of everything in it.

    Raises:
        ManifestError: as `load_zoo`.
    """
    try:
        text = read_regular(path, _LARGEST_BYTES).decode()
    except OSError as error:
        msg = f"The manifest cannot be read. {explain_os_error(error)}"
        raise ManifestError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"The manifest {path} is not UTF-8 (byte {error.start}); save it as UTF-8."
        raise ManifestError(msg) from error
    document = _Document(text, path.name)
    if document.data is None:
        msg = f"The manifest {path} is empty; zoo.schema.json says what belongs into one."
        raise ManifestError(msg)
    problems = [*document.problems, *_cell_problems(document.data)][:_MOST_PROBLEMS]
    try:
        manifest = manifest_type().model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)[:_MOST_PROBLEMS]
        found = [_explain(e, document.keys_in(e["loc"])) for e in errors]
        explained = {path for path, _ in problems}
        problems += [problem for problem in found if problem[0] not in explained]
        raise document.error(problems) from None
    problems += islice(_inconsistencies(manifest), _MOST_PROBLEMS)
    if problems:
        raise document.error(problems)
    return Zoo(manifest, path), document.lines


class _Document:
    """A YAML file as plain data, with the line on which each value begins."""

    def __init__(self, text: str, file_name: str) -> None:
        self.problems: list[Problem] = []
        self.data: Any = None
        self._file_name = file_name
        self.lines: dict[Keys, int] = {(): 1}
        """Keys from the top to a value -> its line."""
        self._plain: dict[str, object] = {}
        """What is written without quotes -> its value; of thousands, few are not written often."""
        # Events rather than nodes: making these of 3,000 values is a noticeable part of starting.
        self._loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        self._next: Callable[[], Any] = self._loader.get_event
        try:
            self._next()  # the stream begins
            if isinstance(self._next(), yaml.DocumentStartEvent):
                self.data = self._construct(self._next(), ())
                self._next()  # the document ends
                event = self._next()
                mark = event.start_mark
                if isinstance(event, yaml.DocumentStartEvent):
                    what = "another document begins; a manifest is one"
                    raise yaml.MarkedYAMLError(problem=what, problem_mark=mark)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ManifestError(explain_yaml_error(error, file_name)) from None

    def _construct(self, event: Any, path: Keys) -> object:  # noqa: ANN401 - one of yaml's, with marks
        if isinstance(event, yaml.ScalarEvent):
            text = event.value
            is_plain = event.tag is None and event.implicit[0]
            if is_plain and text in self._plain:
                return self._plain[text]
            tag = event.tag or self._loader.resolve(yaml.ScalarNode, text, event.implicit)
            value = text if tag == _TEXT else self._scalar(yaml.ScalarNode(tag, text), path)
            if is_plain and not self.problems:  # a wrong value is a problem wherever it is written
                self._plain[text] = value
            return value
        if isinstance(event, yaml.MappingStartEvent):
            return self._construct_mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            while not isinstance(item := self._next(), yaml.SequenceEndEvent):
                here = (*path, len(items))
                self.lines[here] = item.start_mark.line + 1
                items.append(self._construct(item, here))
            return items
        self.problems.append((path, "an alias; every row is written out in full"))
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Keys) -> object:
        try:
            value = self._loader.construct_object(node)
        except Exception:  # noqa: BLE001 - yaml raises whatever Python does: IndexError for an empty int
            self.problems.append((path, f"{node.value!r} is not a {node.tag.rpartition(':')[2]}"))
            return None
        if isinstance(value, int) and value.bit_length() > 64:
            self.problems.append((path, "is a number of more than 64 bits"))
            return None
        return value

    def _construct_mapping(self, path: Keys) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                nowhere = (*path, "?")
                self.lines.setdefault(nowhere, line)
                self.problems.append((nowhere, "a key that is not plain text"))
                self._construct(event, nowhere)
                self._construct(self._next(), nowhere)
                continue
            key = event.value
            here = (*path, key)
            if key in mapping:
                self.lines[here] = line
                self.problems.append((here, "written twice"))
            self.lines.setdefault(here, line)
            mapping[key] = self._construct(self._next(), here)
        return mapping

    def keys_in(self, location: Keys) -> Keys:
        """Return the keys in one of pydantic's locations, which also name branches of unions."""
        keys: list[str | int] = []
        value: Any = self.data
        for key in location[:-1]:
            is_item = isinstance(value, list) and isinstance(key, int)
            if is_item or (isinstance(value, dict) and key in value):
                value = value[key]
                keys.append(key)
        return (*keys, *location[-1:]) if isinstance(value, dict | list) else tuple(keys)

    def error(self, problems: list[Problem]) -> ManifestError:
        """Return one error that lists all problems, in the order of their lines."""
        lines = sorted({(self._line(path), self._describe(path, what)) for path, what in problems})
        count = f"{len(lines)} problems" if len(lines) > 1 else "1 problem"
        if len(lines) >= _MOST_PROBLEMS:
            count += " at least"
        listing = "\n".join(
            shown(f"  {self._file_name}:{line}: {text}", 1000) for line, text in lines
        )
        return ManifestError(f"The manifest has {count}:\n{listing}")

    def _line(self, path: Keys) -> int:
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def _describe(self, path: Keys, what: str) -> str:
        """Name the row by its name, not by its number, and the key within it."""
        if path[:1] == ("rows",) and len(path) > 1 and isinstance(path[1], int):
            index = path[1]
            row = self.data["rows"][index]
            name = row.get("name") if isinstance(row, dict) else None
            keys = ".".join(map(str, path[2:]))
            return f"{name or f'row {index}'}: {keys + ': ' if keys else ''}{what}."
        return f"{'.'.join(map(str, path)) or 'the file'}: {what}."


def _explain(error: ErrorDetails, path: Keys) -> Problem:
    """Turn one of pydantic's findings into a place and a sentence."""
    given = error["input"]
    kind = error["type"]
    if kind == "missing":
        return path[:-1], f'the key "{path[-1]}" is missing'
    if kind == "extra_forbidden":
        return path, f"unknown key.{did_you_mean(str(path[-1]), _known_keys())}".rstrip(".")
    if kind == "union_tag_invalid":
        context = error["ctx"]
        what = f"is '{context['tag']}', not one of {context['expected_tags']}"
        return (*path, context["discriminator"].strip("'")), what
    if kind == "string_type" and isinstance(given, int | float):
        return path, f'is the number {given}; write it in quotes, as printed ("78.80")'
    shown = repr(given)
    shown = shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}..."
    return path, f"is {shown}; {error['msg'][0].lower()}{error['msg'][1:]}"


@cache
def _known_keys() -> list[str]:
    """Return every key that may occur anywhere in a manifest."""
    definitions = manifest_type().model_json_schema()["$defs"].values()
    return sorted({key for definition in definitions for key in definition["properties"]})


def _inconsistencies(manifest: Manifest) -> Iterator[Problem]:
    """Yield what is well-formed but cannot be true."""
    tables = {(table.source, table.heading): table for table in manifest.tables}
    for i, table in enumerate(manifest.tables):
        if table.source not in manifest.sources:
            yield ("tables", i, "source"), f'"{table.source}" is not among the sources'
    links = {name: problem_of(source.url) for name, source in manifest.sources.items()}
    yield from ((("sources", name, "url"), what) for name, what in links.items() if what)
    names = Counter(row.name for row in manifest.rows)
    places = Counter((row.source, row.table, row.position) for row in manifest.rows)
    for i, row in enumerate(manifest.rows):
        here: Keys = ("rows", i)
        if names[row.name] > 1:
            yield (*here, "name"), "two rows have this name"
        if places[row.source, row.table, row.position] > 1:
            yield (*here, "position"), f"two rows are number {row.position} of {row.table}"
        table_of_row = tables.get((row.source, row.table))
        if table_of_row is None:
            known = and_more([f"{source}/{heading}" for source, heading in tables], 20)
            yield (*here, "table"), f"{row.source} has no table {row.table!r}; known: {known}"
        elif row.task != table_of_row.task:
            yield (*here, "table"), f"the table is about {table_of_row.task}, the row is not"
        numbers = {column: text for column, text in row.printed.items() if column in METRICS}
        for within, problems in (
            (("printed",), _number_problems(numbers)),
            ((), _link_problems(row)),
            (("later",), _later_problems(row, manifest)),
        ):
            yield from (((*here, *within, *path), what) for path, what in problems)


def _cell_problems(data: object) -> Iterator[Problem]:
    """Yield the cells that are missing or not in the row's table, if only these parts are sound."""
    tables = {
        (str(table.get("source")), str(table.get("heading"))): table.get("columns")
        for _, table in _mappings(data, "tables")
    }
    titles = titles_of_columns()
    for i, row in _mappings(data, "rows"):
        columns = tables.get((str(row.get("source")), str(row.get("table"))))
        printed = row.get("printed")
        if not isinstance(columns, dict) or not isinstance(printed, dict):
            continue
        wanted = [c for c in columns.values() if isinstance(c, str) and c not in LINKS]
        quoted = {column for column, text in printed.items() if text is not None}
        for column in wanted:
            if column in titles and column not in quoted:
                yield ("rows", i, "printed", column), "the table has this column: quote the cell"
        for column in quoted.difference(wanted):
            what = "the table has no such column"
            if column not in titles or column in LINKS:
                close = did_you_mean(column, [*LABELS, *METRICS])
                what = f"unknown key.{close}".rstrip(".")
            yield ("rows", i, "printed", column), what


def _mappings(data: object, key: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the mappings in a list at the top of a manifest that need not be valid."""
    items = data.get(key) if isinstance(data, dict) else None
    for i, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            yield i, item


def _number_problems(texts: Mapping[str, str | None]) -> Iterator[Problem]:
    """Yield what is wrong with printed quantities, by their names."""
    for quantity, text in texts.items():
        try:
            value = printed_number(text)
        except ValueError as error:
            yield (quantity,), str(error)
        else:
            if quantity == "inference_ms" and value == 0:
                yield (quantity,), "0 milliseconds are impossible"
            if value is not None and is_percent(quantity) and value > 100:
                yield (quantity,), f"{value} percent is impossible"


def _later_problems(row: Row, manifest: Manifest) -> Iterator[Problem]:
    later = row.later
    if later is None:
        return
    if later.source not in manifest.sources:
        yield ("source",), f'"{later.source}" is not among the sources'
    yield from _number_problems(later.quantities)
    yield from _link_problems(row.in_edition("later"))


def _link_problems(row: Row) -> Iterator[Problem]:
    links = {"checkpoint_url": row.checkpoint_url}
    if row.edition == "readme":
        links |= {"config_url": row.config_url, "log_url": row.log_url}
    problems = {link: problem_of(url) for link, url in links.items() if url is not None}
    yield from (((link,), problem) for link, problem in problems.items() if problem)
    if row.checkpoint_url is None or problems["checkpoint_url"]:
        return
    file_name = row.checkpoint_file_name
    if row.checkpoint_sha256_prefix is None:
        what = f'"{file_name}" must end in the first 8 hex digits of its SHA-256: "-0123abcd.pth"'
        yield ("checkpoint_url",), what
    # Names of rows have no capitals, and those of files may.
    if not file_name.lower().startswith((f"{row.name}_", f"{row.name}-")):
        what = f'"{file_name}" does not begin with the row\'s name'
        yield ("checkpoint_url",), what
