"""What the network sees of an image, against upstream's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fill import REFERENCE as IMAGES
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from support.classification_goldens import CPU, FOLDER, PROTOCOL

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    centre_corner,
    class_scores,
    cropped_image,
    resize_short_side,
    short_side_size,
)
from hrnet_zoo.tasks.classification.setup import ClassificationSetup, ClassificationTest

REFERENCE: dict[str, Any] = json.loads((FOLDER / "preprocess.json").read_text())
CASES: dict[str, dict[str, Any]] = REFERENCE["cases"]
INPUTS = np.load(FOLDER / "preprocess.npz")
FILES = {
    "harbour": IMAGES / "harbour.png",
    "tower": IMAGES / "tower.png",
    "turned": FOLDER / "turned.jpg",
}

Pixels = NDArray[np.uint8]


def int_image(height: int, width: int, k: int) -> Pixels:
    """Return a picture made of integers only, so it is the same everywhere."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    channels = []
    for c in range(3):
        t = (x * (3 + c) + y * (5 - c) + 37 * c + 11 * k) % 382
        cells = (x // 7 + y // 5) % 2 * (40 + 8 * c)
        channels.append((np.minimum(t, 381 - t) + cells + x * y // 64 % 16) % 256)
    return np.stack(channels, axis=2).astype(np.uint8)


def stored_image(name: str, folder: Path) -> Path:
    """Return the file of a case; made-up images are written first."""
    source = CASES[name]["source"]
    if source == "file":
        return FILES[name]
    rgb = int_image(source["h"], source["w"], source["k"])
    kinds = {"rgb": rgb, "grey": rgb[:, :, 0], "rgba": np.dstack([rgb, rgb[:, :, 2]])}
    path = folder / f"{name}.png"
    Image.fromarray(np.ascontiguousarray(kinds[source["kind"]])).save(path)
    return path


def sha256(image: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_all_steps_are_upstreams(name: str, tmp_path: Path) -> None:
    case, path = CASES[name], stored_image(name, tmp_path)
    image = decode_image(read_bytes(path), path)
    assert sha256(image) == case["sha256_decoded_rgb"]
    resized = resize_short_side(image, 256)
    assert list(resized.shape[:2]) == case["resized_hw"]
    assert sha256(resized) == case["sha256_resized_rgb"]
    assert list(centre_corner((resized.shape[0], resized.shape[1]), 224)) == case["crop_top_left"]
    crop = cropped_image(image, PROTOCOL)
    assert sha256(crop) == case["sha256_crop_rgb"]
    x = to_network_input(crop, PROTOCOL.normalisation, CPU)[0]
    assert np.array_equal(x[:, ::8, ::8].numpy(), INPUTS[f"{name}_input_s8"])
    np.testing.assert_allclose(x.double().mean(dim=(1, 2)), case["input_mean"], atol=1e-6)


@pytest.mark.parametrize("case", REFERENCE["size_table"], ids=lambda case: f"{case[0]}x{case[1]}")
def test_sizes_and_corners(case: list[int]) -> None:
    height, width, resized_height, resized_width, top, left = case
    assert short_side_size((width, height), 256) == (resized_width, resized_height)
    assert centre_corner((resized_height, resized_width), 224) == (top, left)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_unusual_jpegs_are_decoded_as_by_opencv(mode: str, tmp_path: Path) -> None:
    """ImageNet has a few of each; a Pillow that converts CMYK gives other colours."""
    path = tmp_path / "image.jpg"
    Image.fromarray(int_image(90, 120, 3)).convert(mode).save(path, quality=95)
    expected = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert expected is not None
    image = decode_image(read_bytes(path), path)
    np.testing.assert_array_equal(image, expected[:, :, ::-1])
    assert cropped_image(image, PROTOCOL).shape == (224, 224, 3)
    if mode == "L":
        assert (image == image[:, :, :1]).all()


def test_scores_are_probabilities_of_every_crop() -> None:
    crops = [int_image(224, 224, k) for k in range(2)]

    def network(x: torch.Tensor) -> torch.Tensor:
        assert x.shape == (2, 3, 224, 224)
        return x.mean(dim=(2, 3))

    scores = class_scores(network, crops, PROTOCOL, device=CPU)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(2))
    alone = class_scores(lambda x: x.mean(dim=(2, 3)), crops[1:], PROTOCOL, device=CPU)
    torch.testing.assert_close(scores[1:], alone)


def setup(**changes: Any) -> ClassificationSetup:
    values: dict[str, Any] = {
        "architecture": "hrnet_classifier",
        "backbone": "w18",
        "num_classes": 1000,
        "dataset": "imagenet",
        "num_images": 50000,
        "test": {"resize_short": 256, "crop": 224},
        "normalisation": PROTOCOL.normalisation,
        "samples_per_gpu": 32,
        "gpus": 4,
    }
    return ClassificationSetup.model_validate(values | changes)


def test_a_setup_tells_the_protocol() -> None:
    assert ClassificationProtocol.of(setup()) == PROTOCOL
    assert setup().neck_channels == (128, 256, 512, 1024, 2048)
    assert setup(neck_channels=[8, 16, 32, 64, 128]).neck_channels == (8, 16, 32, 64, 128)


@pytest.mark.parametrize(
    "changes",
    [
        {"test": {"resize_short": 200, "crop": 224}},
        {"test": {"resize_short": 256, "crop": 225}},
        {"neck_channels": [8, 16, 32, 64]},
        {"neck_channels": [8, 16, 32, 64, 130]},
        {"backbone": "hr18"},
    ],
)
def test_setups_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        setup(**changes)


def test_the_test_is_what_the_manifest_says() -> None:
    test = ClassificationTest(resize_short=256, crop=224)
    assert test.model_dump() == {"resize_short": 256, "crop": 224}
