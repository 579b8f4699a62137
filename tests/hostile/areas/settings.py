"""The settings file, which somebody may have copied from a web page."""

from __future__ import annotations

from pathlib import Path

from hostile.case import Area
from hostile.mutations import toml_document

SETTINGS = """\
cache = "../cache"
data_root = "../given"

[data]
cityscapes = "../given/cs"
scenes = "../given/scenes"
"""


def tree(folder: Path) -> None:
    """Write a settings file with everything that one may have."""
    (folder / "given" / "settings.toml").write_text(SETTINGS)


AREA = Area(
    name="settings",
    tree=tree,
    mutations={"given/settings.toml": toml_document},
    commands=[
        ("data", "check", "scenes"),
        ("data", "check", "coco", "--format", "json"),
        ("fetch", "hrnet-w18_8xb32_in1k", "--offline"),
        ("fetch", "--all", "--offline", "--format", "json"),
    ],
    examples=50,
)
