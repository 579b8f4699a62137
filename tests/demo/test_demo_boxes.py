"""The boxes of the demo's validation split: COCO's form, and what the renderer draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from render_demo import VALIDATION_SEEDS, annotation_path, scene_paths, write_annotations
from scene_boxes import MIN_AREA, annotated
from scenes.render import render_scene

DATA = Path(__file__).resolve().parents[2] / "hrnet_zoo" / "demo" / "data"
SHIPPED = annotation_path(DATA)


@pytest.fixture(scope="module")
def coco() -> Any:
    return COCO(SHIPPED)


def test_file_lists_the_images_of_the_split_and_the_four_classes(coco: Any) -> None:
    images = [coco.imgs[i] for i in range(1, 37)]
    expected = [scene_paths(DATA, index)[0] for index in range(36)]
    assert len(coco.imgs) == 36
    assert [SHIPPED.parents[1] / "leftImg8bit" / "val" / i["file_name"] for i in images] == expected
    assert {(image["height"], image["width"]) for image in images} == {(180, 270)}
    names = {category["id"]: category["name"] for category in coco.cats.values()}
    assert names == {1: "house", 2: "tree", 3: "car", 4: "person"}


# pycocotools' own decode calls NumPy the old way.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_masks_explain_boxes_areas_and_labels(coco: Any) -> None:
    for annotation in coco.anns.values():
        mask = coco.annToMask(annotation).astype(bool)
        x, y, width, height = annotation["bbox"]
        rows, columns = np.nonzero(mask)
        assert (columns.min(), columns.max()) == (x, x + width - 1)
        assert (rows.min(), rows.max()) == (y, y + height - 1)
        assert annotation["area"] == len(rows) >= MIN_AREA
        assert annotation["iscrowd"] == 0
        with Image.open(scene_paths(DATA, annotation["image_id"] - 1)[1]) as image:
            seen = set(np.array(image)[mask].tolist())
        assert seen <= {annotation["category_id"] + 2, 255}


@pytest.mark.parametrize("index", [0, 17, 31])
def test_file_holds_what_the_renderer_draws(index: int, tmp_path: Path, coco: Any) -> None:
    scene = render_scene(VALIDATION_SEEDS[index])
    fresh = json.loads(write_annotations([scene], tmp_path).read_text())["annotations"]
    shipped = coco.imgToAnns[index + 1]
    assert len(fresh) == len(shipped) > 0
    for ours, theirs in zip(fresh, shipped, strict=True):
        ids = {"id": theirs["id"], "image_id": index + 1}
        assert ours | ids == theirs


def test_objects_hardly_in_view_carry_no_box() -> None:
    scene = render_scene(VALIDATION_SEEDS[0])
    kept, areas = annotated(scene), [np.count_nonzero(i.mask) for i in scene.instances]
    assert min(areas) < MIN_AREA
    assert len(kept) == sum(area >= MIN_AREA for area in areas)
