"""3xx, 4xx and 6xx: what links lead to: this row's own files, the latest ones, as promised.

Reading files needs torch, once there are any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, Patch, Spot, TableRow
from hrnet_zoo.readme.lint.name_checks import relabelled
from hrnet_zoo.readme.lint.other_columns import is_evaluation
from hrnet_zoo.readme.lint.renaming import difference, words
from hrnet_zoo.readme.names import (
    Width,
    checkpoint_date,
    checkpoint_stem,
    log_name,
    width_in_name,
)
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.weights.download import sha256_of
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.weights.retired import RETIRED, SERVED_BY
from hrnet_zoo.zoo.columns import normalised
from hrnet_zoo.zoo.printed import decimals_of, printed_number
from hrnet_zoo.zoo.row import LaterEdition

if TYPE_CHECKING:
    from torch import Tensor

_FINEST = "backbone.stage4.0.branches.0.{}.conv1.weight"
"""A convolution from the finest branch to itself, in the block of this number."""


def check_links(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with links and with the names of what they lead to."""
    for link in document.links:
        yield from _host(link)
    yield from _shared(document, "HZ304", "log", lambda row: row.log)
    yield from _shared(document, "HZ305", "checkpoint", lambda row: row.checkpoint)
    models = document.known | {row.stem for row in document.rows if row.stem}
    for row in document.rows:
        if row.checkpoint is None:
            continue
        if promised_sha256(row.checkpoint.file_name) is None:
            message = (
                f"{row.checkpoint.file_name} does not end in the first 8 digits of its SHA-256, "
                'as in "-0123abcd.pth": nobody can tell whether it was changed'
            )
            yield Finding("HZ306", row.checkpoint, message)
        yield from _log(row, row.checkpoint, models)


def _host(link: Spot) -> Iterator[Finding]:
    if (retired := RETIRED.match(link.text)) is not None:
        message = f"{retired[1].lower()} is retired; the same path is at {SERVED_BY}"
        patch = Patch(link.part(0, retired.end()), SERVED_BY, is_safe=True)
        yield Finding("HZ301", link, message, patch)


def _shared(
    document: Document, code: str, what: str, link_of: Callable[[TableRow], Spot | None]
) -> Iterator[Finding]:
    seen: dict[str, tuple[Spot, TableRow]] = {}
    for table in document.tables:
        links = [(link, row) for row in table.rows if (link := link_of(row)) is not None]
        before = dict(seen)
        for link, row in links:
            seen.setdefault(_identity(link), (link, row))
        # A table of the same models on other data repeats most of them; one alone is a slip.
        most = 2 * sum(_identity(link) in before for link, _ in links) > len(links)
        for link, row in links:
            first_link, first = seen[_identity(link)]
            if first is row:
                continue
            is_info = _is_tested_again(row, first)
            if _identity(link) in before:
                is_info = is_info and (most or _prints_the_same(row, first))
            else:
                is_info = is_info and row.claims != first.claims
            message = f"the {what} {link.file_name} is also linked in line {first_link.line}"
            again = ": one model, listed or tested again" if is_info else ""
            yield Finding(code, link, message + again, is_info=is_info)


def _identity(link: Spot) -> str:
    """Return what is equal in two links to one file: its name, on whichever host, if stamped."""
    name = link.file_name
    is_stamped = promised_sha256(name) is not None or log_name(name) is not None
    return name if is_stamped else link.text


def _is_tested_again(row: TableRow, first: TableRow) -> bool:
    """Whether two rows differ at most in what their model was tested on, and how.

    Of columns that only one of their tables has, nothing is known.
    """
    differing = {
        column
        for column in row.claims.keys() & first.claims.keys()
        if normalised(row.claims[column]) != normalised(first.claims[column])
    }
    return all(map(is_evaluation, differing))


def _prints_the_same(row: TableRow, first: TableRow) -> bool:
    """Whether all numbers that both print are equal, so that it is one row in two tables."""
    numbers = [(row.text(m), first.text(m)) for m in METRICS if row.prints(m) and first.prints(m)]
    return bool(numbers) and all(own == its for own, its in numbers)


_LOG_ENDING = re.compile(r"(\.log)?(\.json|\.txt)?$")


def _log(row: TableRow, checkpoint: Spot, models: Set[str]) -> Iterator[Finding]:
    if row.log is None:
        return
    name, stem = row.log.file_name, checkpoint_stem(checkpoint.file_name)
    whole = _LOG_ENDING.sub("", name)
    named, separator = log_name(name) or (whole, "")
    if named == stem and separator == "-":
        usual = name.replace(f"{stem}-", f"{stem}_", 1)
        message = (
            f'the log {name} has "-" before its time, its checkpoint "_"; rename '
            "the file before the link"
        )
        # Not safe: the link would lead nowhere until the file is renamed.
        at = row.log.text.index(name)
        patch = Patch(row.log.part(at, at + len(name)), usual)
        yield Finding("HZ302", row.log, message, patch)
    elif whole == stem and checkpoint_date(checkpoint.file_name) is not None:
        message = f'the log {name} is not named as usual, "{stem}_<date>_<time>.log.json"'
        yield Finding("HZ302", row.log, message)
    elif named != stem and whole != checkpoint.file_name.removesuffix(".pth"):
        yield from _other_log(row, row.log, named, stem, is_another=named in models)


