"""4xx: what upstream published after the table was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from statistics import median

from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, Patch, TableRow
from hrnet_zoo.readme.names import checkpoint_date
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import LaterEdition

_STATED: tuple[str, ...] = ("train_memory_gb", "box_ap", "mask_ap")
_TITLES = {"train_memory_gb": "memory", "box_ap": "box AP", "mask_ap": "mask AP"}
_NOT_ACCURACY: tuple[tuple[str, str], ...] = (("train_memory_gb", "memory"), ("fps", "fps"))
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
        if not row.has_numbers:
            message = f"published later: {_values(later)}, {later.checkpoint_url}"
            yield Finding(code="HZ403", spot=row.place, message=message)
    elif row.checkpoint.file_name != file_name:
        message = f"these weights were replaced by {file_name}{_news(row, later)}"
        # Not safe: other numbers and another normalisation go with another file.
        patch = Patch(spot=row.checkpoint, new=later.checkpoint_url, is_safe=False)
        yield Finding(code="HZ401", spot=row.checkpoint, message=message, patch=patch)
    else:
        yield from _other_values(row, later)


def _other_values(row: TableRow, later: LaterEdition) -> Iterator[Finding]:
    for metric in _STATED:
        stated = getattr(later, metric)
        if not _differs(row.text(metric), stated):
            continue
        spot = row.spot(metric)
        message = f"{_TITLES[metric]} is {spot.text}, later stated as {stated} for the same file"
        patch = Patch(spot=spot, new=stated, is_safe=False)
        yield Finding(code="HZ404", spot=spot, message=message, patch=patch)


def _values(later: LaterEdition) -> str:
    stated = ((_TITLES[metric], getattr(later, metric)) for metric in _STATED)
    return ", ".join(f"{title} {value}" for title, value in stated if value is not None)


def _news(row: TableRow, later: LaterEdition) -> str:
    """Say which values changed with the weights."""
    changed = [
        f"{_TITLES[metric]} {stated} instead of {row.text(metric)}"
        for metric in _STATED
        if _differs(row.text(metric), stated := getattr(later, metric))
    ]
    return f", with {', '.join(changed)}" if changed else ""


def _differs(printed: str, stated: str | None) -> bool:
    """Return whether both are numbers, and not the same."""
    try:
        before, after = printed_number(printed), printed_number(stated)
    except ValueError:
        return False  # no number; that is another finding
    return None not in (before, after) and before != after


def _retrained(table: LintTable) -> Iterator[Finding]:
    """Yield the rows whose files are much newer than most files of their table."""
    dated = [
        (row, day)
        for row in table.rows
        if row.checkpoint is not None
        and (day := checkpoint_date(row.checkpoint.file_name)) is not None
    ]
    if not dated:
        return
    usual = date.fromordinal(int(median(day.toordinal() for _, day in dated)))
    for row, day in dated:
        if day - usual > _MUCH_NEWER and row.checkpoint is not None:
            printed = [
                title for metric, title in _NOT_ACCURACY if row.text(metric) not in NOT_PRINTED
            ]
            message = f"weights of {day}, most of this table are of {usual} or before"
            if printed:
                said = " and ".join(printed)
                message += f": if the row was trained again, {said} may be of the weights before"
            if row.row is not None and row.row.notes:
                message += f" (the manifest notes: {' '.join(row.row.notes)})"
            yield Finding(code="HZ402", spot=row.checkpoint, message=message)
