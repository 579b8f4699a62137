"""4xx: what upstream published after the table was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from statistics import median

from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, Patch, TableRow
from hrnet_zoo.readme.names import checkpoint_date
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import LaterEdition

_STATED = {"train_memory_gb": "memory", "box_ap": "box AP", "mask_ap": "mask AP"}
"""Quantities that a later edition states, and what messages call them."""
_NOT_ACCURACY = (("train_memory_gb", "memory"), ("fps", "fps"))
_MUCH_NEWER = timedelta(days=180)


def check_later(document: Document) -> Iterator[Finding]:
    """Yield rows that are out of date."""
    for table in document.tables:
        for row in table.rows:
            if row.row is not None and row.row.later is not None:
                yield from _against_later(row, row.row.later)
        yield from _retrained(table)


def _against_later(row: TableRow, later: LaterEdition) -> Iterator[Finding]:
    file_name = link_file_name(later.checkpoint_url)
    if row.checkpoint is None:
        stated = ((title, getattr(later, metric)) for metric, title in _STATED.items())
        values = ", ".join(f"{title} {value}" for title, value in stated if value is not None)
        if not row.has_numbers:
            message = f"published later: {values}, {later.checkpoint_url}"
            yield Finding("HZ403", row.place, message)
    elif row.checkpoint.file_name != file_name:
        changed = ", ".join(
            f"{_STATED[metric]} {new} instead of {row.text(metric)}"
            for metric, new in _differing(row, later)
        )
        news = f", with {changed}" if changed else ""
        message = f"these weights were replaced by {file_name}{news}"
        # Not safe: other numbers and another normalisation go with another file.
        patch = Patch(row.checkpoint, later.checkpoint_url)
        yield Finding("HZ401", row.checkpoint, message, patch)
    else:
        for metric, new in _differing(row, later):
            spot = row.spot(metric)
            message = f"{_STATED[metric]} is {spot.text}, later stated as {new} for the same file"
            yield Finding("HZ404", spot, message, Patch(spot, new))


def _differing(row: TableRow, later: LaterEdition) -> Iterator[tuple[str, str]]:
    """Yield the quantities of which both state a number, but not the same, and the later one."""
    for metric in _STATED:
        printed, stated = row.readable(metric), getattr(later, metric)
        if None not in (printed, printed_number(stated)) and printed != printed_number(stated):
            yield metric, stated


def _retrained(table: LintTable) -> Iterator[Finding]:
    """Yield the rows whose files are much newer than most files of their table."""
    dated = [
        (row, link, day)
        for row in table.rows
        if (link := row.checkpoint) is not None
        and (day := checkpoint_date(link.file_name)) is not None
    ]
    if not dated:
        return
    usual = date.fromordinal(int(median(day.toordinal() for _, _, day in dated)))
    for row, link, day in dated:
        if day - usual <= _MUCH_NEWER:
            continue
        message = f"weights of {day}, most of this table are of {usual} or before"
        printed = [title for metric, title in _NOT_ACCURACY if row.prints(metric)]
        if printed:
            said = " and ".join(printed)
            message += f": if the row was trained again, {said} may be of the weights before"
        if row.row is not None and row.row.notes:
            message += f" (the manifest notes: {' '.join(row.row.notes)})"
        yield Finding("HZ402", link, message)
