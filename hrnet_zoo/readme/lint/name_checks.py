"""2xx: whether what a row says of itself is what the names of its files say."""

from __future__ import annotations

from collections.abc import Iterator

from hrnet_zoo.readme.lint.document import Document, Finding, Patch, TableRow
from hrnet_zoo.readme.names import (
    Width,
    crop_in_name,
    log_name,
    schedule_in_name,
    width_in_label,
    width_in_name,
    width_of_setup,
)

_FLAGS = (("gn", "GN", "gn-head"), ("ms_train", "MS train", "mstrain"))
"""Columns of Y and N, their titles, and what names of files have where it is Y."""


def check_names(document: Document) -> Iterator[Finding]:
    """Yield where labels, schedules and names contradict each other."""
    wrong: dict[str, tuple[Width, TableRow]] = {}
    for row in document.rows:
        stem = row.stem
        if stem is None:
            continue
        for finding, width in _label(row, stem):
            wrong.setdefault(row.text("backbone"), (width, row))
            yield finding
        yield from _sizes(row, stem)
        yield from _flags(row, stem)
        yield from _config(row, stem)
    for row in document.rows:
        if row.checkpoint is None:
            yield from _label_of_blank(row, wrong)


def relabelled(row: TableRow, width: Width | None, *, is_safe: bool) -> Patch | None:
    """Return the patch that makes a row's label say this width, if the label says another."""
    label = row.spot("backbone")
    said = width_in_label(label.text)
    if width is None or said is None or said[0] == width:
        return None
    return Patch(label.part(*said[1]), width.as_label(), is_safe)


def _label(row: TableRow, stem: str) -> Iterator[tuple[Finding, Width]]:
    width = width_in_name(stem)
    # Of several links that disagree, nobody knows which is right.
    others = [row.config.file_name.removesuffix(".py")] if row.config else []
    parts = log_name(row.log.file_name) if row.log else None
    others += [parts[0]] if parts else []
    patch = relabelled(row, width, is_safe=all(width_in_name(o) == width for o in others))
    if patch is not None and width is not None and row.checkpoint is not None:
        message = (
            f"the label says {patch.spot.text}, the file {row.checkpoint.file_name} says "
            f"{width.as_label()}"
        )
        yield Finding("HZ201", patch.spot, message, patch), width


def _label_of_blank(row: TableRow, wrong: dict[str, tuple[Width, TableRow]]) -> Iterator[Finding]:
    known = width_of_setup(row.row.setup.backbone) if row.row else None
    width, evidence = wrong.get(row.text("backbone"), (None, None))
    patch = relabelled(row, known or width, is_safe=known is not None)
    if patch is None:
        return
    reasons = []
    if evidence is not None:
        line = evidence.place.line
        reasons.append(f"line {line} has the same label and a file of {patch.new}")
    if known is not None and row.row is not None:
        reasons.append(f"upstream's configuration is {row.row.name}")
    message = f"the label says {patch.spot.text}, but {', and '.join(reasons)}"
    yield Finding("HZ202", patch.spot, message, patch)


def _sizes(row: TableRow, stem: str) -> Iterator[Finding]:
    # Where the configuration has the printed crop, the size in the name is one of something else.
    crop = getattr(row.row.setup, "train_crop", None) if row.row else None
    trained = crop and f"{crop[0]}x{crop[1]}"
    for code, what, column, named, known in (
        ("HZ203", "schedule", "lr_schd", schedule_in_name(stem), None),
        ("HZ204", "crop", "crop_size", crop_in_name(stem), trained),
    ):
        spot, printed = row.spot(column), row.text(column).lower().replace(" ", "")
        if named is not None and printed and printed not in (named, known):
            message = f"the {what} is {spot.text}, the file {stem} says {named}"
            yield Finding(code, spot, message, Patch(spot, named))


def _flags(row: TableRow, stem: str) -> Iterator[Finding]:
    for column, title, mark in _FLAGS:
        spot, named = row.spot(column), "Y" if mark in stem else "N"
        if row.text(column) in ("Y", "N") and named != spot.text:
            there = "has" if named == "Y" else "does not have"
            message = f'{title} is {spot.text}, but the file {stem} {there} "{mark}" in its name'
            yield Finding("HZ204", spot, message, Patch(spot, named))


def _config(row: TableRow, stem: str) -> Iterator[Finding]:
    if "_3rdparty_" in stem:
        return  # converted weights keep another framework's name; the configuration only runs them
    if row.config is not None and row.config.file_name.removesuffix(".py") != stem:
        message = f"the configuration is {row.config.file_name}, the file is of {stem}"
        yield Finding("HZ205", row.config, message)
