from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fill import DATA, REFERENCE

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import keep_ratio_size, resize_keep_ratio, to_network_input
from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.tasks.segmentation.protocol import (
    SegmentationProtocol,
    resized_images,
    window_bounds,
)
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS
from hrnet_zoo.zoo.manifest import load_zoo

GOLDEN: dict[str, Any] = json.loads((DATA / "resize.json").read_text())
IMAGENET = Normalisation(
    channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
)


@pytest.mark.parametrize("case", GOLDEN["sizes"], ids=lambda c: f"{c['src_wh']}-{c['scale']}")
def test_size_goldens(case: dict[str, list[int]]) -> None:
    width, height = case["src_wh"]
    a, b = case["scale"]
    assert list(keep_ratio_size((width, height), (a, b))) == case["out_wh"]
    assert list(keep_ratio_size((width, height), (b, a))) == case["out_wh"]


@pytest.mark.parametrize(
    "case", [c for c in GOLDEN["images"] if "array" in c], ids=lambda case: case["array"]
)
def test_resized_pixels_are_upstreams(case: dict[str, Any]) -> None:
    path = REFERENCE / "imgA.png"
    resized = resize_keep_ratio(decode_image(path.read_bytes(), path), tuple(case["scale"]))
    stored = np.load(DATA / "resize.npz")[case["array"]]
    stride = case["stride"]
    assert list(resized.shape[:2]) == case["out_hw"]
    assert np.array_equal(resized[::stride, ::stride], stored)
    assert hashlib.sha256(resized.tobytes()).hexdigest() == case["full_sha256"]


@pytest.mark.parametrize(
    "case", GOLDEN["test_input_sizes"], ids=lambda case: f"{case['dataset']}-{case['src_wh']}"
)
def test_network_input_sizes(case: dict[str, Any]) -> None:
    width, height = case["src_wh"]
    image = np.zeros((height, width, 3), np.uint8)
    protocol = SegmentationProtocol(
        scale=tuple(case["img_scale"]), window=None, stride=None, normalisation=IMAGENET
    )

    def sizes(protocol: SegmentationProtocol) -> list[list[int]]:
        return [[r.shape[1], r.shape[0]] for r in resized_images(image, protocol)]

    assert sizes(protocol) == [case["single_wh"]]
    assert sizes(replace(protocol, ratios=MS_FLIP_RATIOS, flip=True)) == case["ms_wh"]


def test_normalisation_by_hand() -> None:
    image = np.array([[[124, 116, 104], [0, 255, 1]]], np.uint8)
    x = to_network_input(image, IMAGENET, torch.device("cpu"))
    assert x.shape == (1, 3, 1, 2)
    expected = (image.astype(np.float64) - IMAGENET.mean) / IMAGENET.std
    assert np.allclose(x[0].permute(1, 2, 0).numpy(), expected, rtol=0, atol=1e-6)


def known_normalisations() -> list[Normalisation]:
    """Return all that a row of the zoo or the demo documents, in either edition."""
    rows = [row for path in (None, MANIFEST) for row in load_zoo(path).rows]
    editions = [row.in_edition("later") for row in rows if row.later is not None]
    found = {str(row.setup.normalisation): row.setup.normalisation for row in (*rows, *editions)}
    return list(found.values())


@pytest.mark.parametrize("normalisation", known_normalisations(), ids=str)
def test_every_byte_becomes_bit_for_bit_what_upstreams_make_of_it(
    normalisation: Normalisation,
) -> None:
    """mmcv 1 subtracts and multiplies in OpenCV, mmdetection 3 and mmpretrain 1 divide in torch."""
    seen = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    mean = np.array([normalisation.mean], np.float32)
    std = np.array([normalisation.std], np.float32)
    of_mmcv = cv2.subtract(seen.astype(np.float32), mean.astype(np.float64))
    of_mmcv = cv2.multiply(of_mmcv, 1 / std.astype(np.float64))
    of_later = ((torch.from_numpy(seen) - torch.from_numpy(mean)) / torch.from_numpy(std)).numpy()
    for image in (seen, torch.from_numpy(seen)):  # as on a CPU, and as on a GPU
        x = to_network_input(image, normalisation, torch.device("cpu"))
        pixels = x[0].permute(1, 2, 0).numpy()
        assert np.array_equal(pixels, of_mmcv)
        assert np.array_equal(pixels, of_later)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_views_and_read_only_arrays_are_normalised_like_others(order: str) -> None:
    normalisation = IMAGENET.model_copy(update={"channel_order": order})
    image = np.random.default_rng(4).integers(0, 256, (6, 7, 3), np.uint8)
    expected = to_network_input(image, normalisation, torch.device("cpu"))
    read_only = image.copy()
    read_only.flags.writeable = False
    mirrored, reversed_ = image[:, ::-1].copy()[:, ::-1], image[..., ::-1].copy()[..., ::-1]
    for view in (read_only, mirrored, reversed_, np.asfortranarray(image)):
        x = to_network_input(view, normalisation, torch.device("cpu"))
        assert torch.equal(x, expected)


def test_bgr_rows_see_the_channels_reversed() -> None:
    image = np.array([[[10, 20, 30]]], np.uint8)
    bgr = Normalisation(channel_order="bgr", mean=(1.0, 2.0, 3.0), std=(1.0, 1.0, 1.0))
    x = to_network_input(image, bgr, torch.device("cpu"))
    assert x.flatten().tolist() == [29.0, 18.0, 7.0]


def test_the_image_is_left_alone() -> None:
    image = np.full((4, 4, 3), 7, np.uint8)
    to_network_input(image, IMAGENET, torch.device("cpu"))
    assert (image == 7).all()


@pytest.mark.parametrize(
    ("length", "window", "stride", "expected"),
    [
        (480, 480, 320, [(0, 480)]),
        (520, 480, 320, [(0, 480), (40, 520)]),
        (390, 480, 320, [(0, 390)]),
        (910, 480, 320, [(0, 480), (320, 800), (430, 910)]),
        (800, 480, 320, [(0, 480), (320, 800)]),
        (801, 480, 320, [(0, 480), (320, 800), (321, 801)]),
    ],
)
def test_windows_cover_everything_and_end_at_the_border(
    length: int, window: int, stride: int, expected: list[tuple[int, int]]
) -> None:
    assert window_bounds(length, window, stride) == expected
