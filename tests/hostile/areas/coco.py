"""Annotations and results in COCO's form."""

from __future__ import annotations

import json
from pathlib import Path

from hostile.case import Area
from hostile.mutations import json_document
from support.coco_damage import NAME, many_forms
from support.coco_tree import make_coco, read_annotations

RESULTS = "../given/results.json"
DATA = ("--dataset", NAME, "--data-root", "../given")


def tree(folder: Path) -> None:
    """Write four images, their annotations, and results whose masks are of all forms."""
    root = make_coco(folder / "given", name=NAME)
    results = many_forms(read_annotations(root, NAME))
    (folder / "given" / "results.json").write_text(json.dumps(results))


AREA = Area(
    name="COCO",
    tree=tree,
    mutations={"given/*.json": json_document},
    commands=[
        ("score", RESULTS, *DATA),
        ("score", RESULTS, *DATA, "--kind", "segm"),
        ("score", RESULTS, *DATA, "--kind", "segm", "--protocol", "mmdet", "--format", "json"),
        ("score", RESULTS, *DATA, "--kind", "segm", "--coco-backend", "faster"),
        ("score", RESULTS, *DATA, "--kind", "bbox", "--coco-backend", "hotcoco"),
        ("data", "check", NAME, "--data-root", "../given"),
    ],
    examples=12,
)
