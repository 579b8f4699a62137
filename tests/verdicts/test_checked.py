"""What was checked once is not computed again, until a file changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_runs import W18, images, write_run
from support.accuracy import read_record

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.settings import cache_dir
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.evidence import Evidence, examine
from hrnet_zoo.zoo.manifest import load_zoo

ROW = load_zoo().row(W18)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The records that were really checked."""
    seen: list[str] = []

    def noted(_: object, record: AccuracyRecord, path: Path) -> Evidence:
        seen.append(path.name)
        return examine(ROW, record, path)

    monkeypatch.setattr("hrnet_zoo.verdicts.evidence.examine", noted)
    return seen


def evidence_in(path: Path) -> Evidence:
    return evidence_of(ROW, read_record(path), path)


def change_images(path: Path) -> None:
    file = path.with_suffix(".images.jsonl")
    file.write_bytes(file.read_bytes()[:-1])


def change_record(path: Path) -> None:
    path.write_text(path.read_text().replace('"value": ', '"value": 1'))


@pytest.mark.parametrize("change", [change_images, change_record])
def test_files_that_did_not_change_are_checked_once(
    tmp_path: Path, examined: list[str], change: Callable[[Path], None]
) -> None:
    path = write_run(tmp_path, value=images(5, 1, 0.3))
    assert evidence_in(path) == evidence_in(path) == Evidence()
    assert len(examined) == 1
    change(path)
    assert evidence_in(path).found
    assert len(examined) == 2


def test_what_is_kept_may_be_damaged_or_deleted(tmp_path: Path, examined: list[str]) -> None:
    path = write_run(tmp_path, value=images(5, 1, 0.3))
    evidence_in(path)
    (kept,) = (cache_dir() / "checked").iterdir()
    kept.write_text("{")
    assert evidence_in(path) == Evidence()
    assert len(examined) == 2


def test_a_cache_that_cannot_be_written_only_takes_time(
    tmp_path: Path, examined: list[str]
) -> None:
    path = write_run(tmp_path, value=images(5, 1, 0.3))
    cache_dir().mkdir(parents=True, exist_ok=True)
    (cache_dir() / "checked").touch()  # where the folder should be
    assert evidence_in(path) == evidence_in(path) == Evidence()
    assert len(examined) == 2
