"""What detectors learn from, with the tensors that upstream makes on the way.

The first stage of a two-stage detector learns from all anchors, the second from 512 regions per
image, 128 of which show an object. Which regions are drawn is a stand-in: all images have as many
as upstream draws at most, spread evenly over the pyramid's levels, the positive ones first. FCOS
learns from all points.

Source: mmdetection 2.3.0, mmdet/models/detectors/two_stage.py, TwoStageDetector.forward_train;
mmdet/models/roi_heads/, standard_roi_head.py, cascade_roi_head.py and htc_roi_head.py,
forward_train; core/mask/structures.py, BitmapMasks.crop_and_resize;
models/dense_heads/anchor_head.py, AnchorHead.loss; core/bbox/assigners/max_iou_assigner.py;
configs/_base_/models/faster_rcnn_r50_fpn.py; models/dense_heads/fcos_head.py, FCOSHead.loss and
get_targets; mmcv 1.0.5, mmcv/ops/focal_loss.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import box_iou, roi_align

from hrnet_zoo.models.detection.fcos import STRIDES as POINT_STRIDES
from hrnet_zoo.models.detection.fcos import LevelOutput, points
from hrnet_zoo.models.detection.heads import BoxHead, MaskHead, SemanticHead
from hrnet_zoo.models.detection.roi_features import (
    BOX_SIZE,
    MASK_SIZE,
    StandInFeatures,
    random_boxes,
    stand_in_rois,
)
from hrnet_zoo.models.detection.roi_head import RoIHead
from hrnet_zoo.models.detection.rpn import STRIDES, AnchorOutput, grid_anchors

OBJECTS_PER_IMAGE = 93
"""About the most that a COCO image has."""
REGIONS_PER_IMAGE = 512
POSITIVES_PER_IMAGE = 128

_POSITIVE_IOU = 0.7
_ANCHORS_PER_IMAGE = 256
_MASK_CELLS = 28
_STAGE_WEIGHTS = (1.0, 0.5, 0.25)
_SEMANTIC_WEIGHT = 0.2
_NO_STUFF = 255
POINTS_PER_POSITIVE = 32
"""One in so many points stands for an object in the losses; which ones is a stand-in."""

_RANGES = ((-1, 64), (64, 128), (128, 256), (256, 512), (512, math.inf))
"""Per level, above which and up to which farthest edge, in pixels, its points take an object."""

_ALPHA = 0.25


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The annotated objects of one image."""

    boxes: Tensor
    """[G, 4] float32, xyxy in pixels of the network's input."""
    labels: Tensor
    """[G] int64, 0 to K - 1."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a step is given."""

    images: Tensor
    """[N, 3, H, W] float32."""
    objects: list[Objects]
    """One entry per image."""

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return (self.images.shape[-2], self.images.shape[-1])


def made_up_batch(
    samples: int, size: tuple[int, int], num_classes: int, device: torch.device
) -> Batch:
    """Return random images with random objects; nothing in them has a meaning but the sizes."""
    objects = []
    for _ in range(samples):
        boxes = random_boxes(OBJECTS_PER_IMAGE, 96.0, size, device)
        labels = torch.randint(num_classes, (OBJECTS_PER_IMAGE,), device=device)
        objects.append(Objects(boxes=boxes, labels=labels))
    return Batch(images=torch.randn(samples, 3, *size, device=device), objects=objects)


