from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.coco_matches import CATEGORY_IDS, MadeUp, evaluated, made_up

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.detection.metrics import Kind

DATA = Path(__file__).parents[2] / "data" / "cocoeval"
KINDS: tuple[Kind, ...] = ("bbox", "segm")


def require_as_pycocotools(
    matches: list[Matches], evaluator: Any, category_ids: tuple[int, ...]
) -> None:
    """Compare every bit, for every image, category and range of areas."""
    by_id = {each.image_id: each for each in matches}
    evaluations = iter(evaluator.evalImgs)
    for label in range(len(category_ids)):
        for area in range(4):
            for image_id in evaluator.params.imgIds:
                ours, theirs = by_id[image_id], next(evaluations)
                own = ours.categories == label
                if theirs is None:
                    assert not own.any()
                    assert ours.objects[label, area] == 0
                    continue
                assert ours.scores[own].tolist() == theirs["dtScores"]
                np.testing.assert_array_equal(ours.matched[own, area].T, theirs["dtMatches"] > 0)
                np.testing.assert_array_equal(ours.ignored[own, area].T, theirs["dtIgnore"])
                assert ours.objects[label, area] == np.sum(theirs["gtIgnore"] == 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_every_bit_is_pycocotools(seed: int, kind: Kind) -> None:
    case = made_up(seed)
    matches = case.matches(kind)
    require_as_pycocotools(matches, evaluated(case, kind), CATEGORY_IDS)
    # All that makes matching hard does occur.
    found = np.concatenate([each.matched for each in matches])
    ignored = np.concatenate([each.ignored for each in matches])
    assert (found & ~ignored)[:, 0].any()
    assert (found & ignored)[:, 0].any()
    assert (~found & ignored)[:, 1:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_every_bit_of_the_goldens_is_pycocotools(kind: Kind) -> None:
    """Its images have polygons, coded crowds, and over a hundred detections of a class."""
    truth, results = (
        json.loads((DATA / f"cocoeval_{name}.json").read_text()) for name in ("gt", kind)
    )
    ids = tuple(sorted(category["id"] for category in truth["categories"]))
    found = {}
    for image in truth["images"]:
        own = [entry for entry in results if entry["image_id"] == image["id"]]
        corners = [(x, y, x + w, y + h) for x, y, w, h in (entry["bbox"] for entry in own)]
        found[image["id"]] = ImageDetections(
            boxes=np.array(corners, np.float32).reshape(-1, 4),
            scores=np.array([entry["score"] for entry in own], np.float32),
            labels=np.array([ids.index(entry["category_id"]) for entry in own], np.int64),
            masks=[entry["segmentation"] for entry in own] if kind == "segm" else None,
        )
    case = MadeUp(truth=truth, found=found, category_ids=ids)
    require_as_pycocotools(case.matches(kind), evaluated(case, kind), ids)


def test_only_the_best_thousand_of_a_category_are_looked_at() -> None:
    case = made_up(0, (2200,))
    [matches] = case.matches("bbox")
    assert np.bincount(matches.categories).max() == 1000
    require_as_pycocotools([matches], evaluated(case, "bbox"), CATEGORY_IDS)


def test_equal_overlaps_and_areas_on_an_edge() -> None:
    """The last of two that overlap alike is taken; 32 x 32 pixels are small and medium."""
    boxes = [[10.0, 10.0, 32.0, 32.0], [26.0, 10.0, 32.0, 32.0]]
    annotations = [
        {"id": i + 1, "image_id": 1, "category_id": 2, "iscrowd": 0, "area": 1024.0, "bbox": box}
        for i, box in enumerate(boxes)
    ]
    found = ImageDetections(
        # One right between the two, one on the last of them, and one elsewhere.
        boxes=np.array([(18, 10, 50, 42), (26, 10, 58, 42), (90, 90, 122, 122)], np.float32),
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        labels=np.zeros(3, np.int64),
    )
    truth = {
        "images": [{"id": 1, "height": 150, "width": 150}],
        "annotations": annotations,
        "categories": [{"id": 2, "name": "2"}],
    }
    case = MadeUp(truth=truth, found={1: found}, category_ids=(2,))
    [matches] = case.matches("bbox")
    assert matches.matched[:, 0, 0].tolist() == [True, False, False]
    assert matches.objects.tolist() == [[2, 2, 2, 0]]
    assert not matches.ignored[:, 1:3].any()
    require_as_pycocotools([matches], evaluated(case, "bbox"), (2,))
