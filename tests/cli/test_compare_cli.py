"""compare from the outside: what it takes, what it refuses, what it prints, how long it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from made_up_runs import (
    ELSEWHERE,
    FASTER,
    W18,
    W48,
    images,
    latencies,
    timed,
    write_many,
    write_run,
    write_timing,
)
from support.trees import RunCli

from hrnet_zoo.records.files import read_record, write_record

pytestmark = pytest.mark.usefixtures("taken_as_sound")

NASTY = "50 % of: <script>alert(1)</script> | `a`,\r\n::error::b \x1b[31m \x00"
LIMIT_S = 10
"""Twice what is promised: others may use the machine, too."""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return tmp_path / "head"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with records in its first commit, tagged v1, and none in the second."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "--quiet")
    write_run(Path("reports/records"), value=images(8, 1, 0.3))
    commit("v1")
    shutil.rmtree("reports")
    (folder / "README").touch()
    commit("v2")
    return folder


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit(tag: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", tag)
    git("tag", tag)


def outcomes(out: str) -> list[str]:
    return [comparison["outcome"] for comparison in json.loads(out)["comparisons"]]


@pytest.mark.parametrize("name", ["v1", "HEAD~1", "v1:reports/records", "v1:./reports", "v1:"])
def test_a_revision_holds_records(repository: Path, head: Path, run_cli: RunCli, name: str) -> None:
    write_run(head, value=images(8, 1, 0.3))
    finished = run_cli("compare", name, head, "--format", "json")
    assert (finished.code, outcomes(finished.out)) == (0, ["same"])
    (comparison,) = json.loads(finished.out)["comparisons"]
    both = "the same run on both sides"
    assert comparison["basis"] == f"{both}; equal counts in all 8 images"
    record = comparison["base_record"]
    assert record.startswith(f"{name.partition(':')[0]}:")
    assert record.endswith(f"{W18}/20260101T000000Z.json")
    assert [path.name for path in repository.iterdir() if path.name != ".git"] == ["README"]


@pytest.mark.usefixtures("repository")
def test_one_record_and_one_in_a_revision(head: Path, run_cli: RunCli) -> None:
    record = write_run(head, value=images(8, 1, 0.5))
    inside = f"reports/records/{W18}/20260101T000000Z.json"
    finished = run_cli("compare", f"v1:{inside}", record, "--format", "json")
    assert (finished.code, outcomes(finished.out)) == (1, ["worse"])
    assert json.loads(finished.out)["comparisons"][0]["base_record"] == f"v1:{inside}"


def test_records_of_a_revision_from_a_folder_below(
    repository: Path, head: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(head, value=images(8, 1, 0.3))
    (repository / "reports").mkdir()
    monkeypatch.chdir(repository / "reports")
    assert run_cli("compare", "v1", head, "--folder", "records").code == 0
    assert run_cli("compare", "v1:reports/records", head).code == 0


@pytest.mark.parametrize("name", ["v2", "v2:reports/records", "v1:elsewhere"])
@pytest.mark.usefixtures("repository")
def test_a_revision_without_records(head: Path, run_cli: RunCli, name: str) -> None:
    write_run(head)
    finished = run_cli("compare", name, head)
    assert finished.code == 3
    assert "--folder" in finished.err


@pytest.mark.parametrize("name", ["nowhere", "nowhere:records", "--help:", ":", "v1 v2", ""])
@pytest.mark.usefixtures("repository")
def test_neither_folder_nor_revision(head: Path, run_cli: RunCli, name: str) -> None:
    write_run(head)
    for sides in ((name, head), (head, name)):
        finished = run_cli("compare", "--", *sides)
        assert finished.code == 2
        assert "no folder, record file or git revision" in finished.err


def test_outside_of_any_repository(head: Path, run_cli: RunCli) -> None:
    write_run(head)
    assert run_cli("compare", "main", head).code == 2


def test_without_git(head: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(head)
    monkeypatch.setenv("PATH", "")
    finished = run_cli("compare", "main", head)
    assert finished.code == 3
    assert "git is not installed" in finished.err


def test_a_folder_with_itself(base: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    record = write_run(base)
    monkeypatch.chdir(base.parent)
    for sides in ((base, base), (base, "base/../base"), (record, record), ("HEAD", "HEAD")):
        finished = run_cli("compare", *sides)
        assert finished.code == 2
        assert "with itself" in finished.err


def test_a_folder_with_one_inside(base: Path, run_cli: RunCli) -> None:
    """Where HEAD has no newer run, BASE would hold the very same; such a gate never closes."""
    new = base / "new"
    write_run(base, day=0)
    record = write_run(new, value=10.0, day=1)
    for sides in ((base, new), (new, base), (base, record)):
        finished = run_cli("compare", *sides)
        assert finished.code == 2
        assert "lies in the other" in finished.err


def test_the_same_run_is_called_that(base: Path, head: Path, run_cli: RunCli) -> None:
    for folder in (base, head):
        write_run(folder)
        write_timing(folder, timed("fast", latencies(50, 0.1, 1, spread=0.01)))
    finished = run_cli("compare", base, head)
    assert finished.code == 0
    assert finished.out.count("the same run on both sides") == 2
    write_run(head, day=1)
    assert run_cli("compare", base, head).out.count("the same run on both sides") == 1


def test_a_base_without_records(base: Path, head: Path, run_cli: RunCli) -> None:
    base.mkdir()
    write_run(head)
    finished = run_cli("compare", base, head)
    assert finished.code == 3
    assert "holds no records" in finished.err


def test_a_head_without_records(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base)
    head.mkdir()
    assert run_cli("compare", base, head).code == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "going on"),
        (b'{"schema_version": 1, "row": "a', "not a readable record"),
        (b"\xff\xfe", "not a readable record"),
        (b"[" * 100_000, "not a readable record"),
        (b'{"schema_version": 99}', "Upgrade"),
        (b'{"schema_version": 0, "row": "a"}', "not a valid record"),
    ],
)
@pytest.mark.parametrize("side", ["base", "head"])
def test_files_that_are_no_records_are_named(
    base: Path, head: Path, run_cli: RunCli, content: bytes, what: str, side: str
) -> None:
    for folder in (base, head):
        write_run(folder)
    broken = {"base": base, "head": head}[side] / W18 / "20270101T000000Z.json"
    broken.write_bytes(content)
    finished = run_cli("compare", base, head, "--format", "json")
    assert (finished.code, outcomes(finished.out)) == (3, ["same"])
    (problem,) = json.loads(finished.out)["problems"]
    assert str(broken) in problem
    assert what in problem


def test_a_record_of_an_unknown_row(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, "no_such_row", 70.0)
    write_run(head, "no_such_row", 69.9)
    finished = run_cli("compare", base, head)
    assert finished.code == 1
    assert "not in zoo.yaml, so taken to have the usual decimals: no_such_row" in finished.out


@pytest.mark.parametrize(
    "options", [("--row", "fcn_hr18"), ("--metrics", "latency"), ("--edition", "later")]
)
def test_a_gate_does_not_pass_for_want_of_runs(
    base: Path, head: Path, run_cli: RunCli, options: tuple[str, ...]
) -> None:
    write_run(base)
    write_run(head)
    finished = run_cli("compare", base, head, *options)
    assert finished.code == 3
    assert "Neither" in finished.out


def test_an_unknown_metric(base: Path, head: Path, run_cli: RunCli) -> None:
    finished = run_cli("compare", base, head, "--metrics", "fps")
    assert finished.code == 2
    assert "latency" in finished.err


def test_what_verify_measures_has_one_name(base: Path, head: Path, run_cli: RunCli) -> None:
    """A gate that verifies by default does not miss the multi-scale number of its baseline."""
    for folder, metric, day in ((base, "miou", 0), (base, "miou_ms_flip", 1), (head, "miou", 2)):
        write_run(folder, metric=metric, day=day)
    assert run_cli("compare", base, head).code == 3
    assert run_cli("compare", base, head, "--metrics", "accuracy").code == 0


@pytest.fixture
def sides(base: Path, head: Path) -> tuple[Path, Path]:
    """One number for each outcome, and strings that nobody should believe."""
    write_run(base, W18, 70.0)
    write_run(head, W18, 60.0)
    write_run(base, W48, 70.0)
    write_run(base, FASTER, 40.0, metric="box_ap")
    write_run(head, FASTER, 41.0, metric="box_ap")
    write_run(base, "failed", 40.0)
    write_run(head, "failed", 40.0, status="error", measurements=[], reason=NASTY)
    write_run(base, "noise", images(9, 3, 0.3, pixels=400_000))
    write_run(head, "noise", images(9, 3, 0.3, 1, 400_000), environment=ELSEWHERE)
    write_timing(base, timed("fast", latencies(50, 0.1, 1, spread=0.01)))
    write_timing(head, timed("fast", latencies(50, 0.1, 2, spread=0.01)))
    name = "<b>,%|`"
    path = head / "nasty" / "1.json"
    path.parent.mkdir()
    record = read_record(write_run(head, "nasty", 1.0))
    write_record(record.model_copy(update={"row": name}), path)
    (head / "nasty" / "20260101T000000Z.json").unlink()
    (head / "nasty" / "2.json").write_text("{")
    return base, head


def test_text_is_worst_first(sides: tuple[Path, Path], run_cli: RunCli) -> None:
    finished = run_cli("compare", *sides)
    lines = finished.out.splitlines()
    told = ["worse", "failed", "missing", "inconclusive", "better", "new", "same"]
    assert [next(word for word in told if f" {word} " in line) for line in lines[2:9]] == told
    assert finished.code == 1
    assert lines[-1].startswith("a regression: 1 worse, 1 failed, 1 missing, 1 inconclusive")
    assert any("problem: " in line and "2.json" in line for line in lines)


def test_markdown_shows_records_as_text(sides: tuple[Path, Path], run_cli: RunCli) -> None:
    out = run_cli("compare", *sides, "--format", "markdown").out
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 7
    assert {line.replace("\\|", "").count("|") for line in table} == {9}
    assert "<" not in out
    assert "\\`a\\`" in out


def test_junit_fits_the_usual_schema(sides: tuple[Path, Path], run_cli: RunCli) -> None:
    """The parts of Jenkins' junit-10.xsd that this file uses."""
    out = run_cli("compare", *sides, "--format", "junit").out
    root = ElementTree.fromstring(out)
    assert root.tag == "testsuites"
    (suite,) = root
    counts = {"tests": 8, "failures": 1, "errors": 3, "skipped": 2}
    for element in (root, suite):
        assert {name: int(element.attrib[name]) for name in counts} == counts
        assert element.attrib["name"]
    cases = suite.findall("testcase")
    assert [child.tag for child in suite] == ["testcase"] * 8 + ["system-out"]
    for case in cases:
        assert set(case.attrib) == {"classname", "name", "time"}
        assert [child.tag for child in case] in (
            [["failure"], ["error"], ["skipped"], ["system-out"]]
        )
    kinds = {case.attrib["classname"]: case[0].tag for case in cases}
    assert kinds == {
        W18: "system-out",  # its latency is the same; the failure of its mIoU is counted above
        W48: "error",
        FASTER: "system-out",
        "failed": "error",
        "noise": "skipped",
        "<b>,%|`": "skipped",
        "records": "error",
    }
    (failure,) = root.iter("failure")
    assert failure.attrib["type"] == "worse"
    assert "-10.000" in failure.attrib["message"]


