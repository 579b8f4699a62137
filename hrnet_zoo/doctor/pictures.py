"""Whether decoding and resizing here give the pixels that the documented numbers were made with.

Versions say little: builds of one version differ in their JPEG library and in what they optimise.
So each is done with a small picture, and the result held against what upstream's versions give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.datasets import decoders
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.doctor.finding import Area, Finding, State


@dataclass(frozen=True, kw_only=True)
class Step:
    """One way of making pixels.

    Source:
        The digests are the same from opencv-python-headless 4.8.1 and 4.11.0, and from Pillow 10.0,
        11.3 and 13.0; those but of `warp` are from OpenCV 5.0.0, too.
    """

    make: Callable[[], NDArray[Any]]
    library: str
    """The package to install."""
    version: str
    digest: str
    """SHA-256 of the pixels, its first 12 digits, from the versions that upstream used."""
    used_for: str | None
    """What depends on it; None: nothing here, but upstream's own code for pose does."""


def _noise() -> NDArray[np.uint8]:
    """Return [48, 64, 3] uint8 without a pattern, the same everywhere."""
    numbers = np.arange(48 * 64 * 3, dtype=np.uint64) * np.uint64(2654435761)
    return (numbers >> np.uint64(24)).astype(np.uint8).reshape(48, 64, 3)


def _decoded() -> NDArray[Any]:
    return decode_image(decoders.PICTURE.read_bytes(), decoders.PICTURE)


def _resized_by_opencv() -> NDArray[Any]:
    sizes = ((101, 77), (37, 25))  # larger and smaller
    return np.concatenate(
        [cv2.resize(_noise(), s, interpolation=cv2.INTER_LINEAR).reshape(-1) for s in sizes]
    )


def _resized_by_pillow() -> NDArray[Any]:
    return np.asarray(Image.fromarray(_noise()).resize((37, 25), Image.Resampling.BILINEAR))


def _warped() -> NDArray[Any]:
    matrix = np.array([[0.7, 0.1, 3.3], [-0.1, 0.7, 2.6]])
    return cv2.warpAffine(_noise(), matrix, (40, 30), flags=cv2.INTER_LINEAR)


STEPS: Mapping[str, Step] = {
    "JPEG": Step(
        make=_decoded,
        library="opencv-python-headless",
        version=cv2.__version__,
        digest=decoders.DIGEST,
        used_for="data sets of JPEGs",
    ),
    "resize": Step(
        make=_resized_by_opencv,
        library="opencv-python-headless",
        version=cv2.__version__,
        digest="baf714511b0d",
        used_for="segmentation and detection",
    ),
    "resize (Pillow)": Step(
        make=_resized_by_pillow,
        library="pillow",
        version=PIL.__version__,
        digest="cebdfc7a7533",
        used_for="classification",
    ),
    "warp": Step(
        make=_warped,
        library="opencv-python-headless",
        version=cv2.__version__,
        digest="b59caa524b56",
        used_for=None,
    ),
}


def pixels(name: str, step: Step, digest: str) -> Finding:
    """Say whether a step gives the pixels of the documented numbers.

    Args:
        name: of the step.
        step: what it is.
        digest: of the pixels here.
    """
    if digest == step.digest:
        return Finding(Area.PIXELS, name, State.FINE, f"the same as upstream's ({step.version})")
    found = f"{step.library} {step.version} gives other pixels than upstream's"
    if step.used_for is None:  # OpenCV 5 warps in floating point
        return Finding(Area.PIXELS, name, State.FINE, f"{found}; no row here is warped")
    remedy = (
        f"Numbers of {step.used_for} may be some hundredths of a point off. Take the wheel: "
        f"pip install --force-reinstall --only-binary :all: {step.library}"
    )
    return Finding(Area.PIXELS, name, State.NOTE, found, remedy)


def check() -> Iterator[Finding]:
    """Make the pixels here."""
    for name, step in STEPS.items():
        digest = hashlib.sha256(np.ascontiguousarray(step.make()).tobytes()).hexdigest()
        yield pixels(name, step, digest[:12])
