"""How threads wait, and how many there are, beside other programs; the user's own settings win."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.system import processors
from hrnet_zoo.system.processors import allowed_processors, busy_processors, fair_share


@pytest.mark.parametrize(
    ("available", "busy", "threads"),
    [
        (2, None, None),
        (2, 0.2, None),
        (2, 1.0, 1),
        (2, 2.0, 1),
        (1, 1.0, 1),
        (16, 3.0, 13),
        (16, 16.0, 8),
        (16, 40.0, 8),
    ],
)
def test_others_leave_at_least_half(available: int, busy: float | None, threads: int) -> None:
    assert fair_share(available, busy) == threads


@pytest.mark.parametrize(
    ("text", "allowed"), [("200000 100000\n", 2.0), ("max 100000\n", None), ("", None)]
)
def test_the_limit_of_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, allowed: float | None
) -> None:
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(processors, "_CPU_MAX", tmp_path / "cpu.max")
    assert allowed_processors() == allowed


def test_what_this_process_computes_is_not_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks, stat = os.sysconf("SC_CLK_TCK"), tmp_path / "stat"
    monkeypatch.setattr(processors, "_PROC_STAT", stat)
    assert busy_processors() is None

    def machine(seconds: float) -> None:
        stat.write_text(f"cpu  {int(seconds * ticks)} 0 0 999 0 0 0 0 0 0\n")

    def pass_by(seconds: float) -> None:
        begin = time.monotonic()
        time.sleep(seconds)
        machine(1000 + 2 * (time.monotonic() - begin))

    machine(1000)
    assert busy_processors(pass_by) == pytest.approx(2, abs=0.3)


def variables_recorded(folder: Path, command: str, **own: str) -> dict[str, str]:
    """Run a command in a process of its own; return the variables in its record."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    options = (
        ["--limit-seconds", "0.3", "--processes", "1"]
        if command == "time"
        else ["--data-root", str(DATA_ROOT)]
    )
    options += ["--metrics", "params_m"] if command == "verify" else []
    subprocess.run(
        [sys.executable, "-m", "hrnet_zoo", command, "hrnet-w2s_scenes", "--zoo", str(MANIFEST),
         "--device", "cpu", "--output", str(folder), *options],
        env=inherited | own, check=False, capture_output=True,
    )  # fmt: skip
    (record,) = folder.rglob("*Z.json")
    variables: dict[str, str] = json.loads(record.read_text())["environment"]["variables"]
    return variables


@pytest.mark.parametrize("command", ["verify", "time"])
def test_commands_settle_how_threads_wait_and_record_it(tmp_path: Path, command: str) -> None:
    assert variables_recorded(tmp_path, command)["GOMP_SPINCOUNT"] == "1000"


@pytest.mark.parametrize("own", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_the_users_own_settings_win(tmp_path: Path, own: dict[str, str]) -> None:
    found = variables_recorded(tmp_path, "verify", OMP_NUM_THREADS="3", **own)
    assert found == own | {"OMP_NUM_THREADS": "3"}


def test_importing_the_package_settles_nothing() -> None:
    code = "import os; before = dict(os.environ); import hrnet_zoo; assert os.environ == before"
    subprocess.run([sys.executable, "-c", code], check=True)
