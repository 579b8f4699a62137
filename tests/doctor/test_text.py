from __future__ import annotations

import click

from hrnet_zoo.doctor.finding import Area, Finding, State
from hrnet_zoo.doctor.text import as_text, conclusion

NOTE = Finding(Area.TORCH, "CUDA", State.NOTE, "a driver " * 20, "Update the driver. " * 9)


def test_lines_fit_80_columns_and_say_what_to_do_below() -> None:
    lines = click.unstyle(as_text(NOTE, heading=False)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "CUDA" in lines[0]
    assert [line.strip()[:9] for line in lines].index("-> Update") > 0


def test_paths_are_not_broken() -> None:
    path = "/a-very-long-folder" * 6
    finding = Finding(Area.FOLDERS, "cache", State.FINE, path)
    assert path in as_text(finding, heading=True)


def test_the_conclusion_counts() -> None:
    broken = Finding(Area.TORCH, "torch", State.BROKEN, "not installed", "pip install torch")
    assert conclusion([NOTE]) == "\nready: what was asked for can work; 0 broken, 1 to note"
    assert conclusion([NOTE, broken]).startswith("\nnot ready: see what is broken; 1 broken, 1")
