"""From a manifest row and its checkpoint file to a network ready to be evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models import build_detector, build_segmentor
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.legacy import modern_names
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol
from hrnet_zoo.tasks.setup import DetectionSetup, SegmentationSetup, SlideTest
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class LoadedDetector:
    """A detector with the weights of a file."""

    model: Detector
    extra_keys: list[str]
    """Tensors of the file that the detector has no use for."""

    def describe_extra(self) -> str:
        """Say what was left out, for people."""
        shown = ", ".join(self.extra_keys[:3]) + (", ..." if len(self.extra_keys) > 3 else "")
        return f"{len(self.extra_keys)} tensors that the network has no use for ({shown})"


def build_row(row: Row) -> nn.Module:
    """Return the row's network, untrained, in eval mode."""
    return build_network(row.setup)


def build_network(setup: SegmentationSetup | DetectionSetup) -> Segmentor | Detector:
    """Return the network that a setup describes, untrained, in eval mode."""
    return _build_detector(setup) if isinstance(setup, DetectionSetup) else _build_segmentor(setup)


def load_segmentor(row: Row, path: Path, device: torch.device) -> Segmentor:
    """Return a segmentation row's network with the weights of a file, in eval mode on ``device``.

    The network is built without memory and the file's tensors become its weights, so nothing is
    initialised in vain and nothing can stay uninitialised.

    Raises:
        CheckpointError: the file is unsafe, damaged or made for another network.
    """
    assert isinstance(row.setup, SegmentationSetup)
    with torch.device("meta"):
        model = _build_segmentor(row.setup)
    try:
        load_strict(model, read_state_dict(path))
    except CheckpointError as error:
        msg = f"{row.name}: {error}"
        raise CheckpointError(msg) from None
    return model.to(device).to(memory_format=torch.channels_last)


def load_detector(row: Row, path: Path, device: torch.device) -> LoadedDetector:
    """Return a detection row's network with the weights of a file, in eval mode on ``device``.

    Old names are understood, and tensors that the network has no use for are left out and
    reported: upstream's files may carry what only training needs.

    Raises:
        CheckpointError: the file is unsafe, damaged or made for another network.
    """
    assert isinstance(row.setup, DetectionSetup)
    with torch.device("meta"):
        model = _build_detector(row.setup)
    try:
        extra = load_strict(model, modern_names(read_state_dict(path)), extra_keys="report")
    except CheckpointError as error:
        msg = f"{row.name}: {error}"
        raise CheckpointError(msg) from None
    model = model.to(device).to(memory_format=torch.channels_last)
    return LoadedDetector(model=model, extra_keys=extra)


def network_for_evaluation(model: Segmentor) -> Network:
    """Return what evaluates fastest with a model's weights: a folded copy, up to its coarse logits.

    Enlarging the logits is left to the protocol, which knows the layout it wants them in.
    """
    return folded(model).coarse_logits


def folded_detector(model: Detector) -> Detector:
    """Return what evaluates fastest with a detector's weights: a folded copy."""
    return folded(model)


def single_protocol(row: Row) -> SegmentationProtocol:
    """Return a segmentation row's documented single-scale protocol."""
    setup = row.setup
    assert isinstance(setup, SegmentationSetup)
    test = setup.test
    return SegmentationProtocol(
        scale=test.scale,
        window=test.crop_size if isinstance(test, SlideTest) else None,
        stride=test.stride if isinstance(test, SlideTest) else None,
        normalisation=setup.normalisation,
    )


def detection_protocol(row: Row, *, with_masks: bool) -> DetectionProtocol:
    """Return a detection row's documented protocol."""
    setup = row.setup
    assert isinstance(setup, DetectionSetup)
    return DetectionProtocol(
        scale=setup.test.scale,
        size_divisor=setup.test.size_divisor,
        score_threshold=setup.test.score_threshold,
        normalisation=setup.normalisation,
        with_masks=with_masks,
    )


def _build_segmentor(setup: SegmentationSetup) -> Segmentor:
    return build_segmentor(
        setup.architecture, backbone=setup.backbone, num_classes=setup.num_classes
    )


def _build_detector(setup: DetectionSetup) -> Detector:
    return build_detector(
        setup.architecture,
        backbone=setup.backbone,
        num_classes=setup.num_classes,
        channels=setup.channels,
    )
