"""Freed memory is kept where the C library can be told so, by commands and not by an import."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.trees import RunCli

from hrnet_zoo.system import host_memory
from hrnet_zoo.system.host_memory import keep_freed_memory

CHURN = """
import resource
import torch
import hrnet_zoo.cli
from hrnet_zoo.system.host_memory import keep_freed_memory

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(12_000_000).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(page_faults(), keep_freed_memory(), page_faults())
"""


@pytest.mark.skipif(not keep_freed_memory(), reason="only glibc can be told")
def test_large_blocks_are_used_again_once_it_is_said() -> None:
    """48 MB twenty times over: pages are touched for the first time once, not twenty times."""
    finished = subprocess.run(
        [sys.executable, "-c", CHURN], check=True, capture_output=True, text=True
    )
    before, heeded, after = finished.stdout.split()
    assert heeded == "True"
    # Some systems take idle pages away again, so that once is not quite enough.
    assert int(after) < int(before) / 2


def test_other_systems_have_no_such_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    assert not keep_freed_memory()
    monkeypatch.setattr(ctypes, "CDLL", None)
    monkeypatch.setattr(host_memory, "sys", SimpleNamespace(platform="win32"))
    assert not keep_freed_memory()


def test_a_switch_that_is_refused_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ctypes, "CDLL", lambda _name: SimpleNamespace(mallopt=lambda code, _value: int(code == -4))
    )
    monkeypatch.setattr(host_memory, "sys", SimpleNamespace(platform="linux"))
    assert not keep_freed_memory()


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo"],
        ["verify", "fcn_hr5s_180x270_2k_scenes", "--data-root", "."],
        ["predict", "fcn_hr5s_180x270_2k_scenes", "image.png"],
        ["time", "fcn_hr5s_180x270_2k_scenes"],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_commands_that_run_networks_keep_it(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    class Asked(Exception):  # noqa: N818 - it is not an error, it only ends the command
        pass

    def ask() -> bool:
        raise Asked

    Path("image.png").write_bytes(b"")
    monkeypatch.setattr(host_memory, "keep_freed_memory", ask)
    zoo = Path(host_memory.__file__).parents[1] / "demo" / "zoo.yaml"
    finished = run_cli(*arguments, *([] if arguments[0] == "demo" else ["--zoo", zoo]))
    assert finished.code == 70
    assert "Asked" in finished.err
