from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
import torch
from fill import DATA
from numpy.typing import NDArray

from hrnet_zoo.tasks.segmentation import counting
from hrnet_zoo.tasks.segmentation.confusion import SegmentationScores, SparseCounts, total
from hrnet_zoo.tasks.segmentation.counting import count_pairs

GOLDEN: dict[str, Any] = json.loads((DATA / "metric.json").read_text())
CASES = [name for name in GOLDEN if name != "float32_accumulation"]
Maps = NDArray[np.uint8]


def metric_maps(
    seed: int,
    n: int,
    h: int,
    w: int,
    nc: int,
    reduce_zero: bool,
    absent: tuple[int, ...] = (),
    unpred: tuple[int, ...] = (),
    oob: bool = False,
) -> tuple[Maps, Maps]:
    """Return predictions and raw labels [n, h, w]; data/README.md describes the draws."""
    rng = np.random.Generator(np.random.PCG64(seed))
    predictions, labels = [], []
    for _ in range(n):
        g = rng.integers(0, nc, (h // 8 + 1, w // 8 + 1)).repeat(8, 0).repeat(8, 1)[:h, :w]
        flip = rng.uniform(size=(h, w)) < 0.3
        p = np.where(flip, rng.integers(0, nc, (h, w)), g)
        ignored = rng.uniform(size=(h, w)) < 0.05
        for c in absent:
            g[g == c] = (c + 1) % nc
        for c in (*absent, *unpred):
            p[p == c] = (c + 1) % nc
        raw = np.where(ignored, 0, g + 1) if reduce_zero else np.where(ignored, 255, g)
        if reduce_zero:
            raw[:2, :5] = 255
        if oob:
            raw[-3:, -7:] = nc + 3
        predictions.append(p.astype(np.uint8))
        labels.append(raw.astype(np.uint8))
    return np.stack(predictions), np.stack(labels)


def reduced(raw: Maps) -> Maps:
    """Stored 0 is ignored, stored c is class c - 1, 255 stays."""
    return np.where((raw == 0) | (raw == 255), 255, raw - 1).astype(np.uint8)


def golden_maps(name: str) -> tuple[Maps, Maps]:
    case = GOLDEN[name]
    predictions, raw = metric_maps(**case["args"])
    assert hashlib.sha256(predictions.tobytes()).hexdigest() == case["pred_sha256"]
    assert hashlib.sha256(raw.tobytes()).hexdigest() == case["raw_label_sha256"]
    return predictions, reduced(raw) if case["args"]["reduce_zero"] else raw


def plain_counts(prediction: Maps, label: Maps, num_classes: int) -> NDArray[np.int64]:
    """The slow, obvious way: one pixel at a time."""
    counts = np.zeros((num_classes + 1, num_classes), np.int64)
    for p, g in zip(prediction.ravel().tolist(), label.ravel().tolist(), strict=True):
        if g != 255:
            counts[min(g, num_classes), p] += 1
    return counts


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("name", CASES)
def test_goldens(name: str, kind: str) -> None:
    case = GOLDEN[name]
    num_classes = case["args"]["nc"]
    counts = np.zeros((num_classes + 1, num_classes), np.int64)
    for prediction, label in zip(*golden_maps(name), strict=True):
        if kind == "torch":
            counts += count_pairs(
                torch.from_numpy(prediction), torch.from_numpy(label), num_classes
            )
        else:
            counts += count_pairs(prediction, label, num_classes)
    assert np.diagonal(counts).tolist() == case["area_intersect"]
    assert counts[:-1].sum(axis=1).tolist() == case["area_label"]
    assert counts.sum(axis=0).tolist() == case["area_pred"]
    scores = SegmentationScores.of(counts)
    for ours, theirs in ((scores.iou, case["IoU"]), (scores.accuracy, case["Acc"])):
        assert [value is None for value in ours] == [value is None for value in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert a is None or abs(a / 100 - b) <= 1e-12
    summary = {"aAcc": scores.aacc, "mIoU": scores.miou, "mAcc": scores.macc}
    assert {key: round(value or 0, 2) for key, value in summary.items()} == case["summary_percent"]


@pytest.mark.parametrize("name", ["absent21", "out_of_range16", "reduce_zero7_absent"])
def test_agrees_with_counting_pixel_by_pixel(name: str) -> None:
    num_classes = GOLDEN[name]["args"]["nc"]
    for prediction, label in zip(*golden_maps(name), strict=True):
        ours = count_pairs(prediction, label, num_classes)
        assert np.array_equal(ours, plain_counts(prediction, label, num_classes))


@pytest.mark.parametrize("name", ["absent21", "out_of_range16"])
def test_a_gpu_counts_the_same_without_being_waited_for(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    maps = list(zip(*golden_maps(name), strict=True))
    expected = [count_pairs(*pair, GOLDEN[name]["args"]["nc"]) for pair in maps]
    # Where bincount is not to be had, the way of GPUs is taken.
    monkeypatch.setattr(torch, "bincount", lambda code, **_: counting.scattered(code))
    found = [count_pairs(*pair, GOLDEN[name]["args"]["nc"]) for pair in maps]
    assert all(map(np.array_equal, found, expected))


def test_label_files_that_may_not_be_written_to_are_counted() -> None:
    label = np.zeros((4, 6), np.uint8)
    label.flags.writeable = False
    table = counting.pair_table(torch.zeros(4, 6, dtype=torch.uint8), label[:, ::-1])
    assert table[0] == 24


def test_by_hand() -> None:
    label = np.array([[0, 0, 1], [1, 1, 255], [7, 0, 255]], np.uint8)
    prediction = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 1]], np.uint8)
    counts = count_pairs(prediction, label, 3)
    # Label 7 is not a class: it adds to the union of class 1, which was predicted there.
    assert counts.tolist() == [[2, 1, 0], [1, 2, 0], [0, 0, 0], [0, 1, 0]]
    scores = SegmentationScores.of(counts)
    assert scores.iou == (50.0, 40.0, None)
    assert scores.accuracy == pytest.approx((200 / 3, 200 / 3, None))
    assert scores.miou == 45.0
    assert scores.aacc == pytest.approx(400 / 6)


def test_class_predicted_but_never_labelled_counts_as_zero() -> None:
    counts = count_pairs(np.array([[0, 1]], np.uint8), np.array([[0, 0]], np.uint8), 2)
    scores = SegmentationScores.of(counts)
    assert scores.iou == (50.0, 0.0)
    assert scores.accuracy == (50.0, None)
    assert scores.miou == 25.0
    assert scores.macc == 50.0


def test_nothing_labelled_has_no_score() -> None:
    counts = count_pairs(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), 2)
    scores = SegmentationScores.of(counts)
    assert (scores.miou, scores.macc, scores.aacc) == (None, None, None)


