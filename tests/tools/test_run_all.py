"""tools/run_all.py: the plan, what is skipped, what is kept when something fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import run_all
from entries import Arguments, Entry, Estimate, Past, entries_of
from support.stored_runs import memory_of, store_memory

import hrnet_zoo.demo
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.zoo.manifest import load_zoo

W18, W48 = (f"fcn_hr{size}_512x1024_40k_cityscapes" for size in ("18", "48"))
ROWS = [load_zoo().row(name) for name in (W48, W18)]
SEGMENTOR = load_zoo(hrnet_zoo.demo.MANIFEST).rows[0].name
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "run_all.py"
RECORDS = Path("records")
ASKED = Arguments(output=RECORDS, device="cpu")

FAKE = """
import json, sys
kind, name = sys.argv[1:3]
if name in {failing!r}:
    print("some progress", file=sys.stderr)
    print("error: " + name + " ran out of memory.", file=sys.stderr)
    sys.exit(3)
if kind == "memory":
    how = {{"measured": {problem!r}}}
    print(json.dumps([{{"name": name, "measured_train_memory_gb": None, "how": how}}]))
sys.exit({code})
"""


def fake(*failing: str, code: int = 0, problem: str | None = None) -> list[str]:
    """Return a command that stands for hrnet-zoo, without computing anything."""
    text = FAKE.format(failing=failing, code=code, problem=problem)
    return [sys.executable, "-c", text]


def memory_entries() -> list[Entry]:
    return entries_of(ROWS, ["memory"], None)


def test_a_failed_entry_is_reported_and_the_others_are_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_all.run_all(memory_entries(), ASKED, fake(W48)) == 3
    out = capsys.readouterr().out
    assert "1 of 2 entries done, 1 failed" in out
    assert out.endswith(f"failed: memory {W48}: error: {W48} ran out of memory.\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "print('  fast-tf32: unavailable: no GPU\\nrecord: x'); exit(3)",
            "fast-tf32: unavailable: no GPU",
        ),
        ("exit(70)", "exit code 70, without a word"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
    ],
)
def test_why_a_row_was_not_timed(
    capsys: pytest.CaptureFixture[str], code: str, reason: str
) -> None:
    entries = entries_of(ROWS, ["time"], W18)
    assert run_all.run_all(entries, ASKED, [sys.executable, "-c", code]) == 3
    assert capsys.readouterr().out.endswith(f"failed: time   {W18}: {reason}\n")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_memory_is_done_whatever_its_verdict(code: int) -> None:
    """Exit codes 1 and 3 say "outside the tolerance" and "nothing documented": answers, too."""
    assert run_all.run_all(memory_entries(), ASKED, fake(code=code)) == 0


def test_a_row_that_does_not_fit_the_gpu_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.run_all(memory_entries(), ASKED, fake(code=3, problem="does not fit")) == 3
    assert f"failed: memory {W18}: does not fit" in capsys.readouterr().out
    failed = memory_of(W18).model_copy(update={"problem": "does not fit"})
    store_memory(RECORDS, failed)
    assert not any(map(Past(ASKED).has, memory_entries()))  # it is tried again


def test_what_is_done_is_skipped_and_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    store_memory(RECORDS, memory_of(W48))
    assert [entry.row.name for entry in run_all.make_plan(memory_entries(), ASKED)] == [W18]
    out = capsys.readouterr().out
    assert f"done before, skipped: memory {W48}\n" in out
    assert "entries: 1, on cpu, at most about" in out
    elsewhere = Arguments(output=RECORDS, device="cuda", device_name="cuda:0 (NVIDIA H200)")
    assert len(run_all.make_plan(memory_entries(), elsewhere)) == 2


def test_the_shortest_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    plan = run_all.make_plan(entries_of(ROWS, ["time", "memory"], None), ASKED)
    assert [(entry.kind, entry.row.name) for entry in plan] == [
        ("memory", W48), ("memory", W18), ("time", W18), ("time", W48),
    ]  # fmt: skip
    assert "assumed; nothing was timed here yet" in capsys.readouterr().out


def test_engines_and_precisions_are_planned_and_passed_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "cuda:0 (NVIDIA H200)"
    monkeypatch.setattr(run_all, "name_in_another_process", lambda _: name)
    arguments = ["--dry-run", "--only", W18, "--device", "cuda", "--output", str(RECORDS)]
    asked = ["--engine", "torch", "--engine", "cudagraph", "--precision", "fp32"]
    assert run_all.main([*arguments, *asked, "--precision", "bf16"]) == 0
    out = capsys.readouterr().out
    assert "time: as documented, and with engine torch, cudagraph in fp32, bf16\n" in out
    assert f"entries: 2, on {name}" in out
    assert run_all.main([*arguments, "--kind", "memory"]) == 0
    assert "engine" not in capsys.readouterr().out
    (entry,) = entries_of(ROWS, ["time"], W18)
    words = " ".join(entry.arguments(Arguments(output=RECORDS, engines=("torch", "cudagraph"))))
    assert "--engine torch --engine cudagraph --precision fp32" in words


def test_expected_minutes_follow_scale_limit_and_rate() -> None:
    entry = entries_of(ROWS, ["time"], "*hr48*")[0]
    asked = Arguments(output=RECORDS, limit_s=100, processes=1)
    quarter = Arguments(output=RECORDS, limit_s=100, processes=1, scale=(1024, 512))
    fixed = Estimate(asked=asked, rate=1e30, memory_s=1).seconds(entry)
    slow = Estimate(asked=asked, rate=1e10, memory_s=1).seconds(entry) - fixed
    assert 100 < fixed < 200
    # 747.5 G multiply-adds, counted elsewhere.
    assert slow == pytest.approx(74.75 * 8, rel=0.01)
    small = Estimate(asked=quarter, rate=1e10, memory_s=1).seconds(entry) - fixed
    assert small == pytest.approx(slow / 4)


def script(*arguments: str | Path) -> list[str]:
    demo = ("--zoo", hrnet_zoo.demo.MANIFEST, "--output", RECORDS, "--device", "cpu")
    return [sys.executable, *map(str, (SCRIPT, *demo, *arguments))]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(script(*arguments), capture_output=True, text=True, check=False)


def test_the_demo_is_timed_once() -> None:
    what = ("--only", "fcn_*", "--kind", "time", "--limit-seconds", "0.5", "--processes", "1")
    planned = run(*what, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "entries: 1, on cpu, at most about" in planned.stdout
    assert not RECORDS.exists()
    finished = run(*what)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (record,) = read_records(RECORDS, TimingRecord)
    assert record.row == SEGMENTOR
    assert record.work is not None
    asked = Arguments(output=RECORDS, device="cpu", limit_s=0.5, processes=1)
    (entry,) = entries_of(load_zoo(hrnet_zoo.demo.MANIFEST).rows, ["time"], "fcn_*")
    past = Past(asked)
    assert past.has(entry)
    seconds = sorted(record.variants[0].seconds)
    rate = record.work.multiply_adds / (past.rate or 0)
    assert seconds[0] <= rate <= seconds[-1]
    for other in (
        Arguments(output=RECORDS, limit_s=1, processes=1),
        Arguments(output=RECORDS, limit_s=0.5, processes=1, precisions=("fp32", "bf16")),
        Arguments(output=RECORDS, limit_s=0.5, processes=1, scale=(128, 96)),
        Arguments(output=RECORDS, limit_s=0.5, processes=3),
        Arguments(output=RECORDS, limit_s=0.5, processes=1, device_name="cuda:0 (NVIDIA H200)"),
    ):
        assert not Past(other).has(entry)


def test_what_could_not_be_timed_is_tried_again() -> None:
    short = ("--limit-seconds", "0.5", "--processes", "1")
    what = ("--only", "fcn_*", "--kind", "time", *short, "--engine", "cudagraph")
    finished = run(*what)
    assert finished.returncode == 3
    assert "cudagraph: unavailable: CUDA graphs need an NVIDIA GPU" in finished.stdout
    assert len(list(read_records(RECORDS, TimingRecord))) == 1
    planned = run(*what, "--dry-run")
    assert "entries: 1, on cpu" in planned.stdout
    assert "done before" not in planned.stdout


def test_interrupting_leaves_nothing_half_done() -> None:
    driver = subprocess.Popen(
        script("--only", "fcn_*", "--kind", "time", "--limit-seconds", "60", "--processes", "1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(RECORDS.glob("*/timings/*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    driver.send_signal(signal.SIGINT)
    out, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "interrupted; all completed entries are kept" in out
    assert list(RECORDS.glob("*/timings/*")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "yolo*"], 'No row fits "yolo*"'),
        (["--scale", "10x10"], "is not WIDTHxHEIGHT of at least 32 pixels"),
        (["--limit-seconds", "0"], "not a number of seconds above 0"),
        (["--limit-seconds", "x"], '"x" is not a number of seconds above 0'),
        (["--zoo", "none.yaml"], "none.yaml"),
    ],
)
def test_wrong_usage(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(run_all, "name_in_another_process", lambda _: "cpu")
    try:
        code = run_all.main(["--dry-run", *arguments])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err


def test_a_damaged_record_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_all, "name_in_another_process", lambda _: "cpu")
    path = RECORDS / W18 / "memory" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema_version": 3}))
    assert run_all.main(["--output", str(RECORDS)]) == 3
    assert "was written by a newer hrnet-zoo" in capsys.readouterr().err


def test_every_option_is_in_its_readme() -> None:
    readme = (ROOT / "bench" / "README.md").read_text()
    shown = subprocess.run(script("--help"), capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    assert len(options) >= 10
    assert {option for option in options if option not in readme} == set()
