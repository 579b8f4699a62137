"""What may still happen once all images are done: numbers that are complete stay so."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support.accuracy import read_record
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.records import files

ROW = "hrnet-w2s_scenes"


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


Verify = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(tmp_path: Path, run_cli: RunCli) -> Verify:
    def run(*more: str) -> tuple[int, str, str]:
        finished = run_cli(
            "verify", ROW, "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--metrics", "top1",
            "--output", tmp_path / "records", "--worst", "1", *more,
        )  # fmt: skip
        return finished.code, finished.out, finished.err

    return run


def test_a_full_disk_costs_pictures_only(
    tmp_path: Path, verify: Verify, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "save", full)
    code, out, _ = verify()
    assert (code, "match" in out) == (0, True)
    assert "there are no pictures of the worst images: a file or stream: No space left" in out
    (path,) = (tmp_path / "records").glob("*/*.json")
    record = read_record(path)
    assert (record.status, len(record.remarks_since)) == ("completed", 1)
    assert not list(path.parent.glob(".unfinished-*.jsonl"))
    assert run_cli("records", "check", path, "--zoo", MANIFEST).code == 0


@pytest.mark.usefixtures("fewer_images")
def test_a_disk_that_is_full_for_remarks_as_well(
    tmp_path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: object) -> None:
        monkeypatch.setattr(files, "write_whole", full)
        full()

    monkeypatch.setattr(Image.Image, "save", save)
    code, out, err = verify("--partial")
    assert (code, "not comparable" in out) == (3, True)
    assert "there are no pictures of the worst images" in err
    (path,) = (tmp_path / "records").glob("*/*.json")
    assert read_record(path).status == "completed"


@pytest.mark.usefixtures("fewer_images")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_pictures_are_drawn_takes_nothing_back(
    tmp_path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    monkeypatch.setattr(Image.Image, "save", lambda *_: os.kill(os.getpid(), number))
    assert verify("--partial")[0] == code
    (path,) = (tmp_path / "records").glob("*/*.json")
    record = read_record(path)
    assert record.status == "completed"
    assert signal.Signals(number).name in record.remarks_since[0]


@pytest.mark.usefixtures("fewer_images")
def test_a_record_that_somebody_deleted_is_no_match(
    tmp_path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "save", lambda *_: shutil.rmtree(tmp_path / "records"))
    code, out, err = verify("--partial")
    assert (code, "top1" in out) == (3, False)
    assert "There is no record" in err
    assert not (tmp_path / "records").exists()
