"""hrnet-zoo lint: errata of READMEs and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import FOLDER, PATH, format_option, zoo_option
from hrnet_zoo.cli.terminal import complain, echo

if TYPE_CHECKING:
    from hrnet_zoo.readme.lint.document import Document, Finding
    from hrnet_zoo.zoo.zoo import Zoo


def _split(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    return [code.strip() for value in values for code in value.split(",") if code.strip()]


@click.command()
@click.argument("files", nargs=-1, type=PATH, metavar="[README|MANIFEST]...")
@click.option("--fix", is_flag=True, help="Make the safe patches in READMEs; nothing else changes.")
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    callback=_split,
    help="Only these findings: codes or their beginnings, e.g. HZ301,HZ2.",
)
@click.option(
    "--ignore", multiple=True, metavar="CODES", callback=_split, help="Not these findings."
)
@click.option(
    "--checkpoints",
    type=FOLDER,
    metavar="FOLDER",
    help="Also check the linked files that are in this folder, their hashes and tensors.",
)
@click.option("--list-codes", is_flag=True, help="Print all codes with what they mean.")
@format_option("text", "json", "github")
@zoo_option
def lint(
    files: tuple[Path, ...],
    fix: bool,
    select: list[str],
    ignore: list[str],
    checkpoints: Path | None,
    list_codes: bool,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Find errata in READMEs and manifests.

    Without a file, the manifest itself is checked: what it quotes. Rows of a README are looked up
    in the manifest, which knows their networks and what was published later.

    Exit code: 0 nothing but infos, 1 errors or warnings, 3 a file could not be read.
    """
    from hrnet_zoo.readme.lint import rendering
    from hrnet_zoo.readme.lint.checking import codes_of
    from hrnet_zoo.zoo.manifest import default_manifest, load_zoo

    if list_codes:
        echo(rendering.codes_as_text())
        return 0
    paths = files or (zoo_file or default_manifest(),)
    if fix and any(_is_manifest(path) for path in paths):
        msg = "--fix is for READMEs, not for YAML: a manifest quotes them, mistakes included."
        raise click.UsageError(msg)
    codes = codes_of(select, ignore)
    found, fixed, unreadable = _lint_all(paths, load_zoo(zoo_file), codes, checkpoints, fix=fix)
    if form == "json":
        echo(rendering.as_json(found, fixed))
    elif form == "github":
        echo(rendering.as_github(found), end="\n" if found else "", are_commands=True)
    else:
        if fixed:
            echo(rendering.fixed_as_text(fixed))
        if found or not unreadable:
            echo(rendering.as_text(found))
    if unreadable:
        return 3
    return int(any(finding.severity != "info" for _, finding in found))


def _lint_all(
    paths: Sequence[Path], zoo: Zoo, codes: set[str], checkpoints: Path | None, *, fix: bool
) -> tuple[list[tuple[str, Finding]], list[tuple[str, Finding]], bool]:
    """Return what is left to find in all files, what was fixed, and whether one is unreadable."""
    from hrnet_zoo.errors import ManifestError, ReadmeError

    found, fixed, unreadable = [], [], False
    for path in paths:
        try:
            left, settled = _lint(path, zoo, codes, checkpoints, fix=fix)
        except (ManifestError, ReadmeError) as error:
            complain(str(error))
            unreadable = True
            continue
        found += [(str(path), finding) for finding in left]
        fixed += [(str(path), finding) for finding in settled]
    return found, fixed, unreadable


def _lint(
    path: Path, zoo: Zoo, codes: set[str], checkpoints: Path | None, *, fix: bool
) -> tuple[list[Finding], list[Finding]]:
    """Return what is left to find in a file, and what was fixed."""
    from hrnet_zoo.readme.lint import checking
    from hrnet_zoo.readme.lint.sources import manifest_document, readme_document
    from hrnet_zoo.readme.text import read_text, write_text

    def wanted(document: Document) -> list[Finding]:
        found = checking.check_document(document, checkpoints)
        return [finding for finding in found if finding.code in codes]

    if _is_manifest(path):
        return wanted(manifest_document(path)), []
    text = read_text(path)
    found = wanted(readme_document(text, str(path), zoo))
    new, fixed = checking.fix(text, found) if fix else (text, [])
    if new == text:
        return found, []
    write_text(path, new)
    # Places move, and what one finding says of another line may no longer be so.
    return wanted(readme_document(new, str(path), zoo)), fixed


def _is_manifest(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml")
