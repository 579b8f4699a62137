"""The frame around all commands: exit codes, closed pipes, our own mistakes, settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.trees import RunCli, make_cityscapes

from hrnet_zoo import settings
from hrnet_zoo.cli import main
from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.errors import UsageError
from hrnet_zoo.zoo.zoo import Zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@posix_only
def test_a_reader_that_leaves_is_not_a_mismatch() -> None:
    command = f"{sys.executable} -m hrnet_zoo list --format json; echo $? >&2"
    finished = subprocess.run(
        ["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False
    )
    assert finished.stderr.strip() == "141"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_explained() -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "hrnet_zoo", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 3
    assert "No space left" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_for_messages_too_is_not_a_mismatch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Path("/dev/full").open("w") as out, Path("/dev/full").open("w") as err:
        monkeypatch.setattr(sys, "argv", ["hrnet-zoo", "list"])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as stopped:
            main()
    assert stopped.value.code == 3


def test_a_mistake_of_ours_shows_itself_and_is_not_a_mismatch(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        msg = "our own mistake"
        raise LookupError(msg)

    monkeypatch.setattr(Zoo, "select", broken)
    finished = run_cli("list")
    assert finished.code == 70
    assert "LookupError: our own mistake" in finished.err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["verify", "--help"]])
def test_help_is_not_an_error(run_cli: RunCli, arguments: list[str]) -> None:
    assert run_cli(*arguments).code == 0


@pytest.mark.parametrize("arguments", [["lst"], ["list", "--format", "xml"], ["show"], []])
def test_wrong_usage(run_cli: RunCli, arguments: list[str]) -> None:
    finished = run_cli(*arguments)
    assert finished.code == 2
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("command", ["fetch", "verify"])
@pytest.mark.parametrize(
    ("mirror", "what"),
    [("ftp://x", "use http://"), ("https://me:secret@x", "put it into ~/.netrc")],
)
def test_impossible_mirrors_are_wrong_usage(
    tmp_path: Path, run_cli: RunCli, command: str, mirror: str, what: str
) -> None:
    make_cityscapes(tmp_path)
    data = ["--data-root", str(tmp_path), "--partial"] if command == "verify" else []
    finished = run_cli(command, NAME, "--mirror", mirror, *data)
    assert finished.code == 2
    assert what in finished.err
    assert "secret" not in finished.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", NAME, "--data-root", "x" * 5000],
        ["verify", NAME, "--output", "x" * 5000],
        ["verify", NAME, "--checkpoint", "x" * 5000],
        ["list", "--zoo", "x" * 5000],
        ["report", "tables", "--records", "mistyped"],
        ["report", "tables", "--output", "/dev/null/x"],
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_impossible_paths_get_a_message(
    tmp_path: Path, run_cli: RunCli, arguments: list[str]
) -> None:
    make_cityscapes(tmp_path)
    data = ["--data-root", str(tmp_path), "--partial"] if "--checkpoint" in arguments else []
    finished = run_cli(*arguments, *data)
    assert finished.code in (2, 3)
    assert "Traceback" not in finished.err + finished.out


class TestSettings:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "settings.toml"
        monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(path))
        return path

    def test_file(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HRNET_ZOO_CACHE")
        file.write_text('cache = "/c"\ndata_root = "/d"\n[data]\ncityscapes = "/cs"\n')
        folders = settings.data_folders(None, {}, DATASETS)
        assert settings.cache_dir() == Path("/c")
        assert folders.of("cityscapes") == Path("/cs")
        assert folders.of("ade20k") == Path("/d")

    def test_environment_wins_over_the_file_and_options_over_both(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file.write_text('cache = "/c"\ndata_root = "/d"\n[data]\ncityscapes = "/cs"\n')
        monkeypatch.setenv("HRNET_ZOO_CACHE", "/other")
        monkeypatch.setenv("HRNET_ZOO_DATA", "/environment")
        assert settings.cache_dir() == Path("/other")
        assert settings.data_folders(None, {}, DATASETS).of("cityscapes") == Path("/environment")
        given = settings.data_folders(Path("/given"), {"ade20k": Path("/ade")}, DATASETS)
        assert given.of("cityscapes") == Path("/given")
        assert given.of("ade20k") == Path("/ade")

    def test_without_anything(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HRNET_ZOO_SETTINGS")
        monkeypatch.setattr("platformdirs.PlatformDirs.user_config_path", tmp_path)
        assert settings.settings_path() == tmp_path / "settings.toml"
        assert settings.data_folders(None, {}, DATASETS).of("cityscapes") is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("cache = ", "Invalid value"),
            ("cahce = '/c'", '"cahce" is not a setting. Close: cache. There are cache, data_root'),
            ("cache = 7", "cache is to be a folder in quotes, not 7"),
            ("data_root = ''", "data_root is to be a folder in quotes, not ''"),
            pytest.param("data_root = " + "[" * 3000, "cannot be read", id="nested"),
            ("data = '/d'", "data is to be a table, [data], not '/d'"),
            ("[data]\nade = '/a'", '[data]: no data set is called "ade". Close: ade20k. There are'),
            ("[data]\nade20k = 7", "[data]: ade20k is to be a folder in quotes, not 7"),
            ("[data]\nade20k = ''", "[data]: ade20k is to be a folder in quotes, not ''"),
        ],
    )
    def test_mistakes_in_the_file(self, file: Path, run_cli: RunCli, text: str, said: str) -> None:
        file.write_text(text)
        folders = ("--data-root", file.parent)
        check = ("data", "check", "cityscapes")
        for command in (("verify", NAME), check, (*check, *folders), ("verify", NAME, *folders)):
            finished = run_cli(*command)
            assert finished.code == 2
            assert str(file) in finished.err
            assert said in finished.err
            assert "no data folder" not in finished.err.lower()

    def test_a_file_that_is_not_text(self, file: Path, run_cli: RunCli) -> None:
        file.write_bytes(b"cache = '\xff'")
        finished = run_cli("verify", NAME)
        assert finished.code == 2
        assert f"The settings file {file} cannot be read: " in finished.err

    def test_a_folder_of_another_data_set_is_none_for_this_one(self, run_cli: RunCli) -> None:
        finished = run_cli("verify", NAME, "--data", "coco=.")
        assert "evaluated on Cityscapes, and no data folder was given for it" in finished.out
        finished = run_cli("data", "check", "cityscapes", "--data", "coco=.")
        assert "No data folder was given for cityscapes." in finished.err

    def test_a_file_that_does_not_exist(self, file: Path, run_cli: RunCli) -> None:
        named = f"HRNET_ZOO_SETTINGS names {file}, which does not exist."
        check = ("data", "check", "cityscapes")
        for command in (("fetch", NAME), ("verify", NAME), check, (*check, "--data-root", ".")):
            assert named in run_cli(*command).err
        file.with_name("setings.toml").touch()
        finished = run_cli("data", "check", "cityscapes")
        assert finished.code == 2
        close = " Close: setings.toml, no-settings.toml. Correct or unset it."
        assert named + close in finished.err

    @pytest.mark.parametrize("value", ["cityscape=/mnt/cs", "Cityscapes=/mnt/cs"])
    def test_a_data_set_that_there_is_not(self, run_cli: RunCli, value: str) -> None:
        finished = run_cli("verify", NAME, "--data", value)
        assert finished.code == 2
        assert f'No data set is called "{value.partition("=")[0]}".' in finished.err
        assert "Close: cityscapes." in finished.err

    def test_no_such_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HRNET_ZOO_CACHE", "~no-such-user/x")
        with pytest.raises(UsageError, match="no such user"):
            settings.cache_dir()

    def test_data_option_reaches_the_data_set(self, tmp_path: Path, run_cli: RunCli) -> None:
        root = make_cityscapes(tmp_path)
        own = ("--data", f"cityscapes={root}")
        finished = run_cli("verify", NAME, *own, "--partial", "--offline")
        assert "is not in the cache" in finished.out
