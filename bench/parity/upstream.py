"""mmsegmentation 0.20.2, driven through its own configurations, pipelines and test loop.

Import only after `stubs.prepare_upstream`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import mmcv
import mmseg
import numpy as np
import torch
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.parallel import MMDataParallel, collate
from mmseg.apis import single_gpu_test
from mmseg.core import intersect_and_union
from mmseg.datasets import build_dataloader, build_dataset
from mmseg.datasets.pipelines import Compose
from mmseg.models import build_segmentor
from mmseg.utils import get_root_logger
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from parity.inputs import weights

# What its --aug-test puts in; not taken from us, or a mistake of ours would be made twice.
UPSTREAM_RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
# The wheel carries the configurations of the published checkpoints.
CONFIGS = Path(mmseg.__file__).parent / ".mim" / "configs" / "hrnet"


class Upstream:
    """One row's network with filled weights, as upstream builds it from its own configuration."""

    def __init__(self, name: str) -> None:
        self.config: Any = mmcv.Config.fromfile(str(CONFIGS / f"{name}.py"))
        # Upstream would download these, and filled weights replace them anyway.
        self.config.model.pretrained = None
        self.config.model.train_cfg = None
        model = build_segmentor(self.config.model)
        # SyncBN refuses CPUs; this is upstream's own way out and changes no number in eval mode.
        self.model: Any = revert_sync_batchnorm(model).eval()
        self.model.load_state_dict(weights(name), strict=True)

    @torch.no_grad()
    def predict(
        self, image: Path, protocol: SegmentationProtocol
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """Return the scores of an image file and the label map made of them.

        Both come out of upstream's simple_test or aug_test; the scores are overheard on the way.

        Returns:
            [K, H, W] logits, or probabilities under ms+flip; labels [H, W].
        """
        self._choose_windows(protocol)
        data = Compose(self._pipeline(protocol))(
            {"img_info": {"filename": image.name}, "img_prefix": str(image.parent)}
        )
        data = collate([data], samples_per_gpu=1)
        data["img_metas"] = [container.data[0] for container in data["img_metas"]]
        # aug_test sums into the first result of "inference" and divides it in place, so the tensor
        # overheard first is the mean in the end.
        kind = "slide_inference" if protocol.window else "whole_inference"
        with self._overheard("inference" if protocol.flip else kind) as results:
            (labels,) = self.model(return_loss=False, rescale=True, **data)
        return results[0][0], labels

    def evaluate(self, data_root: Path, protocol: SegmentationProtocol) -> dict[str, float]:
        """Return what upstream's evaluation of a data set says, in percent.

        Args:
            data_root: folder of this data set.
            protocol: how to test.
        """
        self._choose_windows(protocol)
        settings = self.config.data.test.copy()
        settings.update(data_root=str(data_root), pipeline=self._pipeline(protocol), test_mode=True)
        get_root_logger(log_level=logging.WARNING)  # else it tells how many images it found
        dataset = build_dataset(settings)
        loader = build_dataloader(
            dataset,
            samples_per_gpu=1,
            workers_per_gpu=0,
            dist=False,
            shuffle=False,
            persistent_workers=False,
        )
        with mock.patch.object(mmcv, "ProgressBar"):
            counts = single_gpu_test(
                MMDataParallel(self.model, device_ids=[0]), loader, pre_eval=True
            )
        found = dataset.evaluate(counts, metric="mIoU", logger="silent")
        return {key: 100 * float(found[key]) for key in ("mIoU", "mAcc", "aAcc")}

    def postprocess(self, size: tuple[int, int], image: Tensor) -> NDArray[np.int64]:
        """Return labels [H, W] of one network input; see `inputs.without_convolutions`.

        Args:
            size: (height, width) of the original image.
            image: [1, 3, h, w].
        """
        meta = {"ori_shape": (*size, 3), "flip": False}
        (labels,) = self.model.simple_test(image, [meta])
        found: NDArray[np.int64] = labels
        return found

    def _choose_windows(self, protocol: SegmentationProtocol) -> None:
        if protocol.window is None:
            self.model.test_cfg = mmcv.ConfigDict(mode="whole")
        else:
            self.model.test_cfg = mmcv.ConfigDict(
                mode="slide", crop_size=protocol.window, stride=protocol.stride
            )

    def _pipeline(self, protocol: SegmentationProtocol) -> list[dict[str, Any]]:
        """Return the configuration's test pipeline at the protocol's box, ratios and flip."""
        load, augment = (dict(step) for step in self.config.data.test.pipeline)
        augment["img_scale"] = protocol.scale
        if protocol.flip:  # what its --aug-test switches on
            augment |= {"img_ratios": list(UPSTREAM_RATIOS), "flip": True}
        return [load, augment]

    @contextlib.contextmanager
    def _overheard(self, method: str) -> Iterator[list[Tensor]]:
        """Collect what a method of the network returns."""
        results: list[Tensor] = []
        original: Callable[..., Tensor] = getattr(self.model, method)

        def listen(*args: object, **kwargs: object) -> Tensor:
            results.append(original(*args, **kwargs))
            return results[-1]

        with mock.patch.object(self.model, method, listen):
            yield results


def count(
    prediction: NDArray[np.int64], label: NDArray[np.uint8], num_classes: int
) -> list[Tensor]:
    """Return upstream's four areas of one image: intersection, union, prediction, label."""
    return list(
        intersect_and_union(prediction, label, num_classes, ignore_index=255, label_map=None)
    )
