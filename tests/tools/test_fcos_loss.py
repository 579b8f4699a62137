"""What the demo's detector learns from, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from fcos_loss import Objects, Targets, all_points, distances, fcos_loss, targets_of
from torch import Tensor

from hrnet_zoo.models.detection.fcos import STRIDES, LevelOutput

SIZES = [(math.ceil(192 / s), math.ceil(256 / s)) for s in STRIDES]
POINTS = all_points(SIZES)
SCENE = Objects(
    boxes=torch.tensor([[4.0, 4, 40, 60], [12, 12, 30, 30], [0, 0, 250, 190]]),
    labels=torch.tensor([2, 0, 1]),
)


def level_maps(values: Tensor) -> list[Tensor]:
    """Fold [P, C] back into maps [1, C, H, W], one a level."""
    parts = torch.split(values, [height * width for height, width in SIZES])
    return [
        part.T.reshape(1, -1, height, width)
        for part, (height, width) in zip(parts, SIZES, strict=True)
    ]


def outputs(logits: Tensor, to_edges: Tensor, centerness: Tensor) -> list[LevelOutput]:
    maps = (level_maps(logits), level_maps(to_edges), level_maps(centerness[:, None]))
    return [LevelOutput(logits=a, distances=b, centerness=c) for a, b, c in zip(*maps, strict=True)]


def perfect(targets: Targets) -> list[LevelOutput]:
    right = torch.nn.functional.one_hot(targets.labels + 1, 4)[:, 1:] * 60.0 - 30
    return outputs(
        right,
        distances(POINTS.centres, targets.boxes),
        torch.logit(targets.centerness.clamp(1e-6, 1 - 1e-6)),
    )


def label_at(x: int, y: int, level: int) -> int:
    """Return what the point at (x, y) of a level should say."""
    start = sum(height * width for height, width in SIZES[:level])
    row, column = y // STRIDES[level], x // STRIDES[level]
    index = start + row * SIZES[level][1] + column
    assert POINTS.centres[index].tolist() == [x, y]
    return int(targets_of(POINTS, SCENE).labels[index])


def test_the_smallest_object_of_the_level_takes_the_point() -> None:
    assert label_at(20, 20, level=0) == 0
    assert label_at(20, 44, level=0) == 2
    # The large object is left to the levels whose range its farthest edge is in.
    assert label_at(100, 100, level=0) == -1
    assert label_at(120, 104, level=1) == -1
    assert label_at(112, 112, level=2) == 1
    assert label_at(32, 32, level=3) == -1


def test_centerness_by_hand() -> None:
    targets = targets_of(POINTS, SCENE)
    index = 2 * SIZES[0][1] + 2  # the point at (20, 20), in the box 12, 12, 30, 30
    assert targets.boxes[index].tolist() == [12, 12, 30, 30]
    assert float(targets.centerness[index]) == pytest.approx(8 / 10)


def test_loss_is_least_where_everything_is_right() -> None:
    targets = targets_of(POINTS, SCENE)
    positive = targets.labels >= 0
    best = fcos_loss(perfect(targets), [SCENE])
    wanted = targets.centerness[positive]
    entropy = -(wanted * wanted.log() + (1 - wanted) * (1 - wanted).log()).nan_to_num()
    # Soft targets cost their entropy, whatever the answer.
    assert float(best) == pytest.approx(float(entropy.mean()), abs=1e-4)
    wide = [
        LevelOutput(logits=o.logits, distances=o.distances * 2, centerness=o.centerness)
        for o in perfect(targets)
    ]
    timid = [
        LevelOutput(logits=o.logits / 30, distances=o.distances, centerness=o.centerness)
        for o in perfect(targets)
    ]
    assert float(fcos_loss(wide, [SCENE])) > float(best) + 0.3
    assert float(fcos_loss(timid, [SCENE])) > float(best) + 0.3


def test_an_image_without_objects_teaches_what_background_is() -> None:
    nothing = Objects(boxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64))
    assert bool((targets_of(POINTS, nothing).labels == -1).all())
    confident = perfect(targets_of(POINTS, SCENE))
    assert float(fcos_loss(confident, [nothing])) > 1
