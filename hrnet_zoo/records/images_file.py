"""The file beside a record with the result of every image, from which its values are computed.

It is made of the run's journal. Its last line repeats the record as the run left it, and the record
holds the digest of the file: what is damaged or edited in one is found by the other. That finds
accidents, not forgers: whoever computes everything anew would have to be told by a signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord, Segment, Timings
from hrnet_zoo.records.files import LARGEST_BYTES, RecordFile, writing
from hrnet_zoo.records.journal import LARGEST_JOURNAL, Journal, content_of_lines, lines_of
from hrnet_zoo.records.migrations import newest_line
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.strict import first_problem
from hrnet_zoo.system.whole_file import synced, write_whole

FORMAT = 4
"""Raised whenever lines change their meaning; in the first line of every file."""
ENDING = ".images.jsonl"
"""How the name of an images file ends."""
CLOSED_SINCE = 4
"""The first format whose files end with the record."""

TIES = frozenset({"images_sha256", "images_bytes", "remarks_since"})
"""Fields of a record that its images file cannot repeat: they are made of it, or came later."""


class ImageLine(BaseModel):
    """What was kept of one image."""

    name: str
    digest: str | None = None
    """SHA-256 of its files; some old ones do not say."""
    results: dict[str, str]
    """What was counted, as text, by what metrics are computed from; see `Metric.evidence`."""


@dataclass(frozen=True, kw_only=True)
class ImagesFile:
    """What is in a complete file."""

    sha256: str
    size_bytes: int
    header: Mapping[str, Any]
    """What of checkpoint, data, protocol and engine the results are."""
    images: Mapping[str, ImageLine]
    """By name."""
    records: list[str]
    """Names of the records of the runs that wrote into it, the last one last."""
    segments: list[Segment]
    """The parts of the run; empty in old files."""
    looks: list[str]
    """Names of the images of `verify --quick` in the order of its looks; empty of other runs."""
    ended: dict[str, Any] | None
    """The record as the run left it; None in old files."""

    @property
    def format(self) -> int:
        """Return the version of the file's form."""
        return int(self.header["format"])


def beside(record: Path) -> Path:
    """Return where the images file of a new record is."""
    return record.with_suffix(ENDING)


def named_by(record: AccuracyRecord, path: Path) -> Path | None:
    """Return where the images file is that a record in ``path`` names; None if it names none.

    A record may come from anybody: only what lies beside it is read.
    """
    name = Path(record.images_file or "").name
    return path.parent / name if name else None


def close(
    file: RecordFile, journal: Journal, digests: Mapping[str, str], looks: Sequence[str] = ()
) -> None:
    """Complete a record of images, with an images file of what its journal has of them.

    The record says "completed" last, and the journal goes after that: whenever a run is killed, all
    that it finished is in one of the two. What is of files that are others now stays in the
    journal, for a run that finds them again.

    Args:
        file: the record, with what the images add up to.
        journal: with the results of all of them, and maybe of others.
        digests: of the images, by name.
        looks: of `verify --quick`, the names in the order of its looks; the journal stays, for a
            run over all images goes on with it.

    Raises:
        RecordError: a file cannot be written.
    """
    header, *entries = journal.lines()
    own, used = file.path.name, _used(entries, digests)
    kept = _with_segments(entries, used, own)
    segments = segments_of(kept)
    file.update(
        num_images_taken_over=sum(s.num_images for s in segments if s.record != own),
        segments=segments,
        timings=Timings.total([s.timings for s in segments if s.timings]),
    )
    name = beside(file.path)
    ended = {"status": "completed", "finished_at": file.finished_at, "images_file": name.name}
    record = file.record.model_copy(update=ended)
    repeated = {"ended": record.model_dump(mode="json", exclude=set(TIES))}
    looked = [{"looks": list(looks)}] if looks else []
    content = content_of_lines([header, *kept, *looked, repeated])
    with writing("images file", name):
        write_whole(name, content)
        synced(name)
    digest = hashlib.sha256(content).hexdigest()
    file.update(**ended, images_sha256=digest, images_bytes=len(content))
    if not looks:
        synced(file.path)
        others = {i for i, entry in enumerate(entries) if "name" in entry} - used
        if others:
            journal.keep(_with_segments(entries, others))
        else:
            journal.remove()


def _used(entries: Sequence[Mapping[str, Any]], digests: Mapping[str, str]) -> set[int]:
    """Return which lines are of these images and their files; of several the last one."""
    places = {
        entry["name"]: i
        for i, entry in enumerate(entries)
        if "name" in entry and digests.get(entry["name"]) == entry["digest"]
    }
    return set(places.values())


