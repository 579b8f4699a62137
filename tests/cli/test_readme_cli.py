"""hrnet-zoo readme: what it prints, writes and exits with."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from readme.test_readme import cells
from support.readme_variants import original
from support.trees import RunCli
from verdicts.test_verdicts import ROW, measurement, record

from hrnet_zoo.records.files import write_record

pytestmark = pytest.mark.usefixtures("taken_as_sound")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes(original("mmsegmentation").encode())
    return path


@pytest.fixture
def wrong(file: Path) -> Path:
    file.write_bytes(file.read_bytes().replace(b" 77.19 ", b" 77.91 ").replace(b"\n", b"\r\n"))
    return file


def test_check_of_a_current_readme(file: Path, run_cli: RunCli) -> None:
    finished = run_cli("readme", file, "--check")
    assert (finished.code, finished.out) == (0, "")
    assert "37 rows in 9 tables; nothing to change" in finished.err


def test_check_names_what_is_off(wrong: Path, run_cli: RunCli) -> None:
    before = wrong.read_bytes()
    finished = run_cli("readme", wrong, "--check")
    assert finished.code == 1
    assert finished.out == f'{wrong}:42: mIoU of {ROW.name}: "77.91" becomes "77.19"\n'
    assert wrong.read_bytes() == before


@pytest.mark.parametrize("flags", [[], ["--diff"]])
@pytest.mark.parametrize("ends_in", ["a line end", "the changed line"])
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to apply the patch")
def test_the_printed_patch_applies(
    wrong: Path, run_cli: RunCli, flags: list[str], ends_in: str
) -> None:
    if ends_in == "the changed line":
        before, changed, after = wrong.read_bytes().partition(b" 77.91 ")
        wrong.write_bytes(before + changed + after.partition(b"\r\n")[0])
    before = wrong.read_bytes()
    finished = run_cli("readme", wrong, *flags)
    assert finished.code == 0
    assert wrong.read_bytes() == before
    patch = finished.out.encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=wrong.parent, check=True)
    assert wrong.read_bytes() == before.replace(b" 77.91 ", b" 77.19 ")


def test_write_changes_the_digits_only(wrong: Path, run_cli: RunCli) -> None:
    wrong.chmod(0o640)
    link = wrong.with_name("link.md")
    link.symlink_to(wrong)
    assert run_cli("readme", link, "--write").code == 0
    assert wrong.read_bytes() == original("mmsegmentation").replace("\n", "\r\n").encode()
    assert stat.S_IMODE(wrong.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in wrong.parent.glob("*.md*")) == ["README.md", "link.md"]


def test_nothing_to_change_leaves_the_file_alone(file: Path, run_cli: RunCli) -> None:
    before = file.stat()
    assert run_cli("readme", file, "--write").code == 0
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


def test_both_from_records(tmp_path: Path, file: Path, run_cli: RunCli) -> None:
    records = tmp_path / "records"
    write_record(record(measurement(77.2049)), records / ROW.name / "1.json")
    finished = run_cli("readme", file, "--columns", "both", "--records", records, "--write")
    assert finished.code == 0
    assert 'column "mIoU (measured)" is added, 1 of 9 cells filled' in finished.out
    assert "117 of 118 documented values have no full, comparable measurement" in finished.err
    line = cells(file.read_text())[0][2]
    assert line[6:9] == ["77.19", "77.20", "+0.01"]
    assert run_cli("readme", file, "--columns", "both", "--records", records, "--check").code == 0
    assert run_cli("readme", file, "--write").code == 0
    assert file.read_bytes() == original("mmsegmentation").encode()


def test_json_for_programs(wrong: Path, run_cli: RunCli) -> None:
    finished = run_cli("readme", wrong, "--check", "--format", "json")
    content = json.loads(finished.out)
    assert finished.code == 1
    assert content["rows"] == 37
    assert content["changes"] == [
        {"line": 42, "column": "mIoU", "row": ROW.name, "old": "77.91", "new": "77.19"}
    ]


def test_known_lines_are_updated_beside_unknown_ones(wrong: Path, run_cli: RunCli) -> None:
    wrong.write_bytes(wrong.read_bytes().replace(b"-93db27d0.pth", b"-00000000.pth"))
    finished = run_cli("readme", wrong, "--write")
    assert finished.code == 3
    assert f"{wrong}:41: left as it is: " in finished.err
    assert b" 77.19 " in wrong.read_bytes()


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (None, 3, "No such file"),
        (b"\xff\xfe", 3, "is not UTF-8"),
        (b"", 3, "no results table"),
        (b"# Title\n", 3, "Pass the README"),
    ],
)
def test_files_that_are_no_readme(
    tmp_path: Path, run_cli: RunCli, content: bytes | None, code: int, what: str
) -> None:
    path = tmp_path / "x.md"
    if content is not None:
        path.write_bytes(content)
    finished = run_cli("readme", path)
    assert finished.code == code
    assert what in finished.err
    assert "Traceback" not in finished.err


def test_numbers_of_no_edition_stay_until_one_is_asked_for(file: Path, run_cli: RunCli) -> None:
    text = original("mmdetection").replace("| 9.3   ", "| 9.8   ")
    file.write_text(text)
    finished = run_cli("readme", file, "--write")
    assert (finished.code, finished.out, file.read_text()) == (3, "", text)
    assert f"{file}:30: left as it is: fps 9.8 is of no edition" in finished.err
    assert run_cli("readme", file, "--write", "--edition", "readme").code == 0
    assert file.read_text() == original("mmdetection")
    content = json.loads(run_cli("readme", file, "--edition", "later", "--format", "json").out)
    assert content["edition"] == "later"
    assert ("9.3", "13.4") in [(change["old"], change["new"]) for change in content["changes"]]


@pytest.mark.parametrize(
    "options",
    [
        ["--write", "--check"],
        ["--columns", "none"],
        ["--records", "mistyped"],
        ["--edition", "newest"],
        ["--edition", "later", "--columns", "measured"],
    ],
)
def test_wrong_options(file: Path, run_cli: RunCli, options: list[str]) -> None:
    more = ["--columns", "both"] if "--records" in options else []
    assert run_cli("readme", file, *options, *more).code == 2


def test_both_readmes_are_checked_within_a_second_each(file: Path) -> None:
    """With start-up; counted is what the process computes, whatever the machine does besides."""
    both = original("mmdetection") + original("mmsegmentation")
    file.write_bytes(both.encode())

    def seconds() -> float:
        begin = os.times()
        command = [sys.executable, "-m", "hrnet_zoo", "readme", str(file), "--check"]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "67 rows" in finished.stderr
        end = os.times()
        return sum(end[2:4]) - sum(begin[2:4])  # user and system time of the children

    assert min(seconds() for _ in range(3)) < 1
