"""A row's checkpoint, and the lock that it is held against."""

from __future__ import annotations

import errno
import hashlib
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from support.trees import RunCli

from hrnet_zoo import settings
from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.runs.options import RunOptions
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.system.sources import PACKAGE
from hrnet_zoo.weights import download, lock
from hrnet_zoo.weights.download import sha256_of
from hrnet_zoo.weights.lock import read_lock
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.zoo.checkpoint import FetchOptions, fetch_row
from hrnet_zoo.zoo.locks import lock_of
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

NAME = "hrnet-w2s_scenes"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A zoo of the demo's classifier alone to fetch from, without a lock."""
    folder = tmp_path / "zoo"
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(MANIFEST, folder)
    (source,) = MANIFEST.parent.glob(f"checkpoints/{NAME}_*")
    shutil.copy(source, folder / "checkpoints")
    return folder / "zoo.yaml"


@pytest.fixture
def row() -> Row:
    return load_zoo(MANIFEST).row(NAME)


def source_of(manifest: Path) -> Path:
    (path,) = manifest.parent.glob("checkpoints/*.pth")
    return path


def options_of(cache: Path, manifest: Path) -> RunOptions:
    return RunOptions(fetch=FetchOptions(cache_dir=cache), manifest_dir=manifest.parent)


