"""The losses of the training steps against plain formulas, and the steps on real tensors."""

from __future__ import annotations

import math

import fcos_loss as plain_fcos
import pytest
import torch
from torch import nn
from torchvision.ops import box_iou, sigmoid_focal_loss

from hrnet_zoo.models import build_detector
from hrnet_zoo.models.detection.boxes import decode_deltas
from hrnet_zoo.tasks.detection.losses import (
    ComposedGroupNorm,
    FocalLoss,
    Objects,
    anchor_targets,
    encode_deltas,
    iou_of,
    made_up_batch,
    made_up_regions,
    mask_targets,
    point_targets,
)
from hrnet_zoo.tasks.detection.workloads import DetectionTraining, as_trained, detection_loss
from hrnet_zoo.tasks.segmentation.workloads import SegmentationTraining, segmentation_loss

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_segmentation_loss_counts_ignored_pixels() -> None:
    logits, labels = torch.randn(2, 3, 4, 5), torch.randint(3, (2, 4, 5))
    labels[0, 0] = 255
    total = 0.0
    for n, y, x in ((n, y, x) for n in range(2) for y in range(4) for x in range(5)):
        label = int(labels[n, y, x])
        if label != 255:
            scores = [math.exp(float(s)) for s in logits[n, :, y, x]]
            total -= math.log(scores[label] / sum(scores))
    assert float(segmentation_loss(logits, labels)) == pytest.approx(total / 40, rel=1e-5)


def test_segmentation_logits_are_enlarged_first() -> None:
    logits, labels = torch.randn(1, 3, 4, 4), torch.randint(3, (1, 16, 16))
    large = nn.functional.interpolate(logits, size=(16, 16), mode="bilinear")
    expected = nn.functional.cross_entropy(large, labels)
    assert float(segmentation_loss(logits, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_focal_loss_and_its_gradient() -> None:
    ours = torch.randn(40, 7, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    labels = torch.randint(8, (40,))
    wanted = nn.functional.one_hot(labels, 8)[:, :7].float()
    scale = torch.rand(40, 7)
    loss, expected = FocalLoss.apply(ours, labels), sigmoid_focal_loss(theirs, wanted)
    torch.testing.assert_close(loss, expected)
    torch.autograd.backward((loss * scale).sum())
    torch.autograd.backward((expected * scale).sum())
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_composed_group_norm_is_group_norm() -> None:
    norm = nn.GroupNorm(4, 12)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    composed = ComposedGroupNorm(norm)
    ours = torch.randn(2, 12, 5, 6, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    scale = torch.randn(2, 12, 5, 6)
    torch.testing.assert_close(composed(ours), norm(theirs))
    torch.autograd.backward((composed(ours) * scale).sum())
    torch.autograd.backward((norm(theirs) * scale).sum())
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_deltas_are_what_decoding_undoes() -> None:
    corners = torch.rand(50, 2) * 400
    rois = torch.cat([corners, corners + 20 + torch.rand(50, 2) * 80], dim=1)
    boxes = rois + torch.rand(50, 4) * 9
    decoded = decode_deltas(rois, encode_deltas(rois, boxes), (1.0, 1.0, 1.0, 1.0), (600, 600))
    torch.testing.assert_close(decoded, boxes, rtol=1e-4, atol=1e-3)


def test_anchors_take_the_object_they_cover() -> None:
    objects = Objects(
        boxes=torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40]]), labels=torch.tensor([1, 2])
    )
    anchors = torch.tensor([[0.0, 0, 10, 8], [0, 0, 10, 6.9], [20, 20, 40, 40], [90, 90, 99, 99]])
    labels, deltas = anchor_targets(anchors, objects)
    assert labels.tolist() == [1, 0, 1, 0]
    assert deltas[2].tolist() == [0, 0, 0, 0]
    assert deltas[0].tolist() == pytest.approx([0, 0.125, 0, math.log(1.25)], abs=1e-6)


def test_points_take_the_smallest_object_of_their_level() -> None:
    objects = made_up_batch(1, (256, 384), 6, CPU).objects[0]
    points = plain_fcos.all_points([(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)])
    plain = plain_fcos.targets_of(
        points, plain_fcos.Objects(boxes=objects.boxes, labels=objects.labels)
    )
    labels, distances = point_targets(points.centres, points.ranges, objects, 6)
    positive = plain.labels >= 0
    assert 0 < int(positive.sum()) < len(labels)
    assert torch.equal(labels[positive], plain.labels[positive])
    assert (labels[~positive] == 6).all()
    expected = plain_fcos.distances(points.centres, plain.boxes)[positive]
    torch.testing.assert_close(distances[positive], expected)


def test_iou_of_distances_is_that_of_boxes() -> None:
    ours, others = torch.rand(20, 4) * 50 + 1, torch.rand(20, 4) * 50 + 1
    boxes = [torch.cat([-d[:, :2], d[:, 2:]], dim=1) for d in (ours, others)]
    torch.testing.assert_close(iou_of(ours, others), box_iou(*boxes).diagonal())


def test_mask_targets_are_full_where_regions_are_inside_the_image() -> None:
    batch = made_up_batch(1, (256, 384), 6, CPU)
    regions = made_up_regions(batch, 6)
    targets = mask_targets(regions, batch)
    inside = regions.rois[regions.positive, 4] <= 256
    assert targets.shape == (128, 28, 28)
    assert (targets[inside] == 1).all()
    assert (targets[~inside][:, -1] == 0).all()


def test_training_a_tiny_segmentor_reduces_its_loss() -> None:
    training = SegmentationTraining(
        architecture="fcn_hrnet", backbone="w4_small", num_classes=4, size=(64, 64), samples=2
    )
    step = training.prepare(CPU)
    losses = [float(step()) for _ in range(12)]
    assert losses[0] == pytest.approx(math.log(4), rel=0.5)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "architecture",
    [
        "faster_rcnn_hrnet",
        "mask_rcnn_hrnet",
        "cascade_rcnn_hrnet",
        "cascade_mask_rcnn_hrnet",
        "htc_hrnet",
        "fcos_hrnet",
    ],
)
def test_every_part_of_a_detector_learns(architecture: str) -> None:
    network = build_detector(architecture, backbone="w4", num_classes=3, channels=32)
    as_trained(network)
    batch = made_up_batch(1, (256, 384), 3, CPU)
    loss = detection_loss(network, batch, 3)
    assert loss.isfinite()
    torch.autograd.backward(loss)
    idle = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all()
    ]
    assert not idle


@pytest.mark.parametrize("architecture", ["mask_rcnn_hrnet", "fcos_hrnet"])
def test_training_a_tiny_detector_reduces_its_loss(architecture: str) -> None:
    training = DetectionTraining(
        architecture=architecture,
        backbone="w4",
        num_classes=3,
        channels=32,
        size=(256, 384),
        samples=1,
    )
    # One step: upstream warms its learning rate up, and without that later steps may overshoot,
    # depending on the initial weights. The first goes down from any of them.
    for seed in range(2):
        torch.manual_seed(seed)
        step = training.prepare(CPU)
        before, after = float(step()), float(step())
        assert after < before


def test_the_resnext_begins_frozen() -> None:
    with torch.device("meta"):
        network = build_detector("htc_x101", backbone="x101_64x4d", num_classes=3, channels=32)
    as_trained(network)
    frozen = {name.split(".")[1] for name, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}
