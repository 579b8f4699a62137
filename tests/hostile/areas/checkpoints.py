"""Checkpoints: torch's zip files and its old format."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from hostile.areas.manifest import ROW, ZOO, with_classifier
from hostile.binary import zip_archive
from hostile.case import CHANGED, Area
from hostile.mutations import any_bytes, either

from hrnet_zoo.demo import MANIFEST

IMAGE = "../given/image.png"
TABLE = """\
## Scenes (objects)

| Model | Params (M) | Flops (G) | Top-1 (%) | Download |
|---|---|---|---|---|
| `hrnet-w2s_scenes` | 0.28 | 0.05 | 76.67 | [model](checkpoints/{name}) |
"""


def tree(folder: Path) -> None:
    """Write the demo's classifier, small containers of both kinds, and what reads them."""
    given = folder / "given"
    whole = with_classifier(folder)
    picture = sorted(MANIFEST.parent.rglob("scenes_objects/val/car/*.png"))[0]
    shutil.copy(picture, given / "image.png")
    (given / "README.md").write_text(TABLE.format(name=whole.name))
    (given / "checkpoints").mkdir()
    (given / "small").mkdir()
    shutil.copy(whole, given / "checkpoints")
    state = torch.load(whole, weights_only=True)["state_dict"]
    some = dict(list(state.items())[:12])
    content = {"meta": {"CLASSES": ("car", "house"), "epoch": 2}, "state_dict": some}
    torch.save(content, given / "small" / "zip.pth")
    torch.save(content, given / "small" / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(content, given / "checkpoints" / "x_scenes_20261130-01234567.pth")


PREDICT = ("predict", ROW, IMAGE, *ZOO, "--device", "cpu", "--checkpoint")
container = either(zip_archive({"*/data.pkl": any_bytes}), any_bytes)
AREA = Area(
    name="checkpoints",
    tree=tree,
    mutations={
        "given/small/zip.pth": container,
        "given/small/old.pth": any_bytes,
        f"given/checkpoints/{ROW}*": container,
    },
    commands=[
        (*PREDICT, CHANGED),
        (*PREDICT, CHANGED),
        ("lint", "../given/README.md", "--checkpoints", "../given/checkpoints", *ZOO),
    ],
    examples=15,
)
