"""What all two-stage detectors share: proposals first, then a closer look at each."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from hrnet_zoo.models.detection.boxes import scale_tensor
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.hrfpn import HRFPN
from hrnet_zoo.models.detection.nms import multiclass_nms
from hrnet_zoo.models.detection.rpn import RPNHead, proposals
from hrnet_zoo.models.hrnet import build_hrnet


class RoIHead(nn.Module):
    """The second stage: from regions to detections."""

    has_masks: bool = False

    @abstractmethod
    def forward(
        self,
        maps: list[Tensor],
        regions: Tensor,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool,
    ) -> Detections:
        """Detect objects in regions.

        Args:
            maps: the neck's five maps [1, C, H, W], finest first.
            regions: [P, 4] xyxy in pixels of the network's input.
            geometry: as for `Detector`.
            score_threshold: as for `Detector`.
            with_masks: as for `Detector`.
        """


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

    def forward(
        self,
        image: Tensor,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool = True,
    ) -> Detections:
        """Detect objects; see `Detector`."""
        maps: list[Tensor] = self.neck(self.backbone(image))
        regions, _ = proposals(self.rpn_head(maps), geometry.size)
        found: Detections = self.roi_head(
            maps, regions, geometry, score_threshold=score_threshold, with_masks=with_masks
        )
        return found


def two_stage_on_hrnet(backbone: str, channels: int, roi_head: RoIHead) -> TwoStageDetector:
    """Return an untrained detector on the HRNet called ``backbone`` ("w18", "w32" ...)."""
    hrnet = build_hrnet(backbone, "nearest")
    return TwoStageDetector(hrnet, HRFPN(hrnet.out_channels, channels), RPNHead(channels), roi_head)


def final_detections(
    boxes: Tensor, logits: Tensor, geometry: ImageGeometry, score_threshold: float
) -> Detections:
    """Turn the last boxes [P, K, 4] or [P, 1, 4] and their logits [P, K + 1] into detections.

    Boxes go back to the original image first; suppression happens there.
    """
    original = boxes / scale_tensor(geometry.scale_factors, boxes)
    foreground = logits.softmax(dim=1)[:, :-1]
    return multiclass_nms(original, foreground, score_threshold=score_threshold)


def input_boxes(found: Detections, geometry: ImageGeometry) -> Tensor:
    """Return the boxes [M, 4] of detections in pixels of the network's input."""
    return found.boxes * scale_tensor(geometry.scale_factors, found.boxes)
