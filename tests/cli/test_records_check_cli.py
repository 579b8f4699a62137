"""hrnet-zoo records check, and that no command believes a record that its images contradict."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.trees import RunCli
from test_docs import ROOT

import hrnet_zoo
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from hrnet_zoo.zoo.manifest import load_zoo

BASELINE = ROOT / "reports" / "demo" / "records"
ROW = "fcn_hr5s_180x270_2k_scenes"
ON_DEMO = ("--zoo", MANIFEST)
FORGED = "the record contradicts its images file: measurements.0.value is 81.6, and was 81.58"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A copy of the demo's records."""
    return shutil.copytree(BASELINE, tmp_path / "records")


@pytest.fixture
def forged(records: Path) -> Path:
    """The same, with another mIoU."""
    (path,) = (records / ROW).glob("*Z.json")
    content = json.loads(path.read_text())
    content["measurements"][0]["value"] = 81.6
    path.write_text(json.dumps(content))
    return records


def test_sound_records(records: Path, run_cli: RunCli) -> None:
    finished = run_cli("records", "check", records, *ON_DEMO)
    assert finished.code == 0
    assert finished.out.count(": sound") == 3
    assert finished.out.splitlines()[-1] == "3 records checked, 0 with contradictions"
    (path,) = (records / ROW).glob("*Z.json")
    checked = json.loads(run_cli("records", "check", path, *ON_DEMO, "--format", "json").out)
    assert checked == [{"file": str(path), "contradictions": [], "not_checked": []}]


def test_a_contradiction_is_named(forged: Path, run_cli: RunCli) -> None:
    finished = run_cli("records", "check", forged, *ON_DEMO)
    assert finished.code == 1
    assert "measurements.0.value is 81.6, and was 81.58" in finished.out
    assert "miou is 81.6, and 81.58" in finished.out
    assert finished.out.splitlines()[-1] == "3 records checked, 1 with contradictions"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r'"points": [\d.]+', '"points": 1e30'),
        (r'"num_equal": \d+', f'"num_equal": {10**320}'),
        (r'"wall_s": [\d.]+', '"wall_s": 0.0'),
        (r'"images_file": "', r'"images_file": "a\\u0000'),
    ],
)
def test_no_edit_of_a_record_is_a_bug_in_what_reads_it(
    records: Path, run_cli: RunCli, before: str, after: str
) -> None:
    (path,) = (records / ROW).glob("*Z.json")
    text, count = re.subn(before, after, path.read_text())
    assert count
    path.write_text(text)
    for command in (("show", path), ("check", path)):
        assert run_cli("records", *command, *ON_DEMO).code in (0, 1, 3)
    assert run_cli("report", "tables", "--records", records, *ON_DEMO).code in (0, 3)


def test_what_cannot_be_checked_is_no_success(records: Path, run_cli: RunCli) -> None:
    finished = run_cli("records", "check", records)
    assert finished.code == 3
    assert f"not checked: zoo.yaml has no row {ROW}; see --zoo" in finished.out
    (records / ROW / "1.json").write_text("{")
    finished = run_cli("records", "check", records, *ON_DEMO)
    assert finished.code == 3
    assert "not a readable record" in finished.out
    (records / "empty").mkdir()
    finished = run_cli("records", "check", records / "empty")
    assert (finished.code, finished.out) == (3, "There is no record of accuracy to check.\n")
    finished = run_cli("records", "check", records / "nowhere")
    assert finished.code == 2
    assert "There is no file or folder" in finished.err


def test_old_records_are_recomputed_as_far_as_they_can_be(run_cli: RunCli) -> None:
    old = ROOT / "tests" / "data" / "old_records"
    (segmentation,) = old.glob("fcn_hr5s_*/20261130T023303Z.json")
    assert run_cli("records", "check", segmentation, *ON_DEMO).code == 0
    (detection,) = old.glob("fcos_*w5s_*/20261130T023309Z.json")
    finished = run_cli("records", "check", detection, *ON_DEMO)
    assert finished.code == 3
    assert "not checked: what box AP is computed from was not kept of every image" in finished.out
    shown = run_cli("records", "show", detection, *ON_DEMO).out
    assert "not comparable" in shown


@pytest.mark.parametrize(
    "command",
    [("records", "show", ROW), ("compare", BASELINE), ("report", "export")],
    ids=lambda command: command[0],
)
def test_no_command_believes_it(
    forged: Path, tmp_path: Path, run_cli: RunCli, command: tuple[str | Path, ...]
) -> None:
    if command[0] == "compare":
        finished = run_cli(*command, forged, "--row", ROW, *ON_DEMO)
        assert finished.code == 3
        assert f"in HEAD, {FORGED}" in finished.out
        finished = run_cli("compare", forged, BASELINE, "--row", ROW, *ON_DEMO)
        assert finished.code == 3
        assert f"in BASE, {FORGED}" in finished.out
        return
    output = ("--output", tmp_path / "values.csv") if command[0] == "report" else ()
    finished = run_cli(*command, "--records", forged, *output, *ON_DEMO)
    said = (tmp_path / "values.csv").read_text() if output else finished.out
    assert FORGED in said


def test_tables_and_frames_do_not_believe_it(forged: Path, run_cli: RunCli) -> None:
    assert "mIoU measured" not in run_cli("report", "tables", "--records", forged, *ON_DEMO).out
    measured = hrnet_zoo.results(forged, load_zoo(MANIFEST))
    (verdict,) = measured[measured.row == ROW].verdict
    assert verdict == "not_comparable"


def test_an_unsound_record_does_not_win_over_a_sound_one(records: Path, run_cli: RunCli) -> None:
    (path,) = (records / ROW).glob("*Z.json")
    content = json.loads(path.read_text())
    content |= {"started_at": "2027-01-01T00:00:00Z", "finished_at": "2027-01-01T00:00:09Z"}
    content["measurements"][0]["value"] = 99.0
    path.with_name("20270101T000000Z.json").write_text(json.dumps(content))
    shown = run_cli("report", "tables", "--records", records, *ON_DEMO).out
    assert "81.59 |" in shown
    assert "99.00" not in shown
    measured = hrnet_zoo.results(records, load_zoo(MANIFEST))
    counts = measured[(measured.row == ROW) & measured.counts]
    assert list(counts.verdict) == ["match"]


def test_a_run_that_looks_in_another_way_says_so(
    tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the record says of the protocol was observed, not copied from the manifest."""
    documented = SegmentationProtocol.of

    def mirrored(*given: Any, **named: Any) -> SegmentationProtocol:
        return replace(documented(*given, **named), flip=True)

    monkeypatch.setattr(SegmentationProtocol, "of", mirrored)
    verified = run_cli(
        "verify", ROW, *ON_DEMO, "--data-root", DATA_ROOT, "--device", "cpu", "--limit", "2",
        "--output", tmp_path / "mirrored",
    )  # fmt: skip
    assert verified.code == 3
    assert "other scales or mirroring than single stands for" in verified.out
