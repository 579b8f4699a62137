"""Every edit of a record, or of its images file, is found, and what is sound passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.sealing import line_of, seal_anew
from test_docs import ROOT

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import read_record
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.scored import Scored
from hrnet_zoo.verdicts.accuracy import Verdict, judge
from hrnet_zoo.verdicts.checked import evidence_of, row_of
from hrnet_zoo.verdicts.evidence import Evidence, examine
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo(MANIFEST)
RECORDS = sorted((ROOT / "reports" / "demo" / "records").glob("*/*Z.json"))
"""Runs of a segmentation, a detection and a classification row."""
SEGMENTATION, DETECTION, CLASSIFICATION = RECORDS
VALUES = {SEGMENTATION: "miou", DETECTION: "box_ap", CLASSIFICATION: "top1"}

Where = tuple[str | int, ...]


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """Return a function that copies a record and its images file, which may then be changed."""

    def copied(record: Path) -> Path:
        folder = tmp_path / record.parent.name
        shutil.copytree(record.parent, folder)
        return folder / record.name

    return copied


def evidence_in(path: Path) -> Evidence:
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    return examine(row_of(ZOO, record), record, path)


def leaves(content: object, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Yield every value that holds no others, empty lists and objects among them.

    What was noted once a run was completed is left out: it decides nothing, and nothing repeats it.
    """
    if isinstance(content, dict) and content:
        for key, value in content.items():
            if key != "remarks_since":
                yield from leaves(value, (*where, key))
    elif isinstance(content, list) and content:
        for i, value in enumerate(content):
            yield from leaves(value, (*where, i))
    else:
        yield where, content


