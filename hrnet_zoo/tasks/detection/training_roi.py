"""What the second stage learns from: 512 regions per image, 128 of which show an object.

Which regions are drawn is a stand-in: all images have as many as upstream draws at most, spread
evenly over the pyramid's levels, the positive ones first. So every level's maps get gradients.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/, standard_roi_head.py, cascade_roi_head.py and
htc_roi_head.py, forward_train; core/mask/structures.py, BitmapMasks.crop_and_resize.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import roi_align

from hrnet_zoo.memory.training_batch import Batch, random_boxes
from hrnet_zoo.models.detection.cascade_rcnn import CascadeRoIHead
from hrnet_zoo.models.detection.faster_rcnn import StandardRoIHead
from hrnet_zoo.models.detection.htc import HTCMaskHead, HTCRoIHead
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.roi_features import BOX_SIZE, MASK_SIZE
from hrnet_zoo.models.detection.semantic_head import STRIDE, SemanticHead
from hrnet_zoo.models.detection.two_stage import RoIHead

REGIONS_PER_IMAGE = 512
POSITIVES_PER_IMAGE = 128

_STRIDES = (4, 8, 16, 32)
_SIDE = 84
"""Side of a region that belongs to the finest level, in pixels; it doubles with every level."""

_MASK_CELLS = 28
_STAGE_WEIGHTS = (1.0, 0.5, 0.25)
_SEMANTIC_WEIGHT = 0.2
_NO_STUFF = 255

Pooling = Callable[[Tensor, int], Tensor]
"""Maps rois [R, 5] (image, x1, y1, x2, y2) and an output size S to features [R, C, S, S]."""


@dataclass(frozen=True, kw_only=True)
class Regions:
    """What was drawn for a batch, image by image; the i-th region belongs to level i modulo 4."""

    rois: Tensor
    """[R, 5] float32: image, then xyxy."""
    labels: Tensor
    """[R] int64: class, or K for background."""
    deltas: Tensor
    """[R, 4] float32: how a region should move."""
    positive: Tensor
    """[P] int64: which regions show an object."""


def roi_loss(head: RoIHead, maps: list[Tensor], batch: Batch, num_classes: int) -> Tensor:
    """Return the loss of the second stage; one value.

    Args:
        head: any that this package builds.
        maps: the neck's five maps [N, C, H, W].
        batch: images and objects.
        num_classes: foreground classes.
    """
    regions = made_up_regions(batch, num_classes)

    def pooled(rois: Tensor, size: int) -> Tensor:
        return pooled_features(maps, rois, size)

    if isinstance(head, StandardRoIHead):
        loss = box_loss(head.bbox_head, pooled(regions.rois, BOX_SIZE), regions)
        if head.has_masks:
            loss = loss + _mask_loss(head.mask_head, pooled, regions, batch)
        return loss
    if isinstance(head, CascadeRoIHead):
        return _cascade_loss(head, pooled, regions, batch)
    assert isinstance(head, HTCRoIHead)
    return _htc_loss(head, maps, regions, batch)


def made_up_regions(batch: Batch, num_classes: int) -> Regions:
    """Return regions at random places, of sizes for every level; see `Regions`."""
    device = batch.images.device
    images = len(batch.images)
    rois, labels, positive = [], [], []
    for image in range(images):
        boxes = boxes_on_all_levels(REGIONS_PER_IMAGE, batch.size, device)
        rois.append(torch.cat([boxes.new_full((len(boxes), 1), image), boxes], dim=1))
        classes = torch.full((REGIONS_PER_IMAGE,), num_classes, device=device)
        classes[:POSITIVES_PER_IMAGE] = torch.randint(
            num_classes, (POSITIVES_PER_IMAGE,), device=device
        )
        labels.append(classes)
        first = image * REGIONS_PER_IMAGE
        positive.append(torch.arange(first, first + POSITIVES_PER_IMAGE, device=device))
    deltas = torch.randn(images * REGIONS_PER_IMAGE, 4, device=device)
    return Regions(
        rois=torch.cat(rois),
        labels=torch.cat(labels),
        deltas=deltas,
        positive=torch.cat(positive),
    )


def boxes_on_all_levels(count: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return boxes [count, 4] xyxy at random places; the i-th belongs to level i modulo 4.

    Args:
        count: a multiple of 4.
        size: (height, width) of the network's input.
        device: where they are made.
    """
    levels = [
        random_boxes(count // len(_STRIDES), _SIDE * 2.0**i, size, device)
        for i in range(len(_STRIDES))
    ]
    return torch.stack(levels, dim=1).flatten(0, 1)


def pooled_features(maps: list[Tensor], rois: Tensor, size: int) -> Tensor:
    """Return the features [R, C, S, S] of rois whose levels take turns; see `Regions`."""
    features = maps[0].new_zeros(len(rois), maps[0].shape[1], size, size)
    for level, stride in enumerate(_STRIDES):
        members = torch.arange(level, len(rois), len(_STRIDES), device=rois.device)
        features[members] = align(maps[level], rois[members], size, stride)
    return features


def align(x: Tensor, rois: Tensor, size: int, stride: int) -> Tensor:
    """Return the features [R, C, S, S] of rois from one map [N, C, H, W], in one thread.

    What `predicted_peak` counts is what happens in its own.
    """
    features: Tensor = roi_align(x, rois, size, 1 / stride, 0, aligned=True)
    return features


def box_loss(head: nn.Module, features: Tensor, regions: Regions) -> Tensor:
    """Return cross entropy of all regions + how far the positive ones are off."""
    logits, deltas = head(features)
    classes = F.cross_entropy(logits, regions.labels)
    shared = deltas.shape[1] == 1
    columns = 0 if shared else regions.labels[regions.positive]
    moved = deltas[regions.positive, columns]
    boxes = F.smooth_l1_loss(moved, regions.deltas[regions.positive], reduction="sum")
    return classes + boxes / len(regions.rois)


def _cascade_loss(head: CascadeRoIHead, pooled: Pooling, regions: Regions, batch: Batch) -> Tensor:
    total = regions.deltas.new_zeros(())
    for stage, weight in enumerate(_STAGE_WEIGHTS):
        features = pooled(regions.rois, BOX_SIZE)
        loss = box_loss(head.bbox_head[stage], features, regions)
        if head.has_masks:
            mask_head = head.mask_head[stage]
            assert isinstance(mask_head, MaskHead)
            loss = loss + _mask_loss(mask_head, pooled, regions, batch)
        total = total + weight * loss
    return total


def _mask_loss(head: MaskHead, pooled: Pooling, regions: Regions, batch: Batch) -> Tensor:
    trunk = head.convs(pooled(regions.rois[regions.positive], MASK_SIZE))
    return mask_loss(head, trunk, regions, batch)


def mask_loss(head: MaskHead, trunk: Tensor, regions: Regions, batch: Batch) -> Tensor:
    """Return the cross entropy of the masks of the positive regions' own classes.

    Args:
        head: classifies.
        trunk: [P, C, 14, 14], what its convolutions made.
        regions: with P positive ones.
        batch: its objects' masks are the targets.
    """
    # In training the maps of all classes are computed, and the gradient reaches all.
    logits = head.conv_logits(F.relu(head.upsample(trunk), inplace=True))
    targets = mask_targets(regions, batch)
    rows = torch.arange(len(trunk), device=trunk.device)
    chosen = logits[rows, regions.labels[regions.positive]]
    return F.binary_cross_entropy_with_logits(chosen, targets)


def mask_targets(regions: Regions, batch: Batch) -> Tensor:
    """Return [P, 28, 28] float32, 1 where a positive region shows its object.

    Every region gets a float32 copy, of the image's size, of its object's mask, as upstream makes
    them: this is where Mask R-CNN and HTC need the most.
    """
    targets = []
    objects_of = torch.arange(POSITIVES_PER_IMAGE, device=regions.rois.device)
    for positive, objects in zip(
        regions.positive.view(-1, POSITIVES_PER_IMAGE), batch.objects, strict=True
    ):
        count = len(objects.boxes)
        boxes = torch.cat([objects_of[:, None].float(), regions.rois[positive, 1:]], dim=1)
        masks = (
            torch.ones(count, *batch.size, dtype=torch.uint8, device=boxes.device)
            .index_select(0, objects_of % count)
            .to(torch.float32)
        )
        targets.append(align(masks[:, None], boxes, _MASK_CELLS, 1)[:, 0] >= 0.5)
        del masks
    return torch.cat(targets).float()


def _htc_loss(head: HTCRoIHead, maps: list[Tensor], regions: Regions, batch: Batch) -> Tensor:
    semantic, total = _semantic(head.semantic_head, maps)

    def context(rois: Tensor) -> Tensor:
        return align(semantic, rois, MASK_SIZE, STRIDE)

    positive = regions.rois[regions.positive]
    for stage, weight in enumerate(_STAGE_WEIGHTS):
        features = pooled_features(maps, regions.rois, BOX_SIZE)
        features += F.adaptive_avg_pool2d(context(regions.rois), BOX_SIZE)
        loss = box_loss(head.bbox_head[stage], features, regions)
        features = pooled_features(maps, positive, MASK_SIZE)
        features += context(positive)
        # The heads of all stages up to this one look at this stage's regions.
        trunk: Tensor | None = None
        for mask_head in head.mask_head[: stage + 1]:
            assert isinstance(mask_head, HTCMaskHead)
            trunk = mask_head.trunk(features, trunk)
        assert trunk is not None
        last = head.mask_head[stage]
        assert isinstance(last, HTCMaskHead)
        total = total + weight * (loss + mask_loss(last, trunk, regions, batch))
    return total


def _semantic(head: SemanticHead, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the feature [N, C, h, w] that regions draw on, and the loss of its logits."""
    trunk = head.convs(head.fused(maps))
    logits = head.conv_logits(trunk)
    samples, num_classes, height, width = logits.shape
    labels = torch.randint(num_classes, (samples, height, width), device=logits.device)
    loss = F.cross_entropy(logits, labels, ignore_index=_NO_STUFF)
    return head.conv_embedding(trunk), _SEMANTIC_WEIGHT * loss
