"""bench/gpu_session.py, rehearsed: what is kept, what is skipped, what is said of what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from test_docs import ROOT

COMMAND = (sys.executable, str(ROOT / "bench" / "gpu_session.py"))
REHEARSE = ("--rehearse", "--output", "out")


def session(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | variables,
        check=False,
    )


def kept(step: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("out", f"{step}.json").read_bytes())
    return content


def line_of(step: str) -> str:
    lines = Path("out", "summary.md").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {step} |"))
    return line


def test_a_step_is_kept_skipped_and_taken_again() -> None:
    first = session(*REHEARSE, "--only", "uploads")
    assert (first.returncode, first.stderr) == (0, "")
    assert kept("uploads")["outcome"] == "fine"
    assert kept("uploads")["tables"]["Uploads"][0]["wrong"] == 0
    assert line_of("uploads").startswith("| uploads | fine | ")
    assert line_of("layouts").startswith("| layouts | not run: not asked for yet")

    second = session(*REHEARSE, "--only", "uploads")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("uploads: done before, skipped\n")

    short = ("--only", "uploads", "--again", "uploads", "--patience", "0.005")
    third = session(*REHEARSE, *short)
    assert third.returncode == 3
    assert "timed out: after 0.15 s" in third.stdout
    assert line_of("uploads").startswith("| uploads | timed out: after 0.15 s")

    # What timed out is not done.
    assert session(*REHEARSE, *short[:2]).returncode == 0
    assert kept("uploads")["outcome"] == "fine"


def test_a_step_that_breaks_leaves_the_others(tmp_path: Path) -> None:
    settings = tmp_path / "damaged.toml"
    settings.write_text("cache = 7")
    steps = ("--only", "demo", "--only", "uploads")
    ended = session(*REHEARSE, *steps, HRNET_ZOO_SETTINGS=str(settings), HRNET_ZOO_CACHE="")
    assert ended.returncode == 3
    assert (kept("demo")["outcome"], kept("uploads")["outcome"]) == ("failed", "fine")
    assert "hrnet-zoo verify ended with exit code 2 and no answer" in kept("demo")["reason"]
    assert str(tmp_path) not in line_of("demo")
    assert "damaged.toml" in Path("out", "demo.log").read_text(encoding="utf-8")


def test_stopping_it_ends_the_step_and_keeps_what_was_done() -> None:
    done = {"outcome": "fine", "seconds": 1.0}
    Path("out").mkdir()
    Path("out", "memory.json").write_text(json.dumps(done))
    with subprocess.Popen([*COMMAND, *REHEARSE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("environment: at most ")
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "run it again to go on" in rest
    assert kept("environment")["outcome"] == "interrupted"
    assert kept("memory") == done
    assert line_of("memory").startswith("| memory | fine")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_begun() -> None:
    ended = session("--output", "out")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: torch ")
    assert ended.stderr.count("\n") == 1
    assert "--rehearse" in ended.stderr
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_written_is_named() -> None:
    Path("file").touch()
    ended = session("--rehearse", "--output", "file/out")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: ")
    assert "file/out" in ended.stderr