def _with_segments(
    entries: Sequence[dict[str, Any]], images: AbstractSet[int], own: str = ""
) -> list[dict[str, Any]]:
    """Return these lines of images and those of the parts of the run that they are of.

    Args:
        entries: all lines but the first one.
        images: places of the lines.
        own: a part that stays without images.
    """
    lines = [entry for i, entry in enumerate(entries) if "name" not in entry or i in images]
    stay = {s.record for s in segments_of(lines) if s.num_images or s.record == own}
    return [entry for entry in lines if "name" in entry or entry.get("record") in stay]


def read_images(record: AccuracyRecord, path: Path) -> ImagesFile:
    """Return the images file of a record that is in ``path``.

    Raises:
        RecordError: there is none, or it is cut, damaged or of a newer version.
    """
    place = named_by(record, path)
    if place is None:
        msg = "it names no images file, so nothing can be checked"
        raise RecordError(msg)
    try:
        content = read_regular(place, LARGEST_JOURNAL)
    except FileNotFoundError:
        msg = f"its images file {shown(place.name)} is missing, so nothing can be checked"
        raise RecordError(msg) from None
    except OSError as error:
        msg = f"its images file {shown(place.name)} cannot be read: {error.strerror}"
        raise RecordError(msg) from None
    # Reports are passed on: messages hold no folders of this machine.
    header, *entries = lines_of(content, Path(place.name))
    return _read(place.name, content, header, entries)


def line_of(entry: Mapping[str, Any]) -> Segment | ImageLine | None:
    """Return what a line of a journal says; None of what this version never writes there."""
    try:
        if "segment" not in entry:
            return ImageLine.model_validate(entry)
        segment = Segment.model_validate(entry["segment"])
    except ValidationError:
        return None
    return segment if entry == {"record": segment.record, "segment": entry["segment"]} else None


def segments_of(entries: Iterable[Mapping[str, Any]]) -> list[Segment]:
    """Return the parts of a run whose lines these are; what each last said of itself holds.

    Raises:
        ValidationError: a line is damaged.
    """
    segments, counts = dict[str, Segment](), dict[str, int]()
    current = None
    for entry in entries:
        if "segment" in entry:
            segment = Segment.model_validate(entry["segment"])
            current = segment.record
            segments[current] = segment
        elif "name" in entry and current is not None:
            counts[current] = counts.get(current, 0) + 1
    return [
        segment.model_copy(update={"num_images": counts.get(name, 0)})
        for name, segment in segments.items()
    ]


def _read(
    name: str, content: bytes, header: Mapping[str, Any], entries: list[dict[str, Any]]
) -> ImagesFile:
    version = header.get("format")
    if not isinstance(version, int) or version < 1:
        msg = f"{name} is not an images file: its first line names no format"
        raise RecordError(msg)
    if version > FORMAT:
        msg = (
            f"{name} was written by a newer hrnet-zoo (format {version}, this one reads up to "
            f"{FORMAT}); upgrade hrnet-zoo"
        )
        raise RecordError(msg)
    ended = entries[-1].get("ended") if entries else None
    if version >= CLOSED_SINCE and not isinstance(ended, dict):
        msg = f"{name} is cut: its last line, which repeats the record, is missing"
        raise RecordError(msg)
    try:
        lines = [ImageLine.model_validate(newest_line(e)) for e in entries if "name" in e]
        segments = segments_of(entries)
    except ValidationError as error:
        msg = f"{name} is damaged ({first_problem(error)})"
        raise RecordError(msg) from None
    looks = [each for entry in entries if "looks" in entry for each in _names(name, entry["looks"])]
    images = {line.name: line for line in lines}
    if len(images) < len(lines):
        msg = f"{name} is damaged: it has an image twice"
        raise RecordError(msg)
    return ImagesFile(
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        header=header,
        images=images,
        records=[str(entry["record"]) for entry in entries if "record" in entry],
        segments=segments,
        looks=looks,
        ended=ended,
    )


def _names(file: str, said: object) -> list[str]:
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        msg = f"{file} is damaged (looks: they are no list of names)"
        raise RecordError(msg)
    return said


def content_of(path: Path) -> dict[str, Any]:
    """Return what is in the file of a record, as it is written there.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads(read_regular(path, LARGEST_BYTES))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}"
        raise RecordError(msg) from None
    return content
