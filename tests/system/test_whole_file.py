"""A file is written in one step, and where it is meant to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hrnet_zoo.system.whole_file import write_whole


def test_link_that_was_planted_in_its_way_is_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "record.json"
    victim.write_text("precious")
    (tmp_path / f".record.json.{os.getpid()}").symlink_to(victim)
    write_whole(target, "new")
    assert (victim.read_text(), target.read_text()) == ("precious", "new")
    assert not target.is_symlink()


def test_pipes_and_devices_are_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="is not a regular file"):
        write_whole(pipe, "content")
    assert pipe.is_fifo()


@pytest.mark.parametrize("folder", [".", "..", "here"])
def test_folder_is_no_file_to_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    place = tmp_path / "place"
    (place / "here").mkdir(parents=True)
    monkeypatch.chdir(place)
    with pytest.raises(OSError, match=r"\w"):
        write_whole(Path(folder), "new")
    assert [path.name for path in place.iterdir()] == ["here"]
