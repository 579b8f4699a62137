"""A copy of the package to add things to, as CONTRIBUTING says, and its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_of_package(folder: Path) -> Path:
    """Copy the package and its manifest into a folder; return that folder."""
    package = folder / "hrnet_zoo"
    shutil.copytree(ROOT / "hrnet_zoo", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zoo.yaml", folder)
    return folder


def insert_before(path: Path, line: str, text: str, *, after: str = "") -> None:
    """Insert text before the first line that begins so, below the first that begins with another.

    Args:
        path: a text file.
        line: how the line begins.
        text: one or more whole lines, without the last line break.
        after: where the search begins; empty: at the first line.
    """
    lines = path.read_text().splitlines()
    start = next(i for i, found in enumerate(lines) if found.startswith(after))
    place = next(i for i in range(start, len(lines)) if lines[i].startswith(line))
    lines.insert(place, text)
    path.write_text("\n".join(lines) + "\n")


def replace_once(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text, which has to be there."""
    content = path.read_text()
    assert old in content, f"{path} has no {old!r}"
    path.write_text(content.replace(old, new, 1))


def hrnet_zoo(tree: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line of the copy."""
    return subprocess.run(
        [sys.executable, "-m", "hrnet_zoo", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )
