"""A README or metafile, whichever it is, as entries of a manifest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hrnet_zoo.errors import ReadmeError, UsageError
from hrnet_zoo.readme.files import read_text
from hrnet_zoo.readme.importing.derive import derive_reading
from hrnet_zoo.readme.importing.entries import Entry, Imported, Problem
from hrnet_zoo.readme.importing.from_metafile import Model, Models, read_models
from hrnet_zoo.readme.importing.from_readme import read_readme
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.zoo.columns import TITLES
from hrnet_zoo.zoo.row import Table
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
    if suffix in (".md", ".markdown"):
        return _import_readme(path, zoo, source)
    if suffix in (".yml", ".yaml"):
        return _import_metafile(path, zoo, source)
    msg = f"{path} is neither a README (.md) nor a metafile (.yml), by its name."
    raise UsageError(msg)


def _import_readme(path: Path, zoo: Zoo, source: str | None) -> Imported:
    document = read_markdown(read_text(path).removeprefix("\ufeff"))
    named = [key for key, known in zoo.sources.items() if known.title == document.title]
    key = source or (named[0] if named else _key(path))
    rows = read_readme(document, str(path), key, zoo)
    entries, problems = _with_valid_names(rows.entries)
    return _imported(
        key,
        document.title or path.name,
        zoo,
        rows.tables,
        entries,
        [*rows.problems, *problems],
    )


def _import_metafile(path: Path, zoo: Zoo, source: str | None) -> Imported:
    found = read_models(path)
    key = source or _key(path)
    tables = _tables_of(found, key)
    positions = dict.fromkeys(tables, 0)
    entries = []
    for model in found.models:
        heading = _heading(model)
        entries.append(_entry(model, tables[heading], positions[heading]))
        positions[heading] += 1
    kept, problems = _with_valid_names(entries)
    if not kept and not found.problems:
        raise ReadmeError(f"{path} lists no models.")
    return _imported(key, path.name, zoo, list(tables.values()), kept, [*found.problems, *problems])


def _imported(
    key: str,
    title: str,
    zoo: Zoo,
    tables: list[Table],
    entries: list[Entry],
    problems: list[Problem],
) -> Imported:
    known = zoo.sources.get(key)
    return Imported(
        source=key,
        title=known.title if known else title,
        url=known.url if known else None,
        tables=tuple(tables),
        entries=tuple(entries),
        problems=tuple(sorted(problems, key=lambda p: (p.place.file, p.place.line))),
    )


def _key(path: Path) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-") or "readme"


def _with_valid_names(entries: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """Return the entries whose names a manifest takes, and what is wrong with the others."""
    kept: dict[str | int, Entry] = {}
    problems = []
    for entry in entries:
        if entry.name is None:
            kept[len(kept)] = entry
        elif _NAME.fullmatch(entry.name) is None:
            reason = f'"{entry.name}" is no name for a row: small letters, digits, "_", ".", "-"'
            problems.append(Problem(place=entry.place, reason=f"{reason}; left out"))
        elif entry.name in kept:
            reason = f"{entry.name} was there already, at {kept[entry.name].place}; left out"
            problems.append(Problem(place=entry.place, reason=reason))
        else:
            kept[entry.name] = entry
    return list(kept.values()), problems


def _heading(model: Model) -> str:
    """Return the heading under which READMEs list such a model."""
    return model.dataset_title if model.task == "segmentation" else model.method


def _tables_of(found: Models, source: str) -> dict[str, Table]:
    """Return heading -> a table with all columns that one of its models has."""
    tables = {}
    for heading in dict.fromkeys(_heading(model) for model in found.models):
        models = [model for model in found.models if _heading(model) == heading]
        titles = {c: title for model in reversed(models) for c, title in model.titles.items()}
        columns = {titles[c]: c for c in _ordered(titles)}
        tables[heading] = Table(
            source=source, heading=heading, task=models[0].task, columns=columns
        )
    return tables


def _ordered(columns: dict[str, str]) -> list[str]:
    order = list(TITLES)
    return sorted(columns, key=order.index)


def _entry(model: Model, table: Table, position: int) -> Entry:
    derived = derive_reading(
        model.task,
        method=model.method,
        label=model.cells["backbone"],
        name=model.name,
        dataset_title=model.dataset_title,
        crop=model.cells.get("crop_size"),
    )
    return Entry(
        place=model.place,
        name=model.name,
        task=model.task,
        source=table.source,
        table=table.heading,
        position=position,
        method=model.method,
        printed={column: model.cells.get(column, "") for column in table.columns.values()},
        config_url=model.config,
        checkpoint_url=model.checkpoint,
        log_url=model.log,
        setup=derived.setup,
        missing=derived.missing,
        notes=(*derived.notes, *model.notes),
    )
