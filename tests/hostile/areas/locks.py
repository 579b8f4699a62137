"""The lock beside a manifest, which whoever may commit to it can change."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostile.areas.manifest import ROW, ZOO, with_classifier
from hostile.case import Area
from hostile.mutations import PIECES, any_bytes, either, json_lines, lines

from hrnet_zoo.demo import MANIFEST


def tree(folder: Path) -> None:
    """Copy the demo's manifest with its lock and one of its checkpoints."""
    with_classifier(folder)
    shutil.copy(MANIFEST.with_name("zoo.lock"), folder / "work")


AREA = Area(
    name="locks",
    tree=tree,
    mutations={"work/zoo.lock": either(json_lines, json_lines, lines(PIECES), any_bytes)},
    commands=[
        ("lock", "--check", *ZOO),
        ("lock", "--check", "--format", "json", *ZOO),
        ("lock", ROW, "--offline", *ZOO),
        ("lock", ROW, "--update", "--offline", *ZOO),
        ("fetch", ROW, "--offline", *ZOO),
        ("show", ROW, *ZOO),
        ("show", ROW, "--format", "json", *ZOO),
    ],
    examples=50,
)