@pytest.fixture
def swapped(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put another file in the place of the row's, whose promised digits pass; return its digest.

    Eight digits are not made to fit: only the first of them is compared.
    """

    def keep_first(sha256: str, promised: str) -> bool:
        return sha256[0] == promised[0]

    monkeypatch.setattr(download, "keeps_promise", keep_first)
    path = source_of(manifest)
    content = path.read_bytes()[4:]
    others = (content + i.to_bytes(4) for i in count())
    path.write_bytes(next(c for c in others if hashlib.sha256(c).hexdigest()[0] == "9"))
    return sha256_of(path)


def test_what_is_fetched_first_is_locked_for_all_machines(
    manifest: Path, row: Row, tmp_path: Path
) -> None:
    first, second = (options_of(tmp_path / name, manifest) for name in ("one", "two"))
    file = first.file_for(row, Silent())
    assert (file.known_by, file.locked_on) == ("eight digits (32 bits)", None)
    (entry,) = read_lock(manifest.with_name("zoo.lock")).values()
    source = source_of(manifest)
    assert (entry.file, entry.url) == (source.name, f"checkpoints/{source.name}")
    assert (entry.sha256, entry.size_bytes) == (sha256_of(source), source.stat().st_size)
    for options in (first, second):  # of the first one's cache, and on another machine
        file = options.file_for(row, Silent())
        used = options.checkpoint_used(row, file, Taken())
        assert (used.known_by, used.locked_on) == ("lock", entry.locked_on)


def test_a_swapped_file_is_refused_wherever_it_comes_from(
    manifest: Path, row: Row, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    genuine = options_of(tmp_path / "one", manifest).file_for(row, Silent())
    other: str = request.getfixturevalue("swapped")
    cached = tmp_path / "cached"
    cached.mkdir()
    shutil.copy(source_of(manifest), cached)
    for cache in (tmp_path / "two", cached):
        with pytest.raises(CheckpointError) as caught:
            options_of(cache, manifest).file_for(row, Silent())
        size = genuine.size_bytes
        for part in (
            f"{other} and {size} bytes",
            f"{genuine.sha256} and {size} bytes",
            f"hrnet-zoo lock --update {NAME}",
        ):
            assert part in str(caught.value)
    assert sha256_of(cached / source_of(manifest).name) == other  # evidence is not deleted


def test_a_lock_that_cannot_be_written_is_said(
    manifest: Path, row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _content: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    fetch = FetchOptions(cache_dir=tmp_path / "one")
    with monkeypatch.context() as patch:
        patch.setattr(lock, "write_whole", refuse)
        with pytest.raises(CheckpointError, match=r"cannot be locked in .*: Read-only .*--lock"):
            fetch_row(row, manifest.parent, fetch, Silent())
    fetch = replace(fetch, lock=tmp_path / "mine.lock")
    fetch_row(row, manifest.parent, fetch, Silent())
    assert read_lock(tmp_path / "mine.lock")
    assert not manifest.with_name("zoo.lock").exists()


def test_files_of_the_users_own_are_not_locked(manifest: Path, row: Row, tmp_path: Path) -> None:
    own = tmp_path / "mine.pth"
    shutil.copy(source_of(manifest), own)
    for path, known_by in ((own, None), (source_of(manifest), "eight digits (32 bits)")):
        options = replace(options_of(tmp_path / "one", manifest), checkpoint=path)
        assert options.file_for(row, Silent()).known_by == known_by
    assert not manifest.with_name("zoo.lock").exists()


def test_the_lock_of_an_installed_manifest_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data/of/me")
    assert lock_of(PACKAGE) == settings.user_lock()
    assert lock_of(PACKAGE / "demo") == PACKAGE / "demo" / "zoo.lock"


def test_the_demos_checkpoints_are_locked() -> None:
    entries = read_lock(lock_of(MANIFEST.parent))
    files = sorted(MANIFEST.parent.glob("checkpoints/*.pth"))
    assert [(each.file, each.sha256, each.size_bytes) for each in entries.values()] == [
        (path.name, sha256_of(path), path.stat().st_size) for path in files
    ]


# The command


def test_lock_writes_what_is_missing_and_check_tells(manifest: Path, run_cli: RunCli) -> None:
    checked = run_cli("lock", "--check", NAME, "--zoo", manifest)
    assert (checked.code, checked.out) == (3, "")
    assert f"{NAME}: not locked in {manifest.with_name('zoo.lock')}" in checked.err
    assert run_cli("lock", "--check", "--zoo", manifest).err.count("not locked in") == 3
    assert not manifest.with_name("zoo.lock").exists()

    sha256 = sha256_of(source_of(manifest))
    locked = run_cli("lock", NAME, "--zoo", manifest)
    assert locked.code == 0
    assert locked.out.startswith(f"{NAME}: SHA-256 {sha256}, 1464683 bytes, since ")
    checked = run_cli("lock", "--check", NAME, "--zoo", manifest)
    assert (checked.code, checked.out) == (0, locked.out)
    assert run_cli("lock", NAME, "--zoo", manifest, "--offline").code == 0  # nothing is fetched


def test_check_finds_another_file_and_another_link(manifest: Path, run_cli: RunCli) -> None:
    run_cli("lock", NAME, "--zoo", manifest)
    (cached,) = settings.cache_dir().glob("*.pth")
    content = cached.read_bytes()
    cached.write_bytes(content[:-1])
    found = run_cli("lock", "--check", NAME, "--zoo", manifest)
    assert found.code == 1
    assert f"{cached} is not the locked file" in found.err
    assert cached.read_bytes() == content[:-1]

    path = manifest.with_name("zoo.lock")
    path.write_text(path.read_text().replace('"9a13d4d5', '"00000000'))
    found = run_cli("lock", "--check", "--zoo", manifest, "--format", "json")
    assert found.code == 1
    assert "the row's link promises a SHA-256 beginning 9a13d4d5, but " in found.out
    path.write_text("{}\n")
    assert run_cli("lock", "--check", "--zoo", manifest).code == 2
    assert run_cli("show", NAME, "--zoo", manifest).code == 2


def test_update_accepts_another_file_and_says_both(
    manifest: Path, run_cli: RunCli, request: pytest.FixtureRequest
) -> None:
    run_cli("lock", NAME, "--zoo", manifest)
    (before,) = read_lock(manifest.with_name("zoo.lock")).values()
    other: str = request.getfixturevalue("swapped")
    refused = run_cli("fetch", NAME, "--zoo", manifest)
    assert refused.code == 0  # what is in the cache is the locked file
    updated = run_cli("lock", "--update", NAME, "--zoo", manifest)
    assert updated.code == 0
    assert f"SHA-256 {other}, " in updated.out
    assert f"before, it was {before.sha256}, {before.size_bytes} bytes" in updated.out
    (path,) = settings.cache_dir().glob("*.pth")
    assert sha256_of(path) == other
    (after,) = read_lock(manifest.with_name("zoo.lock")).values()
    assert after.sha256 == other
    again = run_cli("lock", "--update", NAME, "--zoo", manifest)
    assert "before, it was" not in again.out


@pytest.mark.parametrize(
    "arguments", [(), ("--update",), ("--all", NAME), ("--check", "--update", NAME)]
)
def test_lock_must_be_told_what(arguments: tuple[str, ...], run_cli: RunCli) -> None:
    assert run_cli("lock", *arguments, "--zoo", MANIFEST).code == 2
