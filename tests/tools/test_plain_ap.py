"""What documents the demo detector's AP, against COCO's own evaluation and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from plain_ap import Floats, Found, Truth, average_precision, box_iou
from plain_detector import Candidates, choose, level_candidates
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NUM_CLASSES = 3


def random_boxes(rng: np.random.Generator, count: int) -> Floats:
    corners = rng.uniform(0, 60, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(15, 40, (count, 2))], axis=1)


def random_image(rng: np.random.Generator) -> tuple[Found, Truth]:
    """Return objects, and detections of which about half are near one."""
    truth = Truth(boxes=random_boxes(rng, 9), labels=rng.integers(0, NUM_CLASSES, 9))
    near = rng.integers(0, 9, 70)
    shaken = truth.boxes[near] + rng.uniform(-6, 6, (70, 4))
    boxes = np.concatenate([shaken, random_boxes(rng, 80)])
    labels = np.concatenate([truth.labels[near], rng.integers(0, NUM_CLASSES, 80)])
    # Two decimals: some scores are equal.
    return Found(boxes=boxes, scores=rng.random(150).round(2), labels=labels), truth


def xywh(boxes: Floats) -> Floats:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def by_pycocotools(found: list[Found], truth: list[Truth]) -> Floats:
    """Return AP [thresholds, classes] as COCO's own evaluation computes it."""
    truth_boxes = [
        {"image_id": i, "category_id": int(label), "bbox": box.tolist(), "area": 1, "iscrowd": 0}
        for i, image in enumerate(truth)
        for box, label in zip(xywh(image.boxes), image.labels, strict=True)
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": k} for k in range(NUM_CLASSES)],
        "annotations": [a | {"id": i} for i, a in enumerate(truth_boxes, start=1)],
    }
    coco.createIndex()
    detections = [
        {"image_id": i, "category_id": int(label), "bbox": box.tolist(), "score": float(score)}
        for i, image in enumerate(found)
        for box, label, score in zip(xywh(image.boxes), image.labels, image.scores, strict=True)
    ]
    evaluation = COCOeval(coco, coco.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    # [thresholds, recalls, classes, areas, most per image]: objects of all areas, up to 100.
    table: Floats = evaluation.eval["precision"][:, :, :, 0, 2].mean(axis=1)
    return table


@pytest.mark.parametrize("seed", range(4))
def test_plain_ap_is_cocos(seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    found, truth = zip(*(random_image(rng) for _ in range(6)), strict=True)
    ours = average_precision(list(found), list(truth), NUM_CLASSES)
    assert 0.05 < ours.mean() < 0.95
    np.testing.assert_allclose(ours, by_pycocotools(list(found), list(truth)), atol=1e-12)


def test_a_class_without_objects_has_no_ap() -> None:
    box = np.array([[0.0, 0.0, 10.0, 10.0]])
    truth = Truth(boxes=box, labels=np.array([1]))
    found = Found(boxes=box, scores=np.array([0.5]), labels=np.array([1]))
    table = average_precision([found], [truth], 2)
    assert np.isnan(table[:, 0]).all()
    assert (table[:, 1] == 1).all()


def test_iou_by_hand() -> None:
    a = np.array([0.0, 0.0, 4.0, 2.0])
    assert box_iou(a, np.array([2.0, 0.0, 6.0, 2.0])) == pytest.approx(1 / 3)
    assert box_iou(a, np.array([4.0, 0.0, 6.0, 2.0])) == 0


def test_boxes_lie_round_their_points_and_inside_the_picture() -> None:
    classes = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    distances = np.broadcast_to(np.array([3.0, 5.0, 7.0, 9.0])[:, None, None], (4, 2, 2))
    centerness = np.array([[0.5, 0.5], [0.5, 1.0]])
    level = level_candidates(classes, distances, centerness, 16, (30, 28))
    # Points at 8 and 24; the best comes first.
    assert level.boxes.tolist() == [
        [21, 19, 30, 28],
        [5, 3, 15, 17],
        [5, 19, 15, 28],
        [21, 3, 30, 17],
    ]
    assert level.classes[:, 0].tolist() == [0.8, 0.9, 0.2, 0.1]
    assert level.centerness.tolist() == [1.0, 0.5, 0.5, 0.5]


def test_centerness_ranks_but_does_not_admit() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60], [0, 0, 9, 10]])
    classes = np.array([[0.9, 0.0], [0.6, 0.0], [0.05, 0.06], [0.0, 0.7]])
    found = choose(
        Candidates(boxes=boxes, classes=classes, centerness=np.array([0.5, 1.0, 1.0, 0.5]))
    )
    # The second box covers the first of its class; 0.05 is not above the threshold.
    assert found.boxes.tolist() == [boxes[1].tolist(), boxes[3].tolist(), boxes[2].tolist()]
    assert found.labels.tolist() == [0, 1, 1]
    assert found.scores == pytest.approx([0.6, 0.35, 0.06])
