"""Times that another machine or another tool measured."""

from __future__ import annotations

import json
from pathlib import Path

from hostile.case import Area
from hostile.mutations import json_document

from hrnet_zoo.zoo.manifest import load_zoo


def tree(folder: Path) -> None:
    """Write a time for each row that documents one."""
    times = [
        {"name": row.name, "seconds_per_image": 0.01 * (2 + i), "multiply_adds": 10**9 * (i + 1)}
        for i, row in enumerate(row for row in load_zoo().rows if row.printed.get("fps"))
    ]
    (folder / "given" / "times.json").write_text(json.dumps(times))


AREA = Area(
    name="fps times",
    tree=tree,
    mutations={"given/times.json": json_document},
    commands=[("fps", "../given/times.json"), ("fps", "../given/times.json", "--format", "json")],
    examples=30,
)
