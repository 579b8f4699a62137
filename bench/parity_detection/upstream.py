"""mmdetection 2.3.0, driven through its own configurations, pipelines and test step.

Import only after `stubs.prepare_upstream`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from detection_fill import filled
from mmcv.parallel import collate
from mmdet.core import encode_mask_results
from mmdet.datasets.pipelines import Compose
from mmdet.models import build_detector
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from numpy.typing import NDArray

from hrnet_zoo.datasets.detections import ImageDetections, Rle
from parity_detection.configs import read_configuration
from parity_detection.inputs import Picture


class Upstream:
    """One row's detector with filled weights, as upstream builds it from its own configuration."""

    def __init__(self, name: str, configs: Path) -> None:
        """Build the detector.

        Args:
            name: of the row.
            configs: upstream's configurations; see `configs.read_configuration`.
        """
        configuration = read_configuration(name, configs)
        self._pipeline = configuration.pipeline
        self.model: Any = build_detector(configuration.model, test_cfg=configuration.test).eval()
        self.weights = filled(self.model)
        self.model.load_state_dict(self.weights, strict=True)

    @torch.no_grad()  # as its test loop has it
    def predict(self, picture: Picture) -> ImageDetections:
        """Return what is found in a picture."""
        result = self.model(return_loss=False, rescale=True, **self.network_input(picture))
        boxes, masks = result if isinstance(result, tuple) else (result, None)
        return _by_score(boxes, masks)

    def network_input(self, picture: Picture) -> dict[str, Any]:
        """Return a picture as the network's arguments "img" and "img_metas"."""
        load, augment = copy.deepcopy(self._pipeline)
        augment["img_scale"] = picture.box
        data = Compose([load, augment])(
            {"img_info": {"filename": picture.path.name}, "img_prefix": str(picture.path.parent)}
        )
        data = collate([data], samples_per_gpu=1)
        data["img_metas"] = [container.data[0] for container in data["img_metas"]]
        return dict(data)

    @torch.no_grad()
    def detect(self, data: dict[str, Any]) -> object:
        """Run the network and its post-processing on a `network_input`."""
        (image,), (meta,) = data["img"], data["img_metas"]
        return self.model.simple_test(image, meta, rescale=True)


@contextmanager
def without_pasting() -> Iterator[None]:
    """Let detectors stop at mask probabilities, to time what both packages' networks do."""
    with mock.patch.object(FCNMaskHead, "get_seg_masks", return_value=[]):
        yield


def _by_score(boxes: list[NDArray[np.float32]], masks: list[list[Any]] | None) -> ImageDetections:
    """Merge upstream's lists by class into one list, highest score first."""
    rows = np.concatenate(boxes)
    labels = np.repeat(np.arange(len(boxes)), [len(of_class) for of_class in boxes])
    order = np.argsort(-rows[:, 4], kind="stable")
    rles = None
    if masks is not None:
        coded = [rle for of_class in encode_mask_results(masks) for rle in of_class]
        rles = [Rle(size=coded[i]["size"], counts=coded[i]["counts"].decode()) for i in order]
    return ImageDetections(
        boxes=rows[order, :4], scores=rows[order, 4], labels=labels[order], masks=rles
    )
