"""Records and images files that somebody sent."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostile.areas.manifest import ZOO
from hostile.case import TESTS, Area
from hostile.mutations import json_document, sealed_lines

from hrnet_zoo.demo import MANIFEST

RECORDS = TESTS.parent / "reports" / "demo" / "records"
ROW = "fcn_hr5s_180x270_2k_scenes"


def tree(folder: Path) -> None:
    """Copy the demo's records of two rows, once as a base to compare with."""
    shutil.copy(MANIFEST, folder / "work" / "zoo.yaml")
    for row in (ROW, "hrnet-w2s_scenes"):
        for records in (folder / "work" / "records", folder / "given" / "base"):
            shutil.copytree(RECORDS / row, records / row)


AREA = Area(
    name="records",
    tree=tree,
    mutations={"work/records/*.json": json_document, "work/records/*.jsonl": sealed_lines},
    commands=[
        ("records", "list", "--records", "records"),
        ("records", "list", "--records", "records", "--format", "json"),
        ("records", "show", ROW, "--records", "records", *ZOO),
        ("records", "show", ROW, "--records", "records", "--format", "json", *ZOO),
        ("records", "check", "records", *ZOO),
        ("records", "check", "records", "--format", "json", *ZOO),
        ("records", "index", "--records", "records"),
        ("records", "prune", "--records", "records", "--keep", "1", "--yes"),
        ("report", "tables", "--records", "records", *ZOO),
        ("report", "export", "--records", "records", "--output", "values.csv", *ZOO),
        ("compare", "../given/base", "records", *ZOO),
        ("compare", "../given/base", "records", "--format", "github", *ZOO),
        ("readme", "zoo.yaml", "--columns", "measured", "--records", "records", *ZOO),
    ],
    examples=40,
)
