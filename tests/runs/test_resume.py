"""Runs that are killed, and what the next run makes of what they left."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fill import filled_state
from support.accuracy import read_record
from support.sealing import change_lines
from support.started import started
from support.trees import RunCli, make_cityscapes

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

IMAGES = 40
KILLS = 20
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """The demo's manifest with a Cityscapes row small enough to be run many times."""
    text = MANIFEST.read_text().partition("  - name: fcos")[0]
    for old, new in (
        ("fcn_hr5s_180x270_2k_scenes", "fcn_hr4s_small_cityscapes"),
        ("w5_small", "w4_small"),
        ("num_classes: 7", "num_classes: 19"),
        ("dataset: scenes", "dataset: cityscapes"),
        ("scale: [270, 180]", "scale: [64, 32]"),
        ('      miou: "81.59"\n', '      miou: "81.59"\n      miou_ms_flip: "50.0"\n'),
        ("      mIoU: miou\n", "      mIoU: miou\n      mIoU(ms+flip): miou_ms_flip\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "zoo.yaml"
    path.write_text(text)
    return path


NAME = "fcn_hr4s_small_cityscapes"


def make_checkpoint(path: Path, flavour: float = 1.0) -> Path:
    model = build_segmentor("fcn_hrnet", backbone="w4_small", num_classes=19)
    state = filled_state({k: tuple(v.shape) for k, v in model.state_dict().items()})
    state["decode_head.conv_seg.bias"] *= flavour
    torch.save({"state_dict": state}, path)
    return path


@pytest.fixture
def arguments(tmp_path: Path, zoo: Path) -> list[str]:
    make_cityscapes(tmp_path / "data", size=(32, 64), count=IMAGES)
    checkpoint = make_checkpoint(tmp_path / "filled.pth")
    return [
        "verify", NAME, "--zoo", str(zoo), "--data-root", str(tmp_path / "data"),
        "--checkpoint", str(checkpoint), "--device", "cpu", "--partial",
    ]  # fmt: skip


def completed(output: Path) -> AccuracyRecord:
    records = [read_record(path) for path in output.glob("*/*.json")]
    (record,) = [record for record in records if record.status == "completed"]
    return record


def kill_after(arguments: list[str], images: int, how: int) -> int | None:
    """Start a run and send it a signal once its journal holds so many images."""
    output = Path(arguments[arguments.index("--output") + 1])
    process = started(*arguments)
    while process.is_alive():
        journals = list(output.glob("*/.unfinished-*.jsonl"))
        whole_lines = journals[0].read_bytes().rpartition(b"\n")[0] if journals else b""
        if journals and whole_lines.count(b'"digest":') >= images:
            assert process.pid is not None
            os.kill(process.pid, how)
            break
        time.sleep(0.002)
    process.join(timeout=60)
    return process.exitcode


@posix_only
def test_twenty_kills_and_the_result_is_the_same(
    tmp_path: Path, arguments: list[str], run_cli: RunCli
) -> None:
    run_cli(*arguments, "--output", tmp_path / "straight")
    straight = completed(tmp_path / "straight")
    rng = random.Random(3)
    output, broken_off, done = tmp_path / "broken", 0, 0
    while broken_off < KILLS:
        done += rng.choice([0, 1, 1, 1, 2, 3])
        workers = str(rng.choice([1, 2, 3]))
        given = [*arguments, "--output", str(output), "--workers", workers]
        code = kill_after(given, min(done, IMAGES - 2), signal.SIGKILL)
        broken_off += code == -signal.SIGKILL
        assert code == -signal.SIGKILL, "the run ended before it was killed"
    run_cli(*arguments, "--output", output, "--workers", "2")
    resumed = completed(output)
    assert resumed.num_images_taken_over >= min(done, IMAGES - 2)
    assert resumed.measurements == straight.measurements
    assert resumed.dataset == straight.dataset
    assert resumed.checkpoint == straight.checkpoint
    lines = [
        len(list(folder.glob("*/*.images.jsonl"))) for folder in (output, tmp_path / "straight")
    ]
    assert lines == [1, 1]
    statuses = [read_record(path).status for path in output.glob("*/*.json")]
    # Some were killed before they had written anything.
    assert 2 <= len(statuses) <= KILLS + 1
    assert statuses.count("completed") == 1


@posix_only
def test_ctrl_c_then_on(tmp_path: Path, arguments: list[str], run_cli: RunCli) -> None:
    given = [*arguments, "--output", str(tmp_path / "records")]
    assert kill_after(given, 10, signal.SIGINT) == 130
    finished = run_cli(*given)
    assert "going on after" in finished.err
    assert completed(tmp_path / "records").num_images_taken_over >= 10
    old = [read_record(p) for p in (tmp_path / "records").glob("*/*.json")]
    (interrupted,) = [record for record in old if record.status == "interrupted"]
    assert "goes on with it" in (interrupted.reason or "")


KEPT = 8
"""Of a run that is interrupted at its seventh image: the eighth was computed meanwhile."""


def interrupt_at(monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    """Let the next runs stop as if by Ctrl-C after so many images."""
    append = Journal.append

    def stopping(self: Journal, entry: Any) -> None:
        append(self, entry)
        if "name" in entry:
            self.entries.append(entry)
            if len([e for e in self.entries if "name" in e]) >= images:
                raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", stopping)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("checkpoint", "not of the same checkpoint"),
        ("files", "looking anew at images of an unfinished run whose files are others now (8)"),
        ("times", "going on after 8"),
        ("nothing", "going on after 8"),
    ],
)
def test_only_an_unchanged_run_goes_on(
    tmp_path: Path,
    arguments: list[str],
    run_cli: RunCli,
    change: str,
    said: str,
) -> None:
    given = [*arguments, "--output", str(tmp_path / "records")]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 7)
        assert run_cli(*given).code == 130
    if change == "checkpoint":
        make_checkpoint(tmp_path / "filled.pth", flavour=2.0)
    elif change == "files":
        make_cityscapes(tmp_path / "data", size=(32, 64), count=IMAGES, values=[7, 8])
    elif change == "times":
        for path in (tmp_path / "data").rglob("*.png"):
            os.utime(path, (1, 1))
    finished = run_cli(*given)
    assert said in finished.err
    goes_on = change in {"times", "nothing"}
    assert completed(tmp_path / "records").num_images_taken_over == (KEPT if goes_on else 0)
    # Whatever was not taken over is still there, for a run that finds what it is of.
    kept = [path.read_bytes() for path in (tmp_path / "records").glob("*/.unfinished-*.jsonl")]
    assert [content.count(b'"digest"') for content in kept] == ([] if goes_on else [KEPT])


