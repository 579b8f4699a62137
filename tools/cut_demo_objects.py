"""Write the demo zoo's classification split: ``python tools/cut_demo_objects.py [--output DIR]``.

Objects are cut out of the validation images as they lie in the demo's data, by the boxes in their
annotation file: the first of every class, so that all classes have the same number.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image
from render_demo import ROOT, annotation_path
from scene_objects import cut_out, is_shown
from scenes.picture import Bytes

PER_CLASS = 60
DATA = ROOT / "hrnet_zoo" / "demo" / "data"


def objects_by_class(data: Path) -> dict[str, list[tuple[str, Bytes]]]:
    """Return name and picture of the objects of every class, in the order of the annotations.

    Args:
        data: the folder that holds ``scenes``.
    """
    content = json.loads(annotation_path(data).read_text(encoding="utf-8"))
    class_names = {category["id"]: category["name"] for category in content["categories"]}
    images: dict[int, tuple[str, Bytes]] = {}
    for entry in content["images"]:
        path = data / "scenes" / "leftImg8bit" / "val" / entry["file_name"]
        with Image.open(path) as picture:
            images[entry["id"]] = path.stem.removesuffix("_leftImg8bit"), np.array(picture)
    found = defaultdict(list)
    for entry in content["annotations"]:
        x, y, width, height = entry["bbox"]
        box = (x, y, x + width, y + height)
        if is_shown(box):
            stem, image = images[entry["image_id"]]
            name = f"{stem}_{entry['id']:03d}"
            found[class_names[entry["category_id"]]].append((name, cut_out(image, box)))
    return found


def main() -> None:
    """Write the split in ImageNet's layout: a folder for every class."""
    parser = argparse.ArgumentParser(description="Write the demo zoo's classification split.")
    parser.add_argument("--output", type=Path, default=DATA)
    output: Path = parser.parse_args().output
    files = []
    for class_name, objects in objects_by_class(DATA).items():
        folder = output / "scenes_objects" / "val" / class_name
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in objects[:PER_CLASS]:
            path = folder / f"{name}.png"
            Image.fromarray(picture).save(path, optimize=True)
            files.append(path)
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} objects, {size} bytes, under {output}")


if __name__ == "__main__":
    main()
