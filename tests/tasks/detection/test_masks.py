"""Pasted masks against upstream's and against sampling every pixel; RLE against pycocotools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pasting import TIE, blobs, coco_rle, random_boxes, sampled

from hrnet_zoo.datasets.rle import decode_masks, encode_runs
from hrnet_zoo.tasks.detection.masks import encode_masks, paste_masks

DATA = Path(__file__).parents[2] / "data" / "detection"
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def assert_same_but_ties(
    masks: NDArray[np.bool_], probabilities: torch.Tensor, boxes: torch.Tensor
) -> None:
    size = (masks.shape[1], masks.shape[2])
    for mask, map_, box in zip(masks, probabilities, boxes, strict=True):
        expected = sampled(map_, box, size)
        clear = np.abs(expected - 0.5) > TIE
        assert np.array_equal(mask[clear], (expected >= 0.5)[clear]), box


@pytest.mark.parametrize("device", DEVICES)
def test_masks_are_upstreams_to_the_pixel(device: str) -> None:
    golden = np.load(DATA / "units.npz")
    probabilities = torch.from_numpy(golden["paste_masks"][:, 0]).to(device)
    boxes = torch.from_numpy(golden["paste_boxes"]).to(device)
    rles = encode_masks(probabilities, boxes, (120, 160))
    assert rles == [coco_rle(mask) for mask in golden["paste_cpu"]]
    pasted = paste_masks(probabilities, boxes, (120, 160))
    assert pasted.device.type == device
    assert np.array_equal(pasted.cpu().numpy(), golden["paste_cpu"])
    assert np.array_equal(decode_masks(rles), golden["paste_cpu"])
    # What upstream does on a GPU differs for the box without width only.
    differs = (golden["paste_cpu"] != golden["paste_full"]).any(axis=(1, 2))
    assert differs.tolist() == (golden["paste_boxes"][:, 0] == golden["paste_boxes"][:, 2]).tolist()


@pytest.mark.parametrize("size", [(120, 160), (375, 500), (1, 90), (90, 1), (1, 1)], ids=str)
def test_masks_are_those_of_sampling_every_pixel(size: tuple[int, int]) -> None:
    probabilities, boxes = blobs(60, 1), random_boxes(60, size, 2)
    masks = decode_masks(encode_masks(probabilities, boxes, size))
    assert_same_but_ties(masks, probabilities, boxes)
    assert np.array_equal(paste_masks(probabilities, boxes, size).numpy(), masks)


def test_maps_without_any_smoothness() -> None:
    probabilities = torch.rand(40, 28, 28, generator=torch.Generator().manual_seed(3))
    boxes = random_boxes(40, (200, 300), 4)
    masks = decode_masks(encode_masks(probabilities, boxes, (200, 300)))
    assert_same_but_ties(masks, probabilities, boxes)


@pytest.mark.parametrize(
    "box",
    [
        (-50.5, -20.25, 60, 40),  # partly outside
        (90, 70, 400, 300),
        (-1000, -3000, 1500, 2000),  # far larger than the image
        (-1e6, 20, 1e6, 60),
        (-50, 10, -20, 40),  # outside, on each side
        (500, 10, 600, 40),
        (10, -90, 40, -30),
        (10, 500, 40, 800),
        (40.2, 10, 40.3, 70),  # thinner than a pixel
        (10, 40.45, 70, 40.55),
        (33.5, 33.5, 33.5001, 33.5001),
    ],
    ids=str,
)
def test_boxes_of_every_kind(box: tuple[float, float, float, float]) -> None:
    probabilities, boxes = blobs(12, 5), torch.tensor([box]).expand(12, 4)
    masks = decode_masks(encode_masks(probabilities, boxes, (100, 140)))
    assert_same_but_ties(masks, probabilities, boxes)


def test_a_box_without_extent_shows_its_centre_around_itself() -> None:
    inside, outside = torch.full((28, 28), 0.1), torch.full((28, 28), 0.9)
    inside[13:15, 13:15], outside[13:15, 13:15] = 0.9, 0.1
    boxes = torch.tensor([[20.0, 30, 20, 30]]).expand(2, 4)
    full, empty = decode_masks(encode_masks(torch.stack((inside, outside)), boxes, (50, 60)))
    assert np.argwhere(full).tolist() == [[y, x] for y in (29, 30) for x in (19, 20)]
    assert not empty.any()


@pytest.mark.parametrize(
    "box",
    [
        (np.nan, 0, 10, 10), (0, 0, 10, np.nan), (np.nan, np.nan, np.nan, np.nan),
        (-np.inf, 0, np.inf, 10), (0, 0, 10, np.inf),
        (10, 0, 0, 10), (0, 10, 10, 0),
    ],
    ids=str,
)  # fmt: skip
def test_impossible_boxes_have_empty_masks_and_leave_the_others_alone(
    box: tuple[float, ...],
) -> None:
    boxes = torch.tensor([(2.0, 3, 8, 9), box, (2, 3, 8, 9)])
    masks = decode_masks(encode_masks(torch.ones(3, 28, 28), boxes, (20, 30)))
    assert masks.any(axis=(1, 2)).tolist() == [True, False, True]
    assert np.array_equal(masks[0], masks[2])


def test_tiny_and_enormous_boxes_do_no_harm() -> None:
    tiny = torch.tensor([[4.5, 4.5, 4.5, 4.5]]).expand(50, 4).clone()
    tiny[:, :2] -= torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 1e-6
    enormous = torch.tensor([[-3e38, -3e38, 3e38, 3e38]]).expand(50, 4)
    masks = decode_masks(encode_masks(blobs(100, 6), torch.cat((tiny, enormous)), (10, 12)))
    assert not masks[:50, 6:].any()
    assert not masks[:50, :, 6:].any()
    centres = blobs(100, 6)[50:, 13:15, 13:15].mean(dim=(1, 2)).numpy()
    assert np.array_equal(masks[50:].all(axis=(1, 2)), centres >= 0.5)


def test_not_a_number_is_outside_and_stays_where_it_is() -> None:
    probabilities = torch.ones(1, 28, 28)
    probabilities[0, 10, 20] = torch.nan
    boxes = torch.tensor([[0.0, 0, 280, 280]])
    (mask,) = decode_masks(encode_masks(probabilities, boxes, (280, 280)))
    assert not mask[100:110, 200:210].any()
    mask[95:115, 195:215] = True
    assert mask[10:-10, 10:-10].all()


def test_exactly_one_half_is_inside() -> None:
    # Every pixel centre is a cell's centre.
    boxes = torch.tensor([[3.0, 5, 31, 33]])
    (mask,) = decode_masks(encode_masks(torch.full((1, 28, 28), 0.5), boxes, (40, 40)))
    expected = np.zeros((40, 40), bool)
    expected[5:33, 3:31] = True
    assert np.array_equal(mask, expected)


def test_without_detections_there_are_no_masks() -> None:
    probabilities, boxes = torch.zeros(0, 28, 28), torch.zeros(0, 4)
    assert encode_masks(probabilities, boxes, (10, 20)) == []
    assert paste_masks(probabilities, boxes, (10, 20)).shape == (0, 10, 20)
    assert decode_masks([]).shape[0] == 0


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    runs, inside = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    return runs


@pytest.mark.parametrize("size", [(37, 53), (1, 40), (40, 1), (1, 1)], ids=str)
def test_the_code_is_pycocotools(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.uniform(size=size) < share for share in (0, 0.01, 0.1, 0.5, 0.9, 0.99, 1)]
    runs = [runs_of(mask) for mask in masks]
    lengths = np.concatenate([np.array(r, np.int64) for r in runs])
    rles = encode_runs(lengths, np.array([len(r) for r in runs]), size)
    assert rles == [coco_rle(mask) for mask in masks]
    assert np.array_equal(decode_masks(rles), masks)


def test_the_code_of_long_runs_is_pycocotools() -> None:
    mask = np.zeros((4000, 6000), bool)
    mask[:, 17:5000] = True
    mask[3:3999, 2100:2103] = False
    runs = [17 * 4000, 2083 * 4000 + 3, 3996, 4, 3996, 4, 3996, 1 + 2897 * 4000, 1000 * 4000]
    (rle,) = encode_runs(np.array(runs), np.array([len(runs)]), (4000, 6000))
    assert rle == coco_rle(mask)
