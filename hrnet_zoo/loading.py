"""From a manifest row and its checkpoint file to a network ready to be evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hrnet_zoo.checkpoints import read_state_dict
from hrnet_zoo.errors import CheckpointError, PrerequisiteError
from hrnet_zoo.inference.segmentation import Network, SegmentationProtocol
from hrnet_zoo.models import build_detector, build_segmentor
from hrnet_zoo.models.detection.legacy import modern_names
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.state_dict import load_strict
from hrnet_zoo.row import Row, SegmentationReading, SlideTest


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A row's network with the weights of a file."""

    model: nn.Module
    """In eval mode, on its device."""
    extra_keys: list[str]
    """What else the file held; the network has no place for it. Detectors only."""


def load_model(row: Row, path: Path, device: torch.device) -> LoadedModel:
    """Return the row's network with the weights of a file, in eval mode on ``device``.

    The network is built without memory and the file's tensors become its weights, so nothing is
    initialised in vain and nothing can stay uninitialised.

    Raises:
        CheckpointError: the file is unsafe, damaged or made for another network.
        PrerequisiteError: this version cannot build the row's network.
    """
    with torch.device("meta"):
        model = build_row(row)
    try:
        state = read_state_dict(path)
        if row.task == "detection":
            extra_keys = load_strict(model, modern_names(state), extra_keys="report")
        else:
            extra_keys = load_strict(model, state)
    except CheckpointError as error:
        msg = f"{row.name}: {error}"
        raise CheckpointError(msg) from None
    model = model.to(device).to(memory_format=torch.channels_last)
    return LoadedModel(model=model, extra_keys=extra_keys)


def network_for_evaluation(model: nn.Module) -> Network:
    """Return what evaluates fastest with a model's weights: a folded copy, up to its coarse logits.

    Enlarging the logits is left to the protocol, which knows the layout it wants them in.
    """
    network = folded(model)
    assert isinstance(network, FCN)
    return network.coarse_logits


def build_row(row: Row) -> nn.Module:
    """Return the row's network, untrained, in eval mode.

    Raises:
        PrerequisiteError: this version cannot build it.
    """
    reading = row.reading
    if isinstance(reading, SegmentationReading):
        return build_segmentor(
            reading.architecture, backbone=reading.backbone, num_classes=reading.num_classes
        )
    return build_detector(
        reading.architecture,
        backbone=reading.backbone,
        num_classes=reading.num_classes,
        channels=reading.channels,
    )


def single_protocol(row: Row) -> SegmentationProtocol:
    """Return the row's documented single-scale protocol.

    Raises:
        PrerequisiteError: the row is no segmentation row.
    """
    reading = row.reading
    if not isinstance(reading, SegmentationReading):
        msg = f"{row.name}: detection is not part of this version."
        raise PrerequisiteError(msg)
    test = reading.test
    return SegmentationProtocol(
        scale=test.scale,
        window=test.crop_size if isinstance(test, SlideTest) else None,
        stride=test.stride if isinstance(test, SlideTest) else None,
        normalisation=reading.normalisation,
    )