def test_adding_images_equals_counting_everything() -> None:
    predictions, labels = golden_maps("reduce_zero150")
    pairs = zip(predictions, labels, strict=True)
    images = [SparseCounts.of(count_pairs(*pair, 150)) for pair in pairs]
    at_once = count_pairs(predictions.reshape(-1, 1), labels.reshape(-1, 1), 150)
    for order in (images, images[::-1]):
        assert np.array_equal(total(order, 150), at_once)
        assert SegmentationScores.of(total(order, 150)) == SegmentationScores.of(at_once)


def test_adding_leaves_the_images_alone() -> None:
    image = SparseCounts.of(count_pairs(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 2))
    assert total([image, image], 2).sum() == 8
    assert image.dense().sum() == 4


def test_large_counts_stay_exact() -> None:
    """float32 would lose single pixels beyond 2**24."""
    cells, pixels = np.array([0], np.int32), np.array([2**31 - 1], np.int32)
    images = [SparseCounts(num_classes=1, cells=cells, pixels=pixels)] * 512
    one = SparseCounts.of(count_pairs(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), 1))
    assert total([*images, one], 1)[0, 0] == 2**40 - 512 + 1


def test_prediction_outside_the_classes_is_our_bug() -> None:
    with pytest.raises(ValueError, match="not among the classes 0 to 1"):
        count_pairs(np.array([[2]], np.uint8), np.array([[0]], np.uint8), 2)


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        count_pairs(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), 2)