def test_github_commands(
    sides: tuple[Path, Path], run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    finished = run_cli("compare", *sides, "--format", "github")
    *commands, last = finished.out.splitlines()
    levels = [line.split(" ")[0] for line in commands]
    assert levels[:7] == ["::error", *["::warning"] * 3, *["::notice"] * 2, "::warning"]
    assert commands[0].startswith(f"::error title={W18} mIoU%3A worse::worse, 70.000 to 60.000")
    (failed,) = [line for line in commands if line.startswith("::warning title=failed")]
    assert "50 %25 of: <script>" in failed
    (new,) = [line for line in commands if "mIoU%3A new" in line]
    assert new.startswith("::notice title=<b>%2C%25|`")
    assert last.startswith("hrnet-zoo compare: a regression")
    text = summary.read_text()
    assert text.startswith("# Before\n### ")
    assert "fcn\\_hr18" in text


def test_an_unwritable_step_summary_changes_no_answer(
    sides: tuple[Path, Path], run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    finished = run_cli("compare", *sides, "--format", "github")
    assert finished.code == 1
    assert "cannot be written: No such file" in finished.err
    assert finished.out.splitlines()[-1].startswith("hrnet-zoo compare: a regression")


@pytest.mark.parametrize(
    ("difference", "level"), [(-0.02, "::warning"), (+0.02, "::notice"), (-0.004, None)]
)
def test_what_may_be_a_regression_is_a_warning(
    base: Path, head: Path, run_cli: RunCli, difference: float, level: str | None
) -> None:
    write_run(base)
    write_run(head, value=70.0 + difference, environment=ELSEWHERE)
    finished = run_cli("compare", base, head, "--format", "github")
    assert finished.code == 0
    *commands, last = finished.out.splitlines()
    assert [command.split(" ")[0] for command in commands] == ([level] if level else [])
    known = "known to be " if level else ""
    assert last.startswith(f"hrnet-zoo compare: nothing is {known}worse")


@pytest.mark.parametrize("name", ["x\n::error::y", "::error::y", "\x1b[31m\r\n ::error::y"])
def test_no_line_of_the_text_is_a_command(
    base: Path, head: Path, run_cli: RunCli, name: str
) -> None:
    """A log of GitHub's may show it."""
    for folder in (base, head):
        path = write_run(folder)
        write_record(read_record(path).model_copy(update={"row": name}), path)
        broken = folder / "a\n::error::b" / "1.json"
        broken.parent.mkdir()
        broken.write_text("{")
    finished = run_cli("compare", base, head)
    assert finished.code == 3
    assert "::error::y" in finished.out
    assert "problem: " in finished.out
    assert "note: " in finished.out
    assert not any(line.lstrip().startswith("::") for line in finished.out.splitlines())
    assert "\x1b" not in finished.out
    assert "\r" not in finished.out


def test_line_breaks_in_a_path_are_escaped(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base)
    write_run(head)
    broken = head / "a\n::error::b" / "1.json"
    broken.parent.mkdir()
    broken.write_text("{")
    out = run_cli("compare", base, head, "--format", "github").out
    assert "a%0A::error::b" in out
    assert not any(line.startswith("::error") for line in out.splitlines())


@pytest.mark.alone
def test_ten_thousand_records_take_seconds(base: Path, head: Path) -> None:
    for folder in (base, head):
        write_many(folder, rows=50, runs=100, images_of=images(50, 1, 0.3))
    command = [sys.executable, "-m", "hrnet_zoo", "compare", str(base), str(head)]
    begin = time.perf_counter()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert time.perf_counter() - begin < LIMIT_S
    assert finished.returncode == 0, finished.stdout
    assert "nothing is worse: 50 same" in finished.stdout
