from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.trees import make_cityscapes

from hrnet_zoo import demo
from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.doctor.finding import Finding, State
from hrnet_zoo.doctor.folders import cache, check_data, check_folders, look_at
from hrnet_zoo.system.wording import GIB


def by_name(root: Path | None, own: Mapping[str, Path] | None = None) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_data(root, own or {})}


def test_an_invalid_settings_file_is_one_line_and_hides_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.toml"
    path.write_text("cashe = 3\n")
    monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(path))
    monkeypatch.delenv("HRNET_ZOO_CACHE")
    (finding,) = check_folders()
    assert (finding.name, finding.state) == ("settings", State.BROKEN)
    assert '"cashe" is not a setting' in finding.found
    assert str(path) in str(finding.remedy)
    assert by_name(None) == {}


def test_a_cache_that_does_not_exist_yet_is_fine_and_stays_away(tmp_path: Path) -> None:
    finding = cache(tmp_path / "a" / "b")
    assert finding.state is State.FINE
    assert "0 checkpoints" in finding.found
    assert not (tmp_path / "a").exists()


def test_a_cache_below_a_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = cache(tmp_path / "file" / "cache")
    assert finding.state is State.BROKEN
    assert "HRNET_ZOO_CACHE" in str(finding.remedy)


def test_a_read_only_cache_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = cache(tmp_path)
    assert finding.state is State.BROKEN
    assert finding.found == f"{tmp_path} cannot be written to: Read-only file system"


def test_little_space_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = GIB // 2

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage)
    assert cache(tmp_path).state is State.NOTE


def test_data_that_nobody_named_are_a_note() -> None:
    assert by_name(None)["folder"].state is State.NOTE


def test_part_of_a_data_set_is_a_note_and_absent_ones_are_listed(tmp_path: Path) -> None:
    make_cityscapes(tmp_path)
    found = by_name(tmp_path)
    assert found["cityscapes"].state is State.NOTE
    assert found["cityscapes"].found == "3 of 500 images"
    assert "hrnet-zoo data check cityscapes" in str(found["cityscapes"].remedy)
    assert found["not there"].state is State.FINE
    assert "coco" in found["not there"].found
    assert "scenes" not in found["not there"].found


def test_the_folder_of_a_data_set_itself_is_understood(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    assert by_name(root)["cityscapes"].found == "3 of 500 images"


def test_a_complete_data_set_is_fine() -> None:
    (finding,) = look_at(DATASETS["scenes"], demo.DATA_ROOT, State.BROKEN)
    assert finding.state is State.FINE
    assert finding.found.startswith("36 of 36 images, in ")


@pytest.mark.parametrize("asked_for", [True, False])
def test_damage_counts_where_the_folder_was_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked_for: bool,
) -> None:
    root = make_cityscapes(tmp_path)
    next((root / "gtFine").rglob("*.png")).unlink()
    monkeypatch.setenv("HRNET_ZOO_DATA", str(tmp_path))
    finding = by_name(tmp_path if asked_for else None)["cityscapes"]
    assert finding.state is (State.BROKEN if asked_for else State.NOTE)
    assert "1 images without a label file" in finding.found


def test_a_named_folder_without_the_data_set_is_broken(tmp_path: Path) -> None:
    finding = by_name(None, {"coco": tmp_path})["coco"]
    assert finding.state is State.BROKEN
    assert "hrnet-zoo data show coco" in str(finding.remedy)


def test_a_root_without_any_data_set_or_that_is_missing_is_broken(tmp_path: Path) -> None:
    assert by_name(tmp_path)["none"].state is State.BROKEN
    assert by_name(tmp_path / "nowhere")["folder"].state is State.BROKEN


def test_a_name_in_the_settings_file_that_no_data_set_has_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[data]\ncityscape = "/mnt/cs"\n')
    monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(path))
    (finding,) = check_folders()
    assert finding.state is State.BROKEN
    assert 'no data set is called "cityscape". Close: cityscapes.' in finding.found
    assert by_name(None) == {}
    make_cityscapes(tmp_path)
    assert by_name(tmp_path)["cityscapes"].found == "3 of 500 images", "it hides nothing else"


def test_a_settings_file_that_does_not_exist_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(tmp_path / "gone.toml"))
    (finding,) = check_folders()
    assert finding.state is State.BROKEN
    assert f"{tmp_path / 'gone.toml'}, which does not exist" in finding.found
    assert str(finding.remedy).startswith("Unset HRNET_ZOO_SETTINGS, or let")
