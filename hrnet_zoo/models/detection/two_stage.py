"""Two-stage detectors: proposals first, then a closer look at each."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hrnet_zoo.models.detection.boxes import Numbers
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.necks import FPN, HRFPN
from hrnet_zoo.models.detection.roi_head import CASCADE, RoIHead
from hrnet_zoo.models.detection.rpn import Candidates, RPNHead, candidates, proposals
from hrnet_zoo.models.hrnet import build_hrnet, nearest
from hrnet_zoo.models.resnext import build_resnext


class TwoStageDetector(Detector):
    """Backbone, neck, region proposals, and a head that looks at the regions."""

    def __init__(
        self, backbone: nn.Module, neck: nn.Module, rpn_head: RPNHead, roi_head: RoIHead
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.rpn_head = rpn_head
        self.roi_head = roi_head
        self.has_masks = roi_head.has_masks

    def dense(self, image: Tensor) -> tuple[list[Tensor], Candidates]:
        """Return the neck's maps, and the anchors that may become regions; see `Detector`."""
        maps: list[Tensor] = self.neck(self.backbone(image))
        return maps, candidates(self.rpn_head(maps))

    def detections(
        self,
        dense: tuple[list[Tensor], Candidates],
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool,
    ) -> Detections:
        """Find regions and look at them closely; see `Detector`."""
        maps, anchors = dense
        numbers = Numbers()
        regions, _ = proposals(anchors, geometry.size, numbers)
        found: Detections = self.roi_head(
            maps, regions, geometry, numbers, score_threshold=score_threshold, with_masks=with_masks
        )
        numbers.require()
        return found

    def run_all_parts(self, image: Tensor) -> Tensor | None:
        """Compute what does not depend on values; see `Detector`."""
        maps: list[Tensor] = self.neck(self.backbone(image))
        self.rpn_head(maps)
        return self.roi_head.run_all_parts(maps, (image.shape[-2], image.shape[-1]))


def on_hrnet(
    backbone: str,
    num_classes: int,
    channels: int,
    **options: Any,  # noqa: ANN401 - whatever `RoIHead` takes
) -> TwoStageDetector:
    """Return an untrained detector on the HRNet called ``backbone`` ("w18", "w32" ...).

    Args:
        backbone: named.
        num_classes: foreground classes.
        channels: of the neck's maps and of the heads' convolutions on them.
        options: those of `RoIHead`.
    """
    hrnet = build_hrnet(backbone, nearest)
    head = RoIHead(num_classes, channels, **options)
    return TwoStageDetector(hrnet, HRFPN(hrnet.out_channels, channels), RPNHead(channels), head)


def htc_on_resnext(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained HTC on the ResNeXt called ``backbone``, with an ordinary pyramid."""
    resnext = build_resnext(backbone)
    head = RoIHead(num_classes, channels, num_stages=CASCADE, has_masks=True, is_hybrid=True)
    return TwoStageDetector(resnext, FPN(resnext.out_channels, channels), RPNHead(channels), head)
