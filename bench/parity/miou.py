"""mIoU of both packages over made-up data sets in the real layouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from parity.inputs import ADE20K_ROWS, CITYSCAPES_ROWS, picture
from parity.ours import Ours, protocol
from parity.upstream import Upstream

MAX_DIFFERENCE = 0.01
"""In percentage points; upstream rounds its percentages to two decimals."""

IGNORED = 255
_EVALUATED_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_SIZES = ((128, 256), (97, 211), (150, 201), (129, 257), (111, 190), (133, 301))


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What both packages say about one data set, in percent."""

    row: str
    protocol: str
    upstream: dict[str, float]
    ours: dict[str, float]

    @property
    def difference(self) -> float:
        """The largest difference among mIoU, mAcc and aAcc; NaN if one says nothing."""
        return float(np.max([abs(self.ours[key] - self.upstream[key]) for key in self.upstream]))

    @property
    def agrees(self) -> bool:
        """Whether all three agree to 0.01."""
        # Upstream's two decimals lie on the bar or within it; what binary adds must not decide.
        return self.difference <= MAX_DIFFERENCE + 1e-9


def compare_scores(folder: Path, *, quick: bool) -> Iterator[Scores]:
    """Yield both packages' scores over a Cityscapes and an ADE20K tree.

    Args:
        folder: for the trees; emptied by the caller.
        quick: only the single-scale protocol.
    """
    boxes = {CITYSCAPES_ROWS["hr18s"]: (256, 128), ADE20K_ROWS["hr18s"]: (512, 128)}
    makers = {CITYSCAPES_ROWS["hr18s"]: _make_cityscapes, ADE20K_ROWS["hr18s"]: _make_ade20k}
    for name, box in boxes.items():
        upstream, ours = Upstream(name), Ours(name, folder)
        single = protocol(name, box)
        ours_root, upstream_root = makers[name](folder / name, ours, single)
        ms_flip = [] if quick else [("ms+flip", protocol(name, box, ms_flip=True))]
        for title, how in [("single", single), *ms_flip]:
            yield Scores(
                row=name,
                protocol=title,
                upstream=upstream.evaluate(upstream_root, how),
                ours=ours.evaluate(ours_root, how),
            )


def _make_cityscapes(folder: Path, ours: Ours, how: SegmentationProtocol) -> tuple[Path, Path]:
    """Write a validation split twice: for us with labelIds, for upstream with labelTrainIds.

    Returns:
        Our data root, and upstream's folder of this data set.
    """
    # 3 (out of roi) is one of the ids that do not count, all of which became 255.
    ids = np.full(256, 3, np.uint8)
    ids[: len(_EVALUATED_IDS)] = _EVALUATED_IDS
    for i, size in enumerate(_SIZES):
        city = ("frankfurt", "lindau", "munster")[i % 3]
        stem = f"{city}_{i:06d}_000019"
        pixels = _pixels(i, size)
        for kind in ("labelIds", "labelTrainIds"):
            root = folder / kind / DATASETS["cityscapes"].root
            image = root / "leftImg8bit/val" / city / f"{stem}_leftImg8bit.png"
            _save(pixels, image)
            labels = _labels(i, ours, image, how)
            stored = ids[labels] if kind == "labelIds" else labels
            _save(stored, root / "gtFine/val" / city / f"{stem}_gtFine_{kind}.png")
    return folder / "labelIds", folder / "labelTrainIds" / DATASETS["cityscapes"].root


def _make_ade20k(folder: Path, ours: Ours, how: SegmentationProtocol) -> tuple[Path, Path]:
    """Write a validation split; stored labels are one more than the class, 0 is ignored."""
    root = folder / DATASETS["ade20k"].root
    for i, size in enumerate(_SIZES):
        stem = f"ADE_val_{i + 1:08d}"
        image = root / "images/validation" / f"{stem}.jpg"
        _save(_pixels(i, size), image)
        labels = _labels(i, ours, image, how)
        stored = np.where(labels == IGNORED, 0, labels + 1).astype(np.uint8)
        _save(stored, root / "annotations/validation" / f"{stem}.png")
    return folder, root


def _pixels(index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return another part of the reference picture for every index."""
    return np.roll(picture((257, 391)), 61 * index, axis=(0, 1))[: size[0], : size[1]]


def _labels(index: int, ours: Ours, image: Path, how: SegmentationProtocol) -> NDArray[np.uint8]:
    """Return our prediction with a third of its 8 x 8 blocks drawn anew and some ignored.

    Labels at random would meet few predictions, and mIoU near 0 would hide differences.
    """
    rng = np.random.default_rng(index)
    scores, prediction = ours.predict(image, how)
    height, width = prediction.shape
    blocks = (height // 8 + 1, width // 8 + 1)

    def enlarged(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values.repeat(8, 0).repeat(8, 1)[:height, :width]

    redrawn = enlarged(rng.uniform(size=blocks) < 1 / 3)
    other = enlarged(rng.integers(0, scores.shape[0], blocks))
    ignored = enlarged(rng.uniform(size=blocks) < 0.05)
    labels = np.where(ignored, IGNORED, np.where(redrawn, other, prediction))
    return labels.astype(np.uint8)


def _save(pixels: NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
