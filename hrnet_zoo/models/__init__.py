"""Networks in plain PyTorch, and the tables that find them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from torch import nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.classifier import NECK_CHANNELS, Classifier, build_hrnet_classifier
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.roi_head import CASCADE
from hrnet_zoo.models.detection.two_stage import htc_on_resnext, on_hrnet
from hrnet_zoo.models.fcn import build_fcn
from hrnet_zoo.models.segmentor import Segmentor

SEGMENTORS: dict[str, Callable[[str, int], Segmentor]] = {
    "fcn_hrnet": build_fcn,
}
"""Architecture name -> builder(backbone, num_classes)."""


@dataclass(frozen=True, kw_only=True)
class DetectorKind:
    """An architecture of detectors, and what is known of it before it is built."""

    build: Callable[[str, int, int], Detector]
    """Maps backbone, num_classes and channels to the untrained network."""
    has_regions: bool = True
    """Whether it looks again, and closer, at the regions that it proposes."""
    has_masks: bool = False


DETECTORS: dict[str, DetectorKind] = {
    "faster_rcnn_hrnet": DetectorKind(build=on_hrnet),
    "mask_rcnn_hrnet": DetectorKind(build=partial(on_hrnet, has_masks=True), has_masks=True),
    "cascade_rcnn_hrnet": DetectorKind(build=partial(on_hrnet, num_stages=CASCADE)),
    "cascade_mask_rcnn_hrnet": DetectorKind(
        build=partial(on_hrnet, num_stages=CASCADE, has_masks=True), has_masks=True
    ),
    "htc_hrnet": DetectorKind(
        build=partial(on_hrnet, num_stages=CASCADE, has_masks=True, is_hybrid=True), has_masks=True
    ),
    "htc_x101": DetectorKind(build=htc_on_resnext, has_masks=True),
    "fcos_hrnet": DetectorKind(build=FCOS, has_regions=False),
}
"""By the names of architectures."""

CLASSIFIERS: dict[str, Callable[[str, int, Sequence[int]], Classifier]] = {
    "hrnet_classifier": build_hrnet_classifier,
}
"""Architecture name -> builder(backbone, num_classes, neck_channels)."""

Entry = TypeVar("Entry")
AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


def build_segmentor(architecture: str, *, backbone: str, num_classes: int) -> Segmentor:
    """Return the untrained network in eval mode, float32, on the current default device.

    Raises:
        PrerequisiteError: this version has no such architecture.
    """
    return _entry(architecture, SEGMENTORS)(backbone, num_classes).eval()


def build_detector(
    architecture: str, *, backbone: str, num_classes: int, channels: int = 256
) -> Detector:
    """Return the untrained detector in eval mode, float32, on the current default device.

    Args:
        architecture: a key of `DETECTORS`.
        backbone: "w18", "w32" ..., or "x101_64x4d".
        num_classes: foreground classes.
        channels: of the neck's maps and of the heads' convolutions on them.

    Raises:
        PrerequisiteError: this version has no such architecture, or not with this backbone or
            these channels.
    """
    build = _entry(architecture, DETECTORS).build
    return _built(architecture, partial(build, backbone, num_classes, channels))


def build_classifier(
    architecture: str,
    *,
    backbone: str,
    num_classes: int,
    neck_channels: Sequence[int] = NECK_CHANNELS,
) -> Classifier:
    """Return the untrained classifier in eval mode, float32, on the current default device.

    Raises:
        PrerequisiteError: this version has no such architecture, or not with this backbone or
            these channels.
    """
    build = _entry(architecture, CLASSIFIERS)
    return _built(architecture, partial(build, backbone, num_classes, neck_channels))


def _built(architecture: str, build: Callable[[], AnyNetwork]) -> AnyNetwork:
    try:
        return build().eval()
    except ValueError as error:
        msg = f"{architecture} cannot be built as asked for: {error}."
        raise PrerequisiteError(msg) from None


def _entry(architecture: str, table: Mapping[str, Entry]) -> Entry:
    if architecture not in table:
        msg = (
            f'the architecture "{architecture}" is not part of this version; '
            f"it can build: {', '.join(table)}."
        )
        raise PrerequisiteError(msg)
    return table[architecture]
