"""What the region proposal network learns from, with the tensors that upstream makes on the way.

Source: mmdetection 2.3.0, mmdet/models/dense_heads/anchor_head.py, AnchorHead.loss;
core/bbox/assigners/max_iou_assigner.py; configs/_base_/models/faster_rcnn_r50_fpn.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_iou

from hrnet_zoo.models.detection.anchors import STRIDES, grid_anchors
from hrnet_zoo.models.detection.rpn import AnchorOutput
from hrnet_zoo.tasks.detection.training_batch import Batch, Objects, flat

_POSITIVE_IOU = 0.7
_SAMPLED_PER_IMAGE = 256


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
    return (classes.sum() + boxes.sum()) / (_SAMPLED_PER_IMAGE * len(batch.objects))


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
