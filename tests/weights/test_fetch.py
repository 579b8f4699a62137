"""The fetch command against a real web server; download.py's own tests cover its faults."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.http_server import FaultyServer
from support.trees import RunCli

from hrnet_zoo.zoo.manifest import load_zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
CONTENT = b"weights" * 1000
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A manifest whose first row promises the hash of CONTENT."""
    path = tmp_path / "zoo.yaml"
    path.write_text(load_zoo().path.read_text().replace("93db27d0", PREFIX))
    return path


@pytest.fixture
def mirror_folder(tmp_path: Path, zoo: Path) -> Path:
    url = load_zoo(zoo).row(NAME).checkpoint_url
    assert url is not None
    path = tmp_path / "mirror" / urlsplit(url).path.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path / "mirror"


def test_fetch_from_a_mirror_folder_then_offline(
    zoo: Path, mirror_folder: Path, run_cli: RunCli
) -> None:
    finished = run_cli("fetch", NAME, "--zoo", zoo, "--mirror", mirror_folder, "--format", "json")
    (result,) = json.loads(finished.out)
    assert finished.code == 0
    assert Path(result["path"]).read_bytes() == CONTENT
    assert Path(result["path"]).parent == Path(os.environ["HRNET_ZOO_CACHE"])
    assert result["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    again = run_cli("fetch", NAME, "--zoo", zoo, "--offline")
    assert again.code == 0
    assert again.out.strip() == f"{NAME}: {result['path']}"


def test_fetch_from_a_server(zoo: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url = load_zoo(zoo).row(NAME).checkpoint_url
    assert url is not None
    with FaultyServer() as server:
        server.serve(urlsplit(url).path, CONTENT)
        assert run_cli("fetch", NAME, "--zoo", zoo, "--mirror", server.address).code == 0
        finished = run_cli("fetch", NAME, "fcn_hr18_512x1024_40k_cityscapes", "--zoo", zoo,
                           "--mirror", server.address)  # fmt: skip
    assert finished.code == 3
    assert "HTTP 404" in finished.err
    assert f"{NAME}: " in finished.out


def test_wrong_content_under_the_right_name(
    zoo: Path, mirror_folder: Path, run_cli: RunCli
) -> None:
    (file,) = mirror_folder.rglob("*.pth")
    file.write_bytes(b"something else")
    finished = run_cli("fetch", NAME, "--zoo", zoo, "--mirror", mirror_folder)
    assert finished.code == 3
    assert f"promised is {PREFIX}" in finished.err
    assert not list(Path(os.environ["HRNET_ZOO_CACHE"]).glob("*.pth"))


def test_blank_row_has_nothing_to_fetch(run_cli: RunCli) -> None:
    finished = run_cli("fetch", "htc_hrnetv2p_w40_20e_coco", "--offline")
    assert finished.code == 3
    assert "the table links no checkpoint for this row" in finished.err


def test_all_leaves_blank_rows_out_and_says_so(run_cli: RunCli) -> None:
    finished = run_cli("fetch", "--all", "--offline", "--format", "json")
    assert finished.code == 3
    assert len(json.loads(finished.out)) == 64
    assert "12 rows link no checkpoint" in finished.err


@pytest.mark.parametrize("arguments", [[], ["--all", NAME]])
def test_names_or_all(run_cli: RunCli, arguments: list[str]) -> None:
    finished = run_cli("fetch", *arguments)
    assert finished.code == 2
    assert "names of rows, or --all" in finished.err
