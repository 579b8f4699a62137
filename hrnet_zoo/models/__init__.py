"""Networks in plain PyTorch, and the two tables that find them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.detection.cascade_rcnn import build_cascade_mask_rcnn, build_cascade_rcnn
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.faster_rcnn import build_faster_rcnn, build_mask_rcnn
from hrnet_zoo.models.detection.fcos import build_fcos
from hrnet_zoo.models.detection.htc import build_htc, build_htc_resnext
from hrnet_zoo.models.fcn import build_fcn

SEGMENTORS: dict[str, Callable[[str, int], nn.Module]] = {
    "fcn_hrnet": build_fcn,
}
"""Architecture name -> builder(backbone, num_classes)."""

DETECTORS: dict[str, Callable[[str, int, int], Detector]] = {
    "faster_rcnn_hrnet": build_faster_rcnn,
    "mask_rcnn_hrnet": build_mask_rcnn,
    "cascade_rcnn_hrnet": build_cascade_rcnn,
    "cascade_mask_rcnn_hrnet": build_cascade_mask_rcnn,
    "htc_hrnet": build_htc,
    "htc_x101": build_htc_resnext,
    "fcos_hrnet": build_fcos,
}
"""Architecture name -> builder(backbone, num_classes, channels)."""

WITHOUT_REGIONS = ("fcos_hrnet",)
"""Architectures that look at all points once, and at no proposed regions again."""

WITH_MASKS = ("mask_rcnn_hrnet", "cascade_mask_rcnn_hrnet", "htc_hrnet", "htc_x101")
"""Architectures that predict masks."""


def build_segmentor(architecture: str, *, backbone: str, num_classes: int) -> nn.Module:
    """Return the untrained network in eval mode, float32, on the current default device.

    Raises:
        PrerequisiteError: this version has no such architecture.
    """
    _require(architecture, SEGMENTORS)
    return SEGMENTORS[architecture](backbone, num_classes).eval()


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
    _require(architecture, DETECTORS)
    try:
        return DETECTORS[architecture](backbone, num_classes, channels).eval()
    except ValueError as error:
        msg = f"{architecture} cannot be built as asked for: {error}."
        raise PrerequisiteError(msg) from None


def _require(architecture: str, table: Mapping[str, object]) -> None:
    if architecture not in table:
        msg = (
            f'the architecture "{architecture}" is not part of this version; '
            f"it can build: {', '.join(table)}."
        )
        raise PrerequisiteError(msg)
