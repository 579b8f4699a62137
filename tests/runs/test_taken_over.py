"""What is made of the lines of a journal, also of those that no run of this version writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from made_up_runs import BEGIN, SETTINGS

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.records.accuracy import AccuracyAsked, AccuracyRecord, Segment
from hrnet_zoo.records.files import RecordFile, read_record, write_record
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.taken_over import taken_over
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

EARLIER, NAMES = "20260101T000000Z.json", ("a", "b", "c")
COUNTS = SparseCounts.of(np.eye(8, 7, dtype=np.int64)).to_text()
SEGMENT = Segment(record=EARLIER, started_at=BEGIN, settings=SETTINGS, environment=Environment())


class Files:
    """Three images with the content that their names say, unless it was changed."""

    def __init__(self, **changed: str) -> None:
        self._digests = {name: name.upper() for name in NAMES} | changed

    def __len__(self) -> int:
        return len(NAMES)

    def name_of(self, index: int) -> str:
        return NAMES[index]

    def digest(self, index: int) -> str:
        return self._digests[NAMES[index]]


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def begin(self, what: str, total: int | None, unit: str) -> None:
        del total, unit
        self.said.append(what)


def left() -> list[dict[str, Any]]:
    """Return what an earlier run wrote."""
    part = {"record": EARLIER, "segment": SEGMENT.model_dump(mode="json")}
    images = [{"name": n, "digest": n.upper(), "results": {"single": COUNTS}} for n in NAMES]
    return [part, *images]


class Resumed:
    """A run that finds lines in its journal, and what it takes over."""

    def __init__(self, folder: Path, lines: list[Any], files: Files | None = None) -> None:
        record = AccuracyRecord(row="a", status="started", started_at=BEGIN)
        self.file = RecordFile(folder / "20260102T000000Z.json", record)
        with Journal(folder / ".unfinished", {}) as journal:
            for line in lines:
                journal.append(line)
        progress = Heard()
        samples = cast("Samples", files or Files())
        with Journal(folder / ".unfinished", {}) as journal:
            given = (TASKS["segmentation"], [METRICS["miou"]], samples, self.file, progress)
            self.names = sorted(taken_over(journal, *given))
            self.kept = [line.get("name", "part") for line in journal.lines()[1:]]
        self.said = " ".join(progress.said)


def write_earlier(folder: Path, **changes: Any) -> Path:
    record = AccuracyRecord(row="a", status="started", started_at=BEGIN)
    write_record(record.model_copy(update=changes), folder / EARLIER)
    return folder / EARLIER


def test_all_is_taken_over_and_the_earlier_record_says_so(tmp_path: Path) -> None:
    path = write_earlier(tmp_path)
    resumed = Resumed(tmp_path, left())
    assert resumed.names == ["a", "b", "c"]
    assert "going on after 3 images" in resumed.said
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    assert record.status == "interrupted"
    assert record.reason == "the run was interrupted; 20260102T000000Z.json goes on with it"


def test_a_new_run_reads_no_files_again(tmp_path: Path) -> None:
    assert Resumed(tmp_path, []).said == ""


def test_an_image_that_changed_is_not_taken_over_and_named(tmp_path: Path) -> None:
    resumed = Resumed(tmp_path, left(), Files(b="another"))
    assert resumed.names == ["a", "c"]
    said = "looking anew at images of an unfinished run whose files are others now (1): b"
    assert said in resumed.said
    assert resumed.kept == ["part", "a", "b", "c"]


def test_an_image_that_is_as_it_once_was_is_taken_over(tmp_path: Path) -> None:
    other = {"name": "b", "digest": "another", "results": {"single": COUNTS}}
    assert Resumed(tmp_path, [*left(), other]).names == ["a", "b", "c"]


def with_image(**changes: Any) -> Callable[[list[Any]], object]:
    return lambda lines: lines[2].update(changes)


def with_part(**changes: Any) -> Callable[[list[Any]], object]:
    return lambda lines: lines[0]["segment"].update(changes)


WRONG_IMAGES = {
    "no name": lambda lines: lines[2].pop("name"),
    "no digest": lambda lines: lines[2].pop("digest"),
    "no results": lambda lines: lines[2].pop("results"),
    "a name that is a list": with_image(name=["b"]),
    "a name that is a number": with_image(name=1),
    "a name that is half a character": with_image(name="\ud800"),
    "an image that is not there": with_image(name="../../b"),
    "a digest that is a number": with_image(digest=7),
    "no digest at all": with_image(digest=None),
    "results that are text": with_image(results="x"),
    "results of another protocol": with_image(results={"multi_scale": COUNTS}),
    "results of too many protocols": with_image(results={"single": COUNTS, "x": COUNTS}),
    "results that are a number": with_image(results={"single": 1}),
    "counts that are none": with_image(results={"single": "no counts"}),
    "counts without an end": with_image(results={"single": COUNTS[:-3]}),
    "counts of no class": with_image(results={"single": "0 " + COUNTS.partition(" ")[2]}),
    "counts of 4000 digits": with_image(results={"single": "9" * 5000 + " x"}),
    "empty": lambda lines: lines[2].clear(),
}

WRONG_PARTS = {
    "no record": lambda lines: lines[0].pop("record"),
    "another record": lambda lines: lines[0].update(record="x.json"),
    "no segment": lambda lines: lines[0].pop("segment"),
    "a segment that is text": lambda lines: lines[0].update(segment="x"),
    "no settings": lambda lines: lines[0]["segment"].pop("settings"),
    "a time that is none": with_part(started_at="yesterday"),
    "a record that is a number": with_part(record=3),
    "no part": lambda lines: lines.pop(0),
}


@pytest.mark.parametrize("wrong", WRONG_IMAGES.values(), ids=WRONG_IMAGES)
def test_a_wrong_line_of_an_image_costs_that_image_only(
    tmp_path: Path, wrong: Callable[[list[Any]], object]
) -> None:
    lines = left()
    wrong(lines)
    resumed = Resumed(tmp_path, lines)
    assert resumed.names == ["a", "c"]


@pytest.mark.parametrize("wrong", WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_images_of_an_unknown_part_are_looked_at_anew(
    tmp_path: Path, wrong: Callable[[list[Any]], object]
) -> None:
    lines = left()
    wrong(lines)
    resumed = Resumed(tmp_path, lines)
    assert (resumed.names, resumed.kept) == ([], [])
    assert "left out what no run writes" in resumed.said


@pytest.mark.parametrize("name", ["../1.json", "..", "", "\x00", "nowhere.json", "x" * 300])
def test_only_a_record_beside_this_one_is_told_that_it_goes_on(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "row"
    folder.mkdir()
    outside = write_earlier(tmp_path).rename(tmp_path / "1.json")
    before = outside.read_bytes()
    lines = left()
    lines[0] = {"record": name, "segment": lines[0]["segment"] | {"record": name}}
    assert Resumed(folder, lines).names == ["a", "b", "c"]
    assert outside.read_bytes() == before


def test_a_damaged_earlier_record_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / EARLIER).write_text("{")
    assert Resumed(tmp_path, left()).names == ["a", "b", "c"]
    assert (tmp_path / EARLIER).read_text() == "{"


@pytest.mark.parametrize(("quick", "names"), [(False, []), (True, ["a", "b", "c"])])
def test_what_a_completed_run_left_is_used_only_if_that_was_a_quick_one(
    tmp_path: Path, quick: bool, names: list[str]
) -> None:
    """It was killed between saying so and deleting its journal; quick ones leave theirs."""
    write_earlier(tmp_path, status="completed", asked=AccuracyAsked(quick=quick))
    assert Resumed(tmp_path, left()).names == names
