"""Parameters and multiply-adds of networks.

Networks run on the meta device, where tensors have shapes but no values, so even the largest takes
less than a second. What is counted is said by `CONVENTION`.

What runs here is counted, which for two parts is less than upstream computes: a mask head's last
convolution for each object's own class instead of all 80 (1.6 G less per head), and HTC's semantic
logits, which only training looks at (0.8 G less).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.tasks.input_size import documented_input_size
from hrnet_zoo.tasks.loading import build_network
from hrnet_zoo.tasks.network_size import Complexity
from hrnet_zoo.tasks.setup import DetectionSetup, SegmentationSetup
from hrnet_zoo.timing.work import multiply_adds


def count_complexity(setup: SegmentationSetup | DetectionSetup) -> Complexity:
    """Return the size of a setup's network, and what it computes in the documented test."""
    with torch.device("meta"):
        model = build_network(setup)
    size = documented_input_size(setup)
    return Complexity(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        multiply_adds=count_multiply_adds(model, size),
        input_size=size,
    )


def count_multiply_adds(model: nn.Module, size: tuple[int, int]) -> int:
    """Return what a network on the meta device computes for one input of (height, width)."""
    with torch.device("meta"):
        return multiply_adds(lambda: run_all_parts(model, torch.empty(1, 3, *size)))


def run_all_parts(model: nn.Module, image: Tensor) -> object:
    """Compute all that a network computes for an image [1, 3, H, W], whatever its values.

    Only what detectors compute depends on them.
    """
    return model.run_all_parts(image) if isinstance(model, Detector) else model(image)
