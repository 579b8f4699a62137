"""Metafiles and model indices of other projects."""

from __future__ import annotations

import shutil
from pathlib import Path

from fill import DATA
from hostile.case import CHANGED, Area
from hostile.mutations import yaml_document

IMPORTING = """\
Import:
  - given/mmdet_metafile.yml
  - given/again.yml
Models:
  - given/mmseg_metafile.yml
"""


def tree(folder: Path) -> None:
    """Copy metafiles, and write one that imports others."""
    for path in sorted(DATA.joinpath("foreign").glob("*.yml")):
        shutil.copy(path, folder / "given")
    (folder / "given" / "model-index.yml").write_text(IMPORTING)


AREA = Area(
    name="metafiles",
    tree=tree,
    mutations={"given/*.yml": yaml_document},
    commands=[("import", CHANGED), ("import", CHANGED, "--source", "x", "--output", "out.yaml")],
    examples=30,
)