def _other_log(
    row: TableRow, log: Spot, named: str, stem: str, *, is_another: bool
) -> Iterator[Finding]:
    """Yield what is wrong with a log that is named otherwise than its checkpoint.

    Args:
        row: the row.
        log: its log.
        named: what the log is named after.
        stem: what the checkpoint is named after.
        is_another: whether there is a model with the log's name.
    """
    config = row.config_name or ""
    said, known = words(named), words(stem) | words(config)
    is_renamed = difference(config, named).is_spelling and not is_another
    if difference(stem, named).is_spelling or is_renamed:
        return  # as renamed as the configuration may be
    if not said:
        return  # only a date, or "train": that it is this model's log, the link says
    names_none = log_name(log.file_name) is None and not said & known
    says_less = said <= known and not difference(stem, named).contradicts
    if not is_another and (names_none or says_less):
        message = f"the log {log.file_name} is named otherwise than its checkpoint, of {stem}"
        yield Finding("HZ302", log, message)
    else:
        yield Finding("HZ303", log, f"the log is of {named}, the checkpoint of {stem}")


def check_files(document: Document, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with the linked checkpoints that are in a folder or below it.

    Args:
        document: what links them.
        folder: where files with the linked names are looked for; others are not read.
    """
    there = {path.name: path for path in sorted(folder.rglob("*.pth"))}
    for row in document.rows:
        if (link := row.checkpoint) is not None and link.file_name in there:
            yield from _file(row, link, there[link.file_name])


def width_of_tensors(state: Mapping[str, Tensor]) -> Width | None:
    """Return the width of the HRNet in a state dict, or None if there is none.

    Source:
        mmsegmentation 0.20.2, configs/_base_/models/fcn_hr18.py and configs/hrnet/fcn_hr18s*.py:
        the small variant has two blocks in each branch, the others have four.
    """
    first = state.get(_FINEST.format(0))
    if first is None:
        return None
    return Width(channels=first.shape[0], small=_FINEST.format(2) not in state)


def _file(row: TableRow, link: Spot, path: Path) -> Iterator[Finding]:
    promised, sha256 = promised_sha256(path.name), sha256_of(path)
    if promised is not None and not sha256.startswith(promised):
        message = f"{path} has the SHA-256 {sha256[:8]}..., its name promises {promised}"
        yield Finding("HZ601", link, message)
    from hrnet_zoo.weights.checkpoint_file import read_state_dict  # noqa: PLC0415 - imports torch

    try:
        state, _ = read_state_dict(path)
    except CheckpointError as error:
        yield Finding("HZ603", link, str(error))
        return
    width = width_of_tensors(state)
    if width is None:
        return
    if (patch := relabelled(row, width, is_safe=True)) is not None:
        message = f"the label says {patch.spot.text}, the tensors of {path} {width.as_label()}"
        yield Finding("HZ602", patch.spot, message, patch)
    named = width_in_name(checkpoint_stem(path.name))
    if named is not None and named != width:
        message = f"{path.name} is named as {named.as_label()}, its tensors are {width.as_label()}"
        yield Finding("HZ602", link, message)


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
        values = ", ".join(f"{METRICS[m].title} {value}" for m, value in later.numbers.items())
        if not row.has_numbers:
            message = f"published later: {values}, {later.checkpoint_url}"
            yield Finding("HZ403", row.place, message)
    elif row.checkpoint.file_name != file_name:
        changed = ", ".join(
            f"{METRICS[m].title} {new} instead of {row.text(m)}"
            for m, new in _differing(row, later)
        )
        news = f", with {changed}" if changed else ""
        message = f"these weights were replaced by {file_name}{news}"
        # Not safe: other numbers and another normalisation go with another file.
        patch = Patch(row.checkpoint, later.checkpoint_url)
        yield Finding("HZ401", row.checkpoint, message, patch)
    else:
        for metric, new in _differing(row, later):
            spot = row.spot(metric)
            said = f"{METRICS[metric].title} is {spot.text}, later stated as {new}"
            said += f" ({later.inference_ms} ms)" if metric == "fps" else ""
            message = f"{said} for the same file"
            yield Finding("HZ404", spot, message, Patch(spot, new))


def _differing(row: TableRow, later: LaterEdition) -> Iterator[tuple[str, str]]:
    """Yield the quantities of which both state a number, but not the same, and the later one."""
    for metric in METRICS:
        printed = row.readable(metric)
        stated = None if printed is None else later.stated(metric, decimals_of(printed))
        if stated is not None and printed_number(stated) not in (None, printed):
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
        # What is not measured in this file: it was measured while another was trained or timed.
        others = (metric for metric in METRICS.values() if metric.protocol is None)
        printed = [metric.title for metric in others if row.prints(metric.name)]
        if row.row is None and not printed:
            continue  # added later, as far as anybody can tell
        if printed:
            said = " and ".join(printed)
            message += f": if the row was trained again, {said} may be of the weights before"
        if row.row is not None and row.row.notes:
            message += f" (the manifest notes: {' '.join(row.row.notes)})"
        yield Finding("HZ402", link, message, is_info=row.row is None)
