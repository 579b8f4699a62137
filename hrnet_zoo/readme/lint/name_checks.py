"""2xx: whether what a row says of itself is what the names of its files say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from hrnet_zoo.readme.lint.document import Document, Finding, Patch, Spot, TableRow
from hrnet_zoo.readme.lint.renaming import Difference, difference, is_newer, words
from hrnet_zoo.readme.names import (
    Width,
    crop_in_name,
    log_name,
    schedule_in_name,
    width_in_label,
    width_in_name,
    width_of_setup,
)

_FLAGS = (
    ("gn", "GN", "gn-head", re.compile(r"(?<![a-z])gn(?![a-z])")),
    ("ms_train", "MS train", "mstrain", re.compile(r"(?<![a-z])ms(train)?(?![a-z])")),
)
"""Columns of Y and N, their titles, and what names of files have where it is Y, as a rule and in
all forms."""
_SCHEDULE = re.compile(r"(\d{1,9})([xek]?)", re.ASCII)
_EPOCHS_OF_1X = 12
_FEWEST_ITERATIONS = 1000
_ENOUGH_FOR_A_SYSTEM = 3
"""Configurations named otherwise than their files, from which on that may be a renaming."""


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
        yield from _schedule(row, stem)
        yield from _crop(row, stem)
        yield from _flags(row, stem)
    yield from _configs(document)
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


def _schedule(row: TableRow, stem: str) -> Iterator[Finding]:
    spot, named = row.spot("lr_schd"), schedule_in_name(stem)
    said, meant = _length(row.text("lr_schd")), _length(named or "")
    if said is None or meant is None or said == meant:
        return
    # Epochs and iterations cannot be compared, but a small number alone is neither's.
    same_unit = (said >= _FEWEST_ITERATIONS) == (meant >= _FEWEST_ITERATIONS)
    if same_unit or (said < _FEWEST_ITERATIONS and spot.text.isdecimal()):
        message = f"the schedule is {spot.text}, the file {stem} says {named}"
        yield Finding("HZ203", spot, message, Patch(spot, named or ""))


def _length(schedule: str) -> int | None:
    """Return epochs, or from a thousand on iterations; None if it is written otherwise."""
    match = _SCHEDULE.fullmatch(schedule.lower().replace(" ", ""))
    return int(match[1]) * {"x": _EPOCHS_OF_1X, "k": 1000}.get(match[2], 1) if match else None


def _crop(row: TableRow, stem: str) -> Iterator[Finding]:
    # Where the configuration has the printed crop, the size in the name is one of something else.
    crop = getattr(row.row.setup, "train_crop", None) if row.row else None
    known = crop and f"{crop[0]}x{crop[1]}"
    spot, printed = row.spot("crop_size"), row.text("crop_size").lower().replace(" ", "")
    named = crop_in_name(stem)
    square = f"{printed}x{printed}"  # "512" is 512x512
    if named is not None and printed and named not in (printed, square) and printed != known:
        message = f"the crop is {spot.text}, the file {stem} says {named}"
        yield Finding("HZ204", spot, message, Patch(spot, named))


def _flags(row: TableRow, stem: str) -> Iterator[Finding]:
    for column, title, mark, pattern in _FLAGS:
        spot, named = row.spot(column), "Y" if pattern.search(stem) else "N"
        if row.text(column) in ("Y", "N") and named != spot.text:
            there = "has" if named == "Y" else "does not have"
            message = f'{title} is {spot.text}, but the file {stem} {there} "{mark}" in its name'
            yield Finding("HZ204", spot, message, Patch(spot, named))


def _configs(document: Document) -> Iterator[Finding]:
    """Yield the configurations that are not the files', and once that others were renamed.

    Publishers rename configurations and leave the files. So names that say the same in other words
    are renamed, and so are those that differ as others do, or as most do; what contradicts itself
    never is.
    """
    pairs = [pair for row in document.rows if (pair := _pair(row)) is not None]
    alike = Counter(pair.found for pair in pairs if not pair.is_clear)
    most = alike.total() >= max(_ENOUGH_FOR_A_SYSTEM, len(pairs) // 2 + 1)
    renamed = []
    for pair in pairs:
        is_system = most or alike[pair.found] >= _ENOUGH_FOR_A_SYSTEM
        if pair.found.contradicts or not (pair.is_clear or is_system):
            message = f"the configuration is {pair.config.file_name}, the file is of {pair.stem}"
            yield Finding("HZ205", pair.config, message)
        elif not pair.found.is_spelling or not pair.is_longer:
            renamed.append(pair)
    if renamed:
        config, name, stem = renamed[0]
        message = (
            f"{len(renamed)} of {len(pairs)} configurations have other names than their files, "
            f"such as {name} for {stem}: they seem to be renamed"
        )
        yield Finding("HZ205", config, message, is_info=True, row="")


class _Pair(NamedTuple):
    """The configuration and the file of a row."""

    config: Spot
    name: str
    """The configuration's."""
    stem: str
    """The file's name, without date, hash and ending."""

    @property
    def found(self) -> Difference:
        """Return how the configuration's name differs from the file's."""
        return difference(self.stem, self.name)

    @property
    def is_longer(self) -> bool:
        """Whether one name only goes on where the other ends, if it does not end there, too."""
        return self.name.startswith(self.stem) or self.stem.startswith(self.name)

    @property
    def is_clear(self) -> bool:
        """Whether it is certain that one is the other's, or that it is not."""
        return self.found.contradicts or self.found.is_spelling or is_newer(self.name, self.stem)


def _pair(row: TableRow) -> _Pair | None:
    """Return a row's names if they should say the same."""
    if row.config is None or row.config_name is None or row.stem is None:
        return None
    pair, said = _Pair(row.config, row.config_name, row.stem), words(row.stem)
    # "model_final" says nothing of itself.
    says_nothing = not said & words(pair.name)
    # Converted weights keep another framework's name, and a row can be named after the file: then
    # it is known that the configuration, which runs it, is another's.
    labels = (row.text("model"), row.text("arch"))
    only_runs = "3rdparty" in said or any(difference(pair.stem, x).is_spelling for x in labels)
    return None if says_nothing or (only_runs and not pair.found.contradicts) else pair