def flat(maps: list[Tensor], channels: int | None = None) -> Tensor:
    """Map [N, A x C, H, W] of all levels to [N, all places, C]; without ``channels``, A is 1."""
    flat = [m.permute(0, 2, 3, 1).reshape(len(m), -1, channels or m.shape[1]) for m in maps]
    return torch.cat(flat, dim=1)


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
    device, images = batch.images.device, len(batch.images)
    rois = [stand_in_rois(REGIONS_PER_IMAGE, batch.size, device, image=i) for i in range(images)]
    labels = torch.full((images, REGIONS_PER_IMAGE), num_classes, device=device)
    shown = torch.randint(num_classes, (images, POSITIVES_PER_IMAGE), device=device)
    labels[:, :POSITIVES_PER_IMAGE] = shown
    numbers = torch.arange(images * REGIONS_PER_IMAGE, device=device).view_as(labels)
    return Regions(
        rois=torch.cat(rois),
        labels=labels.flatten(),
        deltas=torch.randn(images * REGIONS_PER_IMAGE, 4, device=device),
        positive=numbers[:, :POSITIVES_PER_IMAGE].flatten(),
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
    regions_of = regions.rois[regions.positive, 1:].view(-1, POSITIVES_PER_IMAGE, 4)
    for rois, objects in zip(regions_of, batch.objects, strict=True):
        count = len(objects.boxes)
        boxes = torch.cat([objects_of[:, None].float(), rois], dim=1)
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


def fcos_loss(levels: list[LevelOutput], batch: Batch) -> Tensor:
    """Return focal loss + IoU loss + centerness loss of a batch; one value."""
    device = batch.images.device
    per_level = [
        points((level.logits.shape[-2], level.logits.shape[-1]), stride, device)
        for level, stride in zip(levels, POINT_STRIDES, strict=True)
    ]
    centres = torch.cat(per_level)
    pairs = zip(per_level, _RANGES, strict=True)
    ranges = torch.cat([where.new_tensor(limits).expand(len(where), 2) for where, limits in pairs])
    num_classes = levels[0].logits.shape[1]
    targets = [point_targets(centres, ranges, objects, num_classes) for objects in batch.objects]
    labels = torch.cat([label for label, _ in targets])
    wanted = torch.cat([distances for _, distances in targets])
    logits = flat([level.logits for level in levels]).flatten(0, 1)
    distances = flat([level.distances for level in levels]).flatten(0, 1)
    centerness = flat([level.centerness for level in levels]).flatten()

    positive = torch.arange(0, len(labels), POINTS_PER_POSITIVE, device=device)
    classes: Tensor = FocalLoss.apply(logits, labels)
    meant = wanted[positive].clamp(min=1)
    weights = centerness_of(meant)
    misses = -iou_of(distances[positive], meant).clamp(min=1e-6).log()
    middle = F.binary_cross_entropy_with_logits(centerness[positive], weights)
    return classes.sum() / len(positive) + (misses * weights).sum() / weights.sum() + middle


@torch.no_grad()
def point_targets(
    centres: Tensor, ranges: Tensor, objects: Objects, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Give every point the smallest object that it lies in and that its level is there for.

    Args:
        centres: [P, 2] (x, y).
        ranges: [P, 2], of the point's level: farthest edge above and up to.
        objects: of one image, at least one.
        num_classes: K, the label of points without an object.

    Returns:
        Labels [P] int64, and distances [P, 4] to the edges of the object chosen.
    """
    boxes, count = objects.boxes, len(objects.boxes)
    x, y = (centres[:, None, i].expand(-1, count) for i in (0, 1))
    left, right = x - boxes[:, 0], boxes[:, 2] - x
    top, bottom = y - boxes[:, 1], boxes[:, 3] - y
    to_edges = torch.stack([left, top, right, bottom], dim=-1)
    areas = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=1))[None].repeat(len(centres), 1)
    inside = to_edges.min(dim=-1).values > 0
    farthest = to_edges.max(dim=-1).values
    meant = (farthest > ranges[:, :1]) & (farthest <= ranges[:, 1:])
    areas = areas.where(inside & meant, math.inf)
    smallest, chosen = areas.min(dim=1)
    labels = objects.labels[chosen].where(smallest < math.inf, num_classes)
    return labels, to_edges[torch.arange(len(centres), device=centres.device), chosen]


def centerness_of(distances: Tensor) -> Tensor:
    """Return how central points are between the edges, [N], from positive distances [N, 4]."""
    left, top, right, bottom = distances.unbind(dim=1)
    across = torch.minimum(left, right) / torch.maximum(left, right)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return (across * down).sqrt()


def iou_of(distances: Tensor, others: Tensor) -> Tensor:
    """Return the IoU [N] of boxes around the same points, given as distances [N, 4] each."""
    nearer = torch.minimum(distances, others)
    overlap = (nearer[:, :2] + nearer[:, 2:]).prod(dim=1)
    areas = [(d[:, :2] + d[:, 2:]).prod(dim=1) for d in (distances, others)]
    return overlap / (areas[0] + areas[1] - overlap)


class FocalLoss(torch.autograd.Function):
    """Sigmoid focal loss that keeps only logits and labels for the gradient, as mmcv's kernel does.

    Composed of PyTorch's operations it would keep a dozen tensors of the logits' size.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        """Return the loss [P, K] of logits [P, K] for labels [P] int64, K for background."""
        ctx.save_for_backward(logits, labels)
        hit = _one_hot(labels, logits)
        signed = logits.where(hit, -logits)
        return -_weights(hit) * signed.neg().sigmoid().square() * F.logsigmoid(signed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - torch's
        """Return the gradient of the logits."""
        logits, labels = ctx.saved_tensors
        hit = _one_hot(labels, logits)
        signed = logits.where(hit, -logits)
        right = signed.sigmoid()
        slope = (1 - right).square() * (2 * right * F.logsigmoid(signed) - (1 - right))
        return gradients[0] * _weights(hit) * slope.where(hit, -slope), None


def _one_hot(labels: Tensor, logits: Tensor) -> Tensor:
    return labels[:, None] == torch.arange(logits.shape[1], device=logits.device)


def _weights(hit: Tensor) -> Tensor:
    return torch.where(hit, _ALPHA, 1 - _ALPHA)


class ComposedGroupNorm(nn.Module):
    """GroupNorm as PyTorch computed it until early 2020: BatchNorm of a view, then weights.

    For its gradient it keeps what BatchNorm gave, besides what today's GroupNorm keeps.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self._groups, self._eps = norm.num_groups, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        grouped = x.reshape(1, len(x) * self._groups, -1)
        normed = F.batch_norm(grouped, None, None, training=True, eps=self._eps).reshape(x.shape)
        return torch.addcmul(self.bias[:, None, None], normed, self.weight[:, None, None])


def compose_group_norms(network: nn.Module) -> None:
    """Replace every GroupNorm of a network by a `ComposedGroupNorm` with the same weights."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, ComposedGroupNorm(child))