def test_another_version_goes_on_with_nothing_and_takes_nothing_away(
    tmp_path: Path, arguments: list[str], run_cli: RunCli
) -> None:
    given = [*arguments, "--limit", "12", "--output", str(tmp_path / "records")]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 3)
        assert run_cli(*given).code == 130
        patch.undo()
        patch.setattr("hrnet_zoo.runs.images.sources_digest", lambda: "edited")
        patch.setattr("cv2.__version__", "3.0")
        finished = run_cli(*given)
    assert "not of the same OpenCV, code of hrnet-zoo; starting anew" in finished.err
    assert completed(tmp_path / "records").num_images_taken_over == 0
    assert "going on after 4 images" in run_cli(*given).err


def test_lines_in_due_form_that_add_up_to_nothing(
    tmp_path: Path, arguments: list[str], run_cli: RunCli
) -> None:
    given = [*arguments, "--limit", "12", "--output", str(tmp_path / "records")]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 3)
        run_cli(*given)
    (journal,) = (tmp_path / "records").glob("*/.unfinished-*.jsonl")
    counts = SparseCounts.of(np.eye(4, 3, dtype=np.int64)).to_text()
    change_lines(journal, lambda line: "name" in line and line.update(results={"single": counts}))
    finished = run_cli(*given)
    assert finished.code == 3
    assert "cannot be scored: an image has counts of other than 19 classes. Move it" in finished.out
    assert journal.read_bytes().count(b'"digest"') == 12


def test_each_part_keeps_what_it_ran_with(
    tmp_path: Path, arguments: list[str], run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [*arguments, "--output", str(tmp_path / "records")]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 7)
        assert run_cli(*given).code == 130
    monkeypatch.setattr("hrnet_zoo.runs.looking.torch.get_num_threads", lambda: 77)
    assert "not comparable" in run_cli(*given).out  # the data are not all of Cityscapes
    record = completed(tmp_path / "records")
    first, second = record.segments
    assert (first.num_images, second.num_images) == (KEPT, IMAGES - KEPT)
    assert first.settings.num_threads < second.settings.num_threads == 77
    assert first.timings is not None
    assert second.timings is not None
    assert record.timings is not None
    assert record.timings.wall_s == first.timings.wall_s + second.timings.wall_s
    (path,) = (tmp_path / "records").glob(f"*/{second.record}")
    shown = run_cli("records", "show", path, "--zoo", arguments[3]).out
    assert f"part 1, {first.record}" in shown
    assert "num_threads 77" in shown
    assert run_cli("records", "check", path, "--zoo", arguments[3]).code == 0


def test_another_protocol_has_a_journal_of_its_own(
    tmp_path: Path, arguments: list[str], run_cli: RunCli
) -> None:
    given = [*arguments, "--output", str(tmp_path / "records")]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 7)
        run_cli(*given)
    run_cli(*given, "--metrics", "miou,miou_ms_flip", "--limit", "3")
    assert completed(tmp_path / "records").num_images_taken_over == 0
    run_cli(*given)
    taken = [read_record(p).num_images_taken_over for p in (tmp_path / "records").glob("*/*.json")]
    assert sorted(taken)[-1] == KEPT


@posix_only
def test_two_runs_of_one_row_at_once(tmp_path: Path, arguments: list[str], run_cli: RunCli) -> None:
    given = [*arguments, "--output", str(tmp_path / "records")]
    process = started(*given)
    assert process.pid is not None
    try:
        while not list((tmp_path / "records").glob("*/.unfinished-*.jsonl")):
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGSTOP)
        finished = run_cli(*given)
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.join(timeout=60)
    assert finished.code == 3
    assert "Another run is writing" in finished.out
    assert completed(tmp_path / "records").num_images_taken_over == 0


def test_every_image_is_in_the_file_beside_the_record(
    tmp_path: Path, arguments: list[str], run_cli: RunCli
) -> None:
    run_cli(*arguments, "--output", tmp_path / "records", "--limit", "5")
    record = completed(tmp_path / "records")
    assert record.images_file is not None
    (path,) = (tmp_path / "records").glob(f"*/{record.images_file}")
    entries = [json.loads(line.partition(" ")[2]) for line in path.read_text().splitlines()]
    assert len([entry for entry in entries if "name" in entry]) == 5
    (measurement,) = record.measurements
    assert measurement.interval is not None
    assert measurement.interval.low <= (measurement.value or -1) <= measurement.interval.high
