"""Images and label maps."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostile.areas.manifest import ROW, ZOO, with_classifier
from hostile.binary import picture
from hostile.case import CHANGED, Area

from hrnet_zoo.demo import DATA_ROOT

STEM = "ambleford/ambleford_000000_000019"
OBJECT = "val/car/ambleford_000002_000019_034.png"


def tree(folder: Path) -> None:
    """Copy an image with its label map, and an image of each class of objects."""
    with_classifier(folder)
    given = folder / "given"
    for name in (f"leftImg8bit/val/{STEM}_leftImg8bit", f"gtFine/val/{STEM}_gtFine_labelTrainIds"):
        path = given / "scenes" / f"{name}.png"
        path.parent.mkdir(parents=True)
        shutil.copy(DATA_ROOT / "scenes" / f"{name}.png", path)
    for kind in sorted((DATA_ROOT / "scenes_objects" / "val").iterdir()):
        path = given / "scenes_objects" / "val" / kind.name
        path.mkdir(parents=True)
        shutil.copy(min(kind.iterdir()), path)


DATA = ("--data-root", "../given")
CHECK = ("data", "check")
AREA = Area(
    name="images",
    tree=tree,
    mutations={"given/scenes*.png": picture},
    commands=[
        (*CHECK, "scenes", *DATA),
        (*CHECK, "scenes", *DATA, "--format", "json"),
        (*CHECK, "scenes_objects", *DATA),
        ("predict", ROW, CHANGED, *ZOO, "--device", "cpu"),
    ],
    examples=30,
)
