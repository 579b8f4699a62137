"""hrnet-zoo import: a README or metafile as entries of a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, zoo_option
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.readme.importing.entries import Imported
    from hrnet_zoo.zoo.zoo import Zoo


@click.command("import")
@click.argument("file", type=PATH)
@click.option("--output", type=PATH, help="Write here instead of printing.")
@click.option(
    "--source",
    metavar="KEY",
    help="What the manifest calls the file. Default: the known source of its title, or its name.",
)
@zoo_option
def import_rows(file: Path, output: Path | None, source: str | None, zoo_file: Path | None) -> int:
    """Turn README rows into manifest entries.

    FILE is a README with results tables (.md), or an OpenMMLab metafile or model-index (.yml). What
    is not printed is left to be filled in, with suggestions. Exit code 3: something was not
    understood; it is named with its line.
    """
    from hrnet_zoo.readme.importing.as_yaml import imported_as_yaml
    from hrnet_zoo.readme.importing.from_file import import_file
    from hrnet_zoo.readme.text import write_text
    from hrnet_zoo.zoo.manifest import load_zoo

    zoo = load_zoo(zoo_file)
    imported = import_file(file, zoo, source)
    text = imported_as_yaml(imported, zoo)
    if output is None:
        echo(text, end="")
    else:
        write_text(output, text)
    for left_out in imported.left_out:
        echo(f"{left_out.place}: {left_out.reason}.", err=True)
    for remark in _remarks(imported, zoo):
        echo(remark, err=True)
    return 3 if imported.left_out else 0


def _remarks(imported: Imported, zoo: Zoo) -> Iterator[str]:
    """Yield what was imported, and what a person has to add."""
    from hrnet_zoo.readme.importing.entries import WHERE

    known = {row.name for row in zoo.rows}
    num_known = sum(entry.name in known for entry in imported.entries)
    yield f"{len(imported.entries)} rows imported, {num_known} of them in the zoo already"
    unknown = sum(not entry.can_be_built and entry.name not in known for entry in imported.entries)
    if unknown:
        yield f"{unknown} rows of networks that hrnet-zoo cannot build; their marks say so"
    for entry in imported.entries:
        if entry.name is None:
            yield f"{entry.place}: {entry.why_no_name}; fill in its name."
        if entry.file_problem:
            yield f"{entry.place}: {entry.file_problem}; fill in its checkpoint."
    buildable = [entry for entry in imported.entries if entry.can_be_built or entry.name in known]
    missing = Counter(field for entry in buildable for field in entry.missing)
    if missing:
        yield 'Not printed; complete the lines marked "#?" from the configuration:'
    for field, count in missing.items():
        yield f"  setup.{field} ({count} rows): {WHERE.get(field, 'the configuration')}"
