"""What FCOS learns from, with the tensors that upstream makes on the way.

Source: mmdetection 2.3.0, mmdet/models/dense_heads/fcos_head.py, FCOSHead.loss and get_targets;
mmcv 1.0.5, mmcv/ops/focal_loss.py.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.detection.fcos import STRIDES, LevelOutput, points
from hrnet_zoo.tasks.detection.training_batch import Batch, Objects, flat

POINTS_PER_POSITIVE = 32
"""One in so many points stands for an object in the losses; which ones is a stand-in."""

_RANGES = ((-1, 64), (64, 128), (128, 256), (256, 512), (512, math.inf))
"""Per level, above which and up to which farthest edge, in pixels, its points take an object."""

_ALPHA = 0.25


def fcos_loss(levels: list[LevelOutput], batch: Batch) -> Tensor:
    """Return focal loss + IoU loss + centerness loss of a batch; one value."""
    sizes = [(level.logits.shape[-2], level.logits.shape[-1]) for level in levels]
    device = batch.images.device
    per_level = [points(size, stride, device) for size, stride in zip(sizes, STRIDES, strict=True)]
    centres = torch.cat(per_level)
    ranges = torch.cat(
        [
            where.new_tensor(limits).expand(len(where), 2)
            for where, limits in zip(per_level, _RANGES, strict=True)
        ]
    )
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
