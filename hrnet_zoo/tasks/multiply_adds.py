"""Parameters and multiply-adds of the rows' networks.

Networks run on the meta device, where tensors have shapes but no values, so even the largest takes
less than a second. `hrnet_zoo/complexity.py` says what is counted.

What runs here is counted, which for two parts is less than upstream computes: a mask head's last
convolution for each object's own class instead of all 80 (1.6 G less per head), and HTC's semantic
logits, which only training looks at (0.8 G less).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hrnet_zoo.models.detection.box_head import BoxHead
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.htc import HTCRoIHead
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.nms import MAX_DETECTIONS
from hrnet_zoo.models.detection.roi_features import BOX_SIZE, MASK_SIZE
from hrnet_zoo.models.detection.rpn import MAX_PROPOSALS
from hrnet_zoo.models.detection.two_stage import RoIHead, TwoStageDetector
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.input_size import documented_input_size
from hrnet_zoo.zoo.complexity import Complexity
from hrnet_zoo.zoo.row import Row


def count_complexity(row: Row) -> Complexity:
    """Return the size of a row's network, and what it computes for its documented test's input."""
    with torch.device("meta"):
        model = TASKS[row.task].build(row.setup)
    size = documented_input_size(row)
    return Complexity(
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model, size),
        input_size=size,
    )


def count_parameters(model: nn.Module) -> int:
    """Return how many learnt numbers a network has."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_multiply_adds(model: nn.Module, size: tuple[int, int]) -> int:
    """Return what a network computes for one input, by `CONVENTION`.

    Args:
        model: on the meta device, in eval mode.
        size: (height, width) of the input.
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), torch.device("meta"), counter:
        run_without_selection(model, torch.empty(1, 3, *size))
    # It counts multiplications and additions apart.
    return counter.get_total_flops() // 2


def run_without_selection(model: nn.Module, image: Tensor) -> None:
    """Run all learnt parts of a network, with as many regions and objects as it looks at at most.

    Which regions and objects these are depends on values, of which meta tensors have none.

    Args:
        model: of any row.
        image: [1, 3, H, W] float32, on the model's device.
    """
    if isinstance(model, TwoStageDetector):
        maps = model.neck(model.backbone(image))
        model.rpn_head(maps)
        _run_roi_head(model.roi_head, maps)
    elif isinstance(model, FCOS):
        model.outputs(image)
    else:
        model(image)


def _run_roi_head(head: RoIHead, maps: list[Tensor]) -> None:
    channels = maps[0].shape[1]
    regions = maps[0].new_zeros(MAX_PROPOSALS, channels, BOX_SIZE, BOX_SIZE)
    for box_head in (part for part in head.modules() if isinstance(part, BoxHead)):
        box_head(regions)
    objects = maps[0].new_zeros(MAX_DETECTIONS, channels, MASK_SIZE, MASK_SIZE)
    labels = torch.zeros(MAX_DETECTIONS, dtype=torch.int64, device=objects.device)
    if isinstance(head, HTCRoIHead):
        head.semantic_head(maps)
        head.mask_logits(objects, labels)
    else:
        for mask_head in (part for part in head.modules() if isinstance(part, MaskHead)):
            mask_head(objects, labels)
