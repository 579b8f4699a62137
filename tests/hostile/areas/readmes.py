"""READMEs of other projects, and of those whose rows are in the manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

from fill import DATA
from hostile.case import CHANGED, Area
from hostile.mutations import markdown


def tree(folder: Path) -> None:
    """Copy READMEs of other projects and one of ours."""
    for path in sorted(DATA.joinpath("foreign").glob("*.md")):
        shutil.copy(path, folder / "work")
    shutil.copy(DATA / "readmes" / "mmpretrain.md", folder / "work")


AREA = Area(
    name="READMEs",
    tree=tree,
    mutations={"work/*.md": markdown},
    commands=[
        ("lint", CHANGED),
        ("lint", CHANGED, "--fix"),
        ("lint", CHANGED, "--format", "github"),
        ("lint", CHANGED, "--format", "json"),
        ("import", CHANGED),
        ("readme", CHANGED),
        ("readme", CHANGED, "--write"),
        ("readme", CHANGED, "--check", "--format", "json"),
    ],
    examples=30,
)
