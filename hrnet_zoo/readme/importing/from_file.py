"""A README or metafile, whichever it is, as entries of a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hrnet_zoo.errors import ReadmeError, UsageError
from hrnet_zoo.readme.importing.entries import Entry, Imported, LeftOut
from hrnet_zoo.readme.importing.from_metafile import read_metafile
from hrnet_zoo.readme.importing.from_readme import read_readme
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.text import read_text
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
