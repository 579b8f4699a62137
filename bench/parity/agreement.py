"""Scores and label maps of both packages on the same pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from parity.inputs import ADE20K_ROWS, CITYSCAPES_ROWS, picture
from parity.ours import Ours, protocol
from parity.upstream import Upstream

# The tolerances of the goldens; logits have a standard deviation of 3.
MAX_LOGIT_DIFFERENCE = 3e-4
MAX_PROBABILITY_DIFFERENCE = 2e-5
MAX_SHARE_OF_PIXELS = 5e-5

SIZES = ((257, 391), (190, 333))
"""Heights and widths that halve to odd numbers, where upsampling mistakes show."""

SMALL_WINDOWS = ((131, 163), (89, 107))
"""Window and stride, (height, width) each: odd too, and several to a picture."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the two packages are apart on one picture under one protocol."""

    row: str
    protocol: str
    size: tuple[int, int]
    """(height, width) of the picture."""
    logits: float | None
    """Largest difference of logits; None under ms+flip, which has none in the end."""
    probabilities: float
    """Largest difference of probabilities."""
    pixels: int
    """Pixels with another label."""
    classes: int
    """Classes in our label map: agreement on one class would mean little."""

    @property
    def agrees(self) -> bool:
        """Whether all differences are within the goldens' tolerances."""
        return (
            (self.logits is None or self.logits <= MAX_LOGIT_DIFFERENCE)
            and self.probabilities <= MAX_PROBABILITY_DIFFERENCE
            and self.pixels <= MAX_SHARE_OF_PIXELS * self.size[0] * self.size[1]
        )


def compare_answers(widths: list[str], folder: Path, *, quick: bool) -> Iterator[Agreement]:
    """Yield the agreement of every width, protocol and picture size.

    Args:
        widths: "hr18s", "hr18" or "hr48".
        folder: for pictures and checkpoints.
        quick: one picture instead of two.
    """
    images = {size: folder / f"{size[0]}x{size[1]}.png" for size in SIZES[: 1 if quick else None]}
    for size, path in images.items():
        Image.fromarray(picture(size)).save(path)
    for width in widths:
        for name in (CITYSCAPES_ROWS[width], ADE20K_ROWS[width]):
            upstream, ours = Upstream(name), Ours(name, folder)
            for title, how in _protocols(name).items():
                for size, path in images.items():
                    yield _compare(upstream, ours, title, how, (size, path))


def _protocols(name: str) -> dict[str, SegmentationProtocol]:
    """Return what a row is tested under; boxes and windows are small, to save time."""
    if name in ADE20K_ROWS.values():
        # The row's own box: small pictures grow in it, and shrink again afterwards.
        return {"whole 2048x512": protocol(name, (2048, 512))}
    return {
        "whole 512x256": protocol(name, (512, 256)),
        "slide 512x256": protocol(name, (512, 256), slide=SMALL_WINDOWS),
        "ms+flip whole 256x128": protocol(name, (256, 128), ms_flip=True),
        "ms+flip slide 256x128": protocol(name, (256, 128), slide=SMALL_WINDOWS, ms_flip=True),
    }


def _compare(
    upstream: Upstream,
    ours: Ours,
    title: str,
    how: SegmentationProtocol,
    image: tuple[tuple[int, int], Path],
) -> Agreement:
    size, path = image
    their_scores, their_labels = upstream.predict(path, how)
    our_scores, our_labels = ours.predict(path, how)
    logits = None
    if not how.flip:
        logits = float((our_scores - their_scores).abs().max())
        our_scores, their_scores = our_scores.softmax(dim=0), their_scores.softmax(dim=0)
    return Agreement(
        row=ours.name,
        protocol=title,
        size=size,
        logits=logits,
        probabilities=float((our_scores - their_scores).abs().max()),
        pixels=int((our_labels != their_labels).sum()),
        classes=np.unique(our_labels).size,
    )
