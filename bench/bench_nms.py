"""Suppression in a detector's head and in its region proposals.

nox -s bench
"""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from hrnet_zoo.models.detection.boxes import MAX_DETECTIONS, Numbers, grouped_nms, multiclass_nms

REGIONS, CLASSES = 1000, 80
PER_LEVEL = (1000, 1000, 1000, 1000, 273)
"""Candidates of each pyramid level of an 800 x 1344 image: 1000, or all that there are."""
PROPOSAL_IOU, SCORE_THRESHOLD = 0.7, 0.05


def clustered_boxes(number: int, seed: int) -> Tensor:
    """Return [N, 4] boxes that lie in heaps, as those of a detector do."""
    generator = torch.Generator().manual_seed(seed)
    heaps = torch.rand(40, 2, generator=generator) * torch.tensor([1200.0, 700.0])
    chosen = heaps[torch.randint(len(heaps), (number,), generator=generator)]
    corners = chosen + 12 * torch.randn(number, 2, generator=generator)
    sizes = 80 + 20 * torch.rand(number, 2, generator=generator)
    return torch.cat([corners, corners + sizes], dim=1)


def class_scores() -> Tensor:
    """Return [N, K] scores of which about three per region are above the threshold."""
    logits = 3 * torch.randn(REGIONS, CLASSES, generator=torch.Generator().manual_seed(1))
    return logits.softmax(dim=1)


def no_survivor_covers_another(boxes: Tensor, groups: Tensor, iou: float) -> bool:
    """Check the result by its definition, pair by pair."""
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    overlap = shared / (areas[:, None] + areas[None] - shared)
    same_group = groups[:, None] == groups[None]
    others = ~torch.eye(len(boxes), dtype=torch.bool)
    # Shifting groups apart costs a few thousandths of a pixel.
    return not bool(((overlap > iou + 1e-3) & same_group & others).any())


@pytest.mark.benchmark(group="suppression")
@pytest.mark.parametrize("shared", [False, True], ids=["box per class", "shared boxes"])
def test_multiclass(benchmark: BenchmarkFixture, shared: bool) -> None:
    boxes = clustered_boxes(REGIONS, 0)[:, None]
    boxes = boxes if shared else boxes.repeat(1, CLASSES, 1)
    given = boxes, class_scores(), Numbers()
    found = benchmark(multiclass_nms, *given, score_threshold=SCORE_THRESHOLD)
    assert len(found.boxes) == MAX_DETECTIONS
    assert no_survivor_covers_another(found.boxes, found.labels, 0.5)


@pytest.mark.benchmark(group="suppression")
def test_region_proposals(benchmark: BenchmarkFixture) -> None:
    number = sum(PER_LEVEL)
    boxes = clustered_boxes(number, 2)
    scores = torch.rand(number, generator=torch.Generator().manual_seed(3))
    levels = torch.repeat_interleave(torch.arange(len(PER_LEVEL)), torch.tensor(PER_LEVEL))
    kept = benchmark(grouped_nms, boxes, scores, levels, PROPOSAL_IOU)
    assert 0 < len(kept) < number
    assert bool((scores[kept].diff() <= 0).all())
    assert no_survivor_covers_another(boxes[kept], levels[kept], PROPOSAL_IOU)
