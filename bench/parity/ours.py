"""hrnet-zoo, driven the way its own commands drive it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from rows import load_segmentor, single_protocol
from torch import Tensor

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.models.folding import folded
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.verify import verify_row
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks.segmentation import protocol as protocols
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, class_scores, resized_images
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS, SlideTest, WholeTest
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.row import Row
from parity.inputs import row, setup_of, write_checkpoint

CPU = torch.device("cpu")


class Ours:
    """One row's network with filled weights, loaded as `hrnet-zoo verify` loads it."""

    def __init__(self, name: str, folder: Path) -> None:
        """Load the network.

        Args:
            name: of the row.
            folder: where the checkpoint file is written.
        """
        self.name = name
        self.checkpoint = write_checkpoint(name, folder / f"{name}.pth")
        self.model = folded(load_segmentor(row(name), self.checkpoint, CPU))
        self.network = self.model.coarse_logits

    def predict(
        self, image: Path, protocol: SegmentationProtocol
    ) -> tuple[Tensor, NDArray[np.uint8]]:
        """Return the scores [K, H, W] of an image file, and the label map [H, W]."""
        pixels = decode_image(read_bytes(image), image)
        scores = class_scores(
            self.network,
            resized_images(pixels, protocol),
            protocol,
            size=(pixels.shape[0], pixels.shape[1]),
            device=CPU,
        )
        return scores, _labels(scores)

    def evaluate(self, data_root: Path, protocol: SegmentationProtocol) -> dict[str, float]:
        """Return what `hrnet-zoo verify` measures, in percent.

        Args:
            data_root: folder of all data sets.
            protocol: how to test.
        """
        metric: str = "miou_ms_flip" if protocol.flip else "miou"
        options = MeasureOptions(
            fetch=FetchOptions(cache_dir=data_root / "cache", offline=True),
            manifest_dir=data_root,
            data_folders=DataFolders(root=data_root),
            checkpoint=self.checkpoint,
            device="cpu",
            partial=True,
        )
        tested = _row_tested_at(self.name, protocol)
        record = verify_row(tested, (metric,), options, data_root / "records", Silent()).record
        if record.status != "completed":
            msg = f"hrnet-zoo did not complete {self.name}: {record.reason}"
            raise RuntimeError(msg)
        (found,) = record.measurements
        scores = {"mIoU": found.value, "mAcc": found.figures["macc"], "aAcc": found.figures["aacc"]}
        return {key: float("nan") if value is None else value for key, value in scores.items()}

    def postprocess(self, size: tuple[int, int], image: Tensor) -> NDArray[np.uint8]:
        """Return labels [H, W] of one network input; see `inputs.without_convolutions`.

        Normalising is not part of it, nor of what is timed of upstream.

        Args:
            size: (height, width) of the original image.
            image: [1, 3, h, w].
        """
        pixels = np.empty((image.shape[2], image.shape[3], 3), np.uint8)
        protocol = single_protocol(row(self.name))
        with mock.patch.object(protocols, "to_network_input", return_value=image):
            return _labels(class_scores(self.network, [pixels], protocol, size=size, device=CPU))


def protocol(
    name: str,
    scale: tuple[int, int],
    *,
    slide: tuple[tuple[int, int], tuple[int, int]] | None = None,
    ms_flip: bool = False,
) -> SegmentationProtocol:
    """Return the row's protocol changed to be quick.

    Args:
        name: of the row.
        scale: another box (width, height).
        slide: window and stride, (height, width) each; None takes images whole.
        ms_flip: whether to see six sizes, each also mirrored.
    """
    window, stride = slide or (None, None)
    changed = replace(single_protocol(row(name)), scale=scale, window=window, stride=stride)
    return replace(changed, ratios=MS_FLIP_RATIOS, flip=True) if ms_flip else changed


def _labels(scores: Tensor) -> NDArray[np.uint8]:
    labels: NDArray[np.uint8] = scores.argmax(dim=0).to(torch.uint8).numpy()
    return labels


def _row_tested_at(name: str, protocol: SegmentationProtocol) -> Row:
    """Return the row with the protocol's box and windows as its documented test."""
    if protocol.window is None or protocol.stride is None:
        test: WholeTest | SlideTest = WholeTest(mode="whole", scale=protocol.scale)
    else:
        test = SlideTest(
            mode="slide", scale=protocol.scale, crop_size=protocol.window, stride=protocol.stride
        )
    changed = setup_of(name).model_copy(update={"test": test})
    return row(name).model_copy(update={"setup": changed})
