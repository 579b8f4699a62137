"""Records of version 1, which hold made-up and real runs, keep their verdicts."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.trees import RunCli

import hrnet_zoo.demo
from hrnet_zoo.errors import UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import SCHEMA_VERSION
from hrnet_zoo.records.files import read_record, write_record
from hrnet_zoo.records.folder import read_records, run_files
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.records.runs import open_store
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.timing.medians import median
from hrnet_zoo.verdicts.accuracy import judge
from hrnet_zoo.verdicts.memory import judge_memory
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import EditionName, Row

DATA = Path(__file__).parents[1] / "data"
OLD = DATA / "old_records"
VERDICTS = json.loads((DATA / "old_verdicts.json").read_text())
"""What the version before said: file -> metric -> verdict, delta and reason."""
FILES = [file.path.relative_to(OLD).as_posix() for file in run_files(OLD)]


@cache
def row_of(name: str, edition: EditionName) -> Row:
    try:
        return load_zoo().row(name, edition)
    except UsageError:
        return load_zoo(hrnet_zoo.demo.MANIFEST).row(name, edition)


def content_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((OLD / name).read_text())
    return content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return shutil.copytree(OLD, tmp_path / "records")


def test_there_are_old_records_of_every_kind() -> None:
    assert len(FILES) >= 48
    assert {content_of(name)["schema_version"] for name in FILES} == {1}
    assert {read_record(OLD / name).kind for name in FILES} == {"accuracy", "timing", "memory"}


@pytest.mark.parametrize("name", FILES)
def test_written_anew_they_are_of_the_newest_version(name: str, tmp_path: Path) -> None:
    record = read_record(OLD / name)
    write_record(record, tmp_path / "1.json")
    assert read_record(tmp_path / "1.json") == record
    assert json.loads((tmp_path / "1.json").read_text())["schema_version"] == SCHEMA_VERSION


@pytest.mark.parametrize("name", VERDICTS)
def test_accuracies_keep_their_verdicts(name: str) -> None:
    record = read_record(OLD / name)
    assert isinstance(record, AccuracyRecord)
    row = row_of(record.row, record.edition)
    for metric, before in VERDICTS[name].items():
        judged = judge(row, record, metric)
        assert (judged.verdict.value, judged.reason or "") == (
            before["verdict"],
            before["reason"] or "",
        )
        assert judged.delta == pytest.approx(before["delta"], abs=1e-6)


@pytest.mark.parametrize("name", VERDICTS)
def test_what_was_asked_for_is_kept(name: str) -> None:
    record, arguments = read_record(OLD / name), content_of(name)["arguments"]
    assert isinstance(record, AccuracyRecord)
    assert record.asked.model_dump(include=set(arguments)) == arguments


@pytest.mark.parametrize("name", FILES)
def test_where_they_ran_is_kept(name: str) -> None:
    said = content_of(name).get("environment", {})
    kept = read_record(OLD / name).environment.model_dump(exclude={"packages"}, exclude_unset=True)
    assert kept == {key: value for key, value in said.items() if key != "packages"}
    for package, version in said.get("packages", {}).items():
        assert read_record(OLD / name).environment.packages.get(package) == version


def test_timings_keep_their_medians() -> None:
    timings = [name for name in FILES if "/timings/" in name]
    assert len(read_records(OLD, TimingRecord)) == len(timings) > 3
    for name in timings:
        record = read_record(OLD / name)
        assert isinstance(record, TimingRecord)
        kept = {v.name: median(v.seconds) for v in record.variants if v.seconds}
        variants = content_of(name)["variants"]
        assert kept == {v["name"]: median(v["seconds"]) for v in variants if v["seconds"]}


def test_memory_keeps_its_sizes_and_its_verdict() -> None:
    (record,) = read_records(OLD, MemoryRecord)
    (name,) = [name for name in FILES if "/memory/" in name]
    before = content_of(name)["result"]
    assert record.documented == str(before["documented_train_memory_gb"])
    assert round(record.training.predicted / GIB, 3) == before["predicted_train_memory_gb"]
    assert record.inference.predicted is not None
    assert round(record.inference.predicted / GIB, 3) == before["inference_peak_gib"]
    judged = judge_memory(row_of(record.row, record.edition), record)
    assert judged.verdict.value == before["verdict"]
    assert judged.ratio == pytest.approx(before["ratio"], abs=1e-3)


def test_no_command_calls_one_damaged(folder: Path, run_cli: RunCli) -> None:
    assert open_store(folder).damaged == []
    for arguments in (
        ("records", "list", "--records", folder),
        ("records", "index", "--records", folder),
        ("records", "prune", "--keep", "1", "--records", folder),
        ("report", "tables", "--records", folder),
    ):
        finished = run_cli(*arguments)
        assert (finished.code, finished.err) == (0, "")


@pytest.mark.usefixtures("taken_as_sound")
def test_they_are_compared_with_their_like(folder: Path, run_cli: RunCli) -> None:
    compared = json.loads(run_cli("compare", folder, OLD, "--format", "json").out)
    assert compared["problems"] == []
    accuracies = [c["outcome"] for c in compared["comparisons"] if c["kind"] == "accuracy"]
    assert accuracies.count("same") > 40
    assert set(accuracies) == {"same", "failed"}  # some runs were not completed


@pytest.mark.parametrize("name", FILES)
def test_each_can_be_shown(name: str, run_cli: RunCli) -> None:
    for form in ("text", "json"):
        finished = run_cli("records", "show", OLD / name, "--format", form)
        assert finished.code == 0, finished.err
