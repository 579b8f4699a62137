"""A manifest of somebody else's zoo."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostile.case import Area
from hostile.mutations import yaml_document

from hrnet_zoo.demo import MANIFEST

ROW = "hrnet-w2s_scenes"
ZOO = ("--zoo", "zoo.yaml")


def tree(folder: Path) -> None:
    """Write the demo's manifest, without its files."""
    shutil.copy(MANIFEST, folder / "work" / "zoo.yaml")


def with_classifier(folder: Path) -> Path:
    """Write the manifest with the checkpoint of `ROW`; return the copied checkpoint."""
    (checkpoint,) = MANIFEST.parent.glob(f"checkpoints/{ROW}*.pth")
    tree(folder)
    (folder / "work" / "checkpoints").mkdir()
    return Path(shutil.copy(checkpoint, folder / "work" / "checkpoints"))


AREA = Area(
    name="manifest",
    tree=tree,
    mutations={"work/zoo.yaml": yaml_document},
    commands=[
        ("list", *ZOO),
        ("list", *ZOO, "--format", "csv"),
        ("show", ROW, *ZOO),
        ("show", ROW, *ZOO, "--format", "json"),
        ("lint", *ZOO),
        ("lint", *ZOO, "--format", "github"),
        ("report", "tables", *ZOO),
        ("fetch", "--all", "--offline", *ZOO),
        ("fps", "--records", "nowhere", *ZOO),
        ("readme", "zoo.yaml", *ZOO),
    ],
    examples=40,
)
