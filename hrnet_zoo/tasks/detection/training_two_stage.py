"""What two-stage detectors learn from, with the tensors that upstream makes on the way.

The first stage learns from all anchors, the second from 512 regions per image, 128 of which show an
object.

Which regions are drawn is a stand-in: all images have as many as upstream draws at most, spread
evenly over the pyramid's levels, the positive ones first.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/, standard_roi_head.py, cascade_roi_head.py and
htc_roi_head.py, forward_train; core/mask/structures.py, BitmapMasks.crop_and_resize;
models/dense_heads/anchor_head.py, AnchorHead.loss; core/bbox/assigners/max_iou_assigner.py;
configs/_base_/models/faster_rcnn_r50_fpn.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_iou, roi_align

from hrnet_zoo.models.detection.box_head import BoxHead
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.roi_features import BOX_SIZE, MASK_SIZE
from hrnet_zoo.models.detection.roi_head import RoIHead
from hrnet_zoo.models.detection.rpn import STRIDES, AnchorOutput, grid_anchors
from hrnet_zoo.models.detection.semantic_head import SemanticHead
from hrnet_zoo.models.detection.stand_ins import StandInFeatures, stand_in_rois
from hrnet_zoo.tasks.detection.training_batch import Batch, Objects, flat

REGIONS_PER_IMAGE = 512
POSITIVES_PER_IMAGE = 128

_POSITIVE_IOU = 0.7
_ANCHORS_PER_IMAGE = 256
_MASK_CELLS = 28
_STAGE_WEIGHTS = (1.0, 0.5, 0.25)
_SEMANTIC_WEIGHT = 0.2
_NO_STUFF = 255


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


def rpn_loss(levels: list[AnchorOutput], batch: Batch) -> Tensor:
    """Return the loss of all anchors of a batch; one value.

    Upstream then drops all but 256 anchors per image, by giving the others no weight: the tensors
    are the same.
    """
    sizes = [(level.logits.shape[-2], level.logits.shape[-1]) for level in levels]
    device = batch.images.device
    anchors = torch.cat(
        [grid_anchors(size, stride, device) for size, stride in zip(sizes, STRIDES, strict=True)]
    )
    targets = [anchor_targets(anchors, objects) for objects in batch.objects]
    labels = torch.stack([label for label, _ in targets])
    deltas = torch.stack([delta for _, delta in targets])
    said = flat([level.logits for level in levels], 1)[..., 0]
    moved = flat([level.deltas for level in levels], 4)
    classes = F.binary_cross_entropy_with_logits(said, labels, reduction="none")
    boxes = F.l1_loss(moved, deltas, reduction="none") * labels[..., None]
    return (classes.sum() + boxes.sum()) / (_ANCHORS_PER_IMAGE * len(batch.objects))


@torch.no_grad()
def anchor_targets(anchors: Tensor, objects: Objects) -> tuple[Tensor, Tensor]:
    """Return which anchors show an object, and how to move each to its nearest one.

    Args:
        anchors: [A, 4] xyxy.
        objects: of one image.

    Returns:
        [A] float32, 1 from an IoU of 0.7 on, else 0; and deltas [A, 4], see `decode_deltas`.
    """
    best, chosen = box_iou(objects.boxes, anchors).max(dim=0)
    return (best >= _POSITIVE_IOU).float(), encode_deltas(anchors, objects.boxes[chosen])


def encode_deltas(rois: Tensor, boxes: Tensor) -> Tensor:
    """Return the deltas [N, 4] that move ``rois`` to ``boxes``: what `decode_deltas` undoes."""
    sides, wanted = rois[:, 2:] - rois[:, :2], boxes[:, 2:] - boxes[:, :2]
    shifts = (boxes[:, :2] + boxes[:, 2:] - rois[:, :2] - rois[:, 2:]) / (2 * sides)
    return torch.cat([shifts, (wanted / sides).log()], dim=1)


def roi_loss(head: RoIHead, maps: list[Tensor], batch: Batch, num_classes: int) -> Tensor:
    """Return the loss of the second stage; one value.

    Args:
        head: any that this package builds.
        maps: the neck's five maps [N, C, H, W].
        batch: images and objects.
        num_classes: foreground classes.
    """
    regions = made_up_regions(batch, num_classes)
    context, total = None, regions.deltas.new_zeros(())
    if head.semantic_head is not None:
        context, total = _semantic(head.semantic_head, maps)
    features = StandInFeatures(maps, context)
    for stage, box_head in enumerate(head.box_heads):
        loss = box_loss(box_head, features(regions.rois, BOX_SIZE), regions)
        if head.has_masks:
            objects = features(regions.rois[regions.positive], MASK_SIZE)
            # The heads of all stages up to this one look at this stage's regions, if they add up.
            first = 0 if head.semantic_head is not None else stage
            trunk: Tensor | None = None
            for mask_head in head.mask_heads[first : stage + 1]:
                trunk = mask_head.trunk(objects, trunk)
            assert trunk is not None
            loss = loss + mask_loss(head.mask_heads[stage], trunk, regions, batch)
        total = total + _STAGE_WEIGHTS[stage] * loss
    return total


def made_up_regions(batch: Batch, num_classes: int) -> Regions:
    """Return regions at random places, of sizes for every level; see `Regions`."""
    device = batch.images.device
    images = len(batch.images)
    rois, labels, positive = [], [], []
    for image in range(images):
        rois.append(stand_in_rois(REGIONS_PER_IMAGE, batch.size, device, image=image))
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


def box_loss(head: BoxHead, features: Tensor, regions: Regions) -> Tensor:
    """Return cross entropy of all regions + how far the positive ones are off."""
    logits, deltas = head(features)
    classes = F.cross_entropy(logits, regions.labels)
    shared = deltas.shape[1] == 1
    columns = 0 if shared else regions.labels[regions.positive]
    moved = deltas[regions.positive, columns]
    boxes = F.smooth_l1_loss(moved, regions.deltas[regions.positive], reduction="sum")
    return classes + boxes / len(regions.rois)


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
        cut: Tensor = roi_align(masks[:, None], boxes, _MASK_CELLS, 1.0, 0, aligned=True)
        targets.append(cut[:, 0] >= 0.5)
        del masks, cut
    return torch.cat(targets).float()


def _semantic(head: SemanticHead, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the feature [N, C, h, w] that regions draw on, and the loss of its logits."""
    trunk = head.convs(head.fused(maps))
    logits = head.conv_logits(trunk)
    samples, num_classes, height, width = logits.shape
    labels = torch.randint(num_classes, (samples, height, width), device=logits.device)
    loss = F.cross_entropy(logits, labels, ignore_index=_NO_STUFF)
    return head.conv_embedding(trunk), _SEMANTIC_WEIGHT * loss