def edits(value: object) -> list[object]:
    """Return other values, of the same kind and of others."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value * (1 + 1e-6) + 1e-6, str(value), None]
    if isinstance(value, str):
        return [f"{value}x", value[:-1] + ("0" if value[-1:] != "0" else "1"), None]
    return [{"a": "b"}] if value == {} else [["a"]] if value == [] else [1, "a", 0.5]


def edited(content: Any, where: Where, value: object) -> Any:
    """Return a copy in which one value is another."""
    changed = json.loads(json.dumps(content))
    inside = changed
    for step in where[:-1]:
        inside = inside[step]
    inside[where[-1]] = value
    return changed


def found_in(path: Path, content: object) -> list[str]:
    """Return what is found when a record has another content."""
    path.write_text(json.dumps(content))
    try:
        return evidence_in(path).found
    except RecordError as error:
        return [str(error)]


@contextmanager
def scored_once() -> Iterator[None]:
    """Compute what follows from the same images once."""
    known: dict[str, Scored] = {}
    with pytest.MonkeyPatch.context() as patch:
        for task in TASKS.values():
            compute = task.scored

            def scored(setup: Any, metric: Any, counted: Any, compute: Any = compute) -> Scored:
                if metric.name not in known:
                    known[metric.name] = compute(setup, metric, counted)
                return known[metric.name]

            patch.setattr(task, "scored", scored)
        yield


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.parent.name)
def test_a_run_on_the_demo_is_sound(record: Path) -> None:
    assert evidence_in(record) == Evidence()


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.parent.name)
def test_every_edit_of_a_field_is_found(record: Path, copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(record)
    content = json.loads(path.read_text())
    fields = list(leaves(content))
    assert len(fields) > 150
    with scored_once():
        for where, value in fields:
            for other in edits(value):
                found = found_in(path, edited(content, where, other))
                assert found, f"{where}: {value!r} became {other!r}"


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.parent.name)
def test_every_field_that_is_taken_away_is_found(
    record: Path, copy_of: Callable[[Path], Path]
) -> None:
    path = copy_of(record)
    content = json.loads(path.read_text())
    with scored_once():
        for where, value in leaves(content):
            if isinstance(where[-1], int) or value is None:
                continue
            without = edited(content, where, None)
            inside = without
            for step in where[:-1]:
                inside = inside[step]
            del inside[where[-1]]
            assert found_in(path, without), where


def test_an_edit_is_named(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(SEGMENTATION)
    content = edited(json.loads(path.read_text()), ("settings", "num_threads"), 7)
    assert found_in(path, content) == ["settings.num_threads is 7, and was 1 when the run ended"]
    content = edited(json.loads(SEGMENTATION.read_text()), ("measurements", 0, "value"), 99.5)
    first, second = found_in(path, content)
    assert first.startswith("measurements.0.value is 99.5, and was 81.58")
    assert second.startswith("miou is 99.5, and 81.58")
    assert second.endswith("by its images")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.parent.name)
def test_what_follows_from_images_is_recomputed(
    record: Path, copy_of: Callable[[Path], Path]
) -> None:
    """It is found even where both files were written anew."""
    path = copy_of(record)
    content = json.loads(path.read_text())
    seal_anew(path, content)
    assert evidence_in(path) == Evidence()
    number = [m["metric"] for m in content["measurements"]].index(VALUES[record])
    measured: Where = ("measurements", number)
    numbers = [where for where, value in leaves(content) if isinstance(value, float)]
    # How images are looked at, and what other right ways to compute give, no counts tell.
    untold = {"protocol", "allowances"}
    recomputed = [w for w in numbers if w[:2] == measured and not untold & {*w}]
    assert len(recomputed) > 5
    others: list[tuple[Where, object]] = [
        (("dataset", "fingerprint"), "banana"),
        (("dataset", "num_images"), 35),
        (("dataset", "num_images_found"), 3),
        (("checkpoint", "sha256"), content["checkpoint"]["sha256"][:8] + "0" * 56),
        (("checkpoint", "known_by"), "eight digits (32 bits)"),
        (("checkpoint", "locked_on"), None),
        (("settings", "engine", "name"), "openvino"),
        ((*measured, "classes", 0, "name"), "another"),
        ((*measured, "protocol", "ratios", 0), 2.0),
        ((*measured, "protocol", "flip"), True),
        ((*measured, "interval", "groups"), 3),
        ((*measured, "no_interval"), "none was wanted"),
        (("segments", 0, "num_images"), 7),
        (("num_images_taken_over",), 1),
        (("finished_at",), "2020-01-01T00:00:00Z"),
        (("timings", "wall_s"), -1.0),
        (("timings", "forward_s"), 0.001),
        (("asked", "metrics"), ["top5"]),
        (("asked", "limit"), 3),
        (("images_by_device",), {"cuda:0": 3}),
        (("reason",), "it was not completed"),
    ]
    with scored_once():
        for where, other in [*((where, 12.3456) for where in recomputed), *others]:
            seal_anew(path, edited(content, where, other))
            assert evidence_in(path).found, f"{where} became {other!r}"


def test_parameters_are_held_against_the_network(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(CLASSIFICATION)
    content = json.loads(path.read_text())
    assert content["measurements"][0]["metric"] == "params_m"
    seal_anew(path, edited(content, ("measurements", 0, "value"), 0.3))
    (found,) = evidence_in(path).found
    assert found == "params_m is 0.3, and the row's network has 0.28338"


def _cut(content: bytes) -> bytes:
    return content[: content.rindex(b"\n", 0, len(content) - 1) + 1]


def _rewritten(content: bytes, change: Callable[[dict[str, Any]], object], number: int) -> bytes:
    lines = content.splitlines(keepends=True)
    entry = json.loads(lines[number].partition(b" ")[2])
    change(entry)
    lines[number] = line_of(entry)
    return b"".join(lines)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "is cut: its last line, which repeats the record, is missing"),
        (lambda content: content[:-1], "is damaged after"),
        (lambda content: content[: len(content) // 2], "is damaged after"),
        (lambda content: content.replace(b"ambleford", b"ambleforg", 1), "is damaged after"),
        (lambda _: b"", "is damaged after 0 bytes"),
        (
            lambda c: _rewritten(c, lambda e: e.update(format=99), 0),
            "was written by a newer hrnet-zoo (format 99, this one reads up to 4); upgrade",
        ),
        (lambda c: _rewritten(c, lambda e: e.pop("format"), 0), "its first line names no format"),
        (lambda c: _rewritten(c, lambda e: e.update(checkpoint="0" * 64), 0), "images_sha256 is "),
        (lambda c: _rewritten(c, lambda e: e.update(digest="0" * 64), 5), "images_sha256 is "),
        (lambda c: _rewritten(c, lambda e: e.pop("results"), 5), "is damaged (results"),
        (lambda c: _rewritten(c, lambda e: e.update(name="another"), 5), "images_sha256 is "),
        (lambda c: _rewritten(c, lambda e: e["ended"].update(reason="x"), -1), "images_sha256 is "),
        (lambda c: _rewritten(c, lambda e: e.update(looks=5), 5), "is damaged (looks: "),
        (lambda c: _rewritten(c, lambda e: e.update(looks=[5]), 5), "is damaged (looks: "),
    ],
)
def test_an_images_file_that_was_changed(
    copy_of: Callable[[Path], Path], damage: Callable[[bytes], bytes], said: str
) -> None:
    path = copy_of(SEGMENTATION)
    (file,) = path.parent.glob("*.images.jsonl")
    file.write_bytes(damage(file.read_bytes()))
    first = evidence_in(path).found[0]
    assert said in first
    assert str(path.parent) not in first


def test_an_images_file_that_is_missing_or_of_another_run(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(SEGMENTATION)
    (file,) = path.parent.glob("*.images.jsonl")
    other = copy_of(CLASSIFICATION)
    shutil.copy(next(other.parent.glob("*.images.jsonl")), file)
    (found,) = evidence_in(path).found
    assert f"{file.name} is of another run, of {other.parent.name} at 20" in found
    file.unlink()
    (found,) = evidence_in(path).found
    assert found == f"its images file {file.name} is missing, so nothing can be checked"


def test_an_images_file_whose_name_none_can_have(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(SEGMENTATION)
    content = json.loads(path.read_text()) | {"images_file": "a\0b"}
    path.write_text(json.dumps(content))
    (found,) = evidence_in(path).found
    assert found.startswith(r"its images file a\x00b cannot be read: is no name of a file")
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    assert evidence_of(row_of(ZOO, record), record, path) == evidence_in(path)


def test_a_new_record_is_not_taken_for_an_old_one(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(SEGMENTATION)
    (file,) = path.parent.glob("*.images.jsonl")
    file.write_bytes(_rewritten(_cut(file.read_bytes()), lambda e: e.update(format=3), 0))
    content = json.loads(path.read_text()) | {"images_sha256": None, "images_bytes": None}
    content = edited(content, ("measurements", 0, "allowances", 0, "points"), 50.0)
    path.write_text(json.dumps(content))
    (found,) = evidence_in(path).found
    assert found == "it says what only newer runs do, whose images files end with the record"


def test_what_contradicts_is_not_comparable(copy_of: Callable[[Path], Path]) -> None:
    path = copy_of(SEGMENTATION)
    content = json.loads(path.read_text())
    content = edited(content, ("measurements", 0, "figures", "aacc"), 99.0)
    path.write_text(json.dumps(content))
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    row = ZOO.row(record.row)
    judgement = judge(row, record, "miou", evidence=evidence_in(path))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert judgement.reason.startswith(
        "the record contradicts its images file: measurements.0.figures.aacc is 99.0, and was "
    )
    assert judgement.reason.endswith("(and 1 more)")


def test_results_that_unpack_to_too_much_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hrnet_zoo.verdicts.evidence._MOST_BYTES", 1000)
    evidence = evidence_in(DETECTION)
    assert evidence.against("box_ap") == "its images file unpacks to more than 1000 bytes"
