"""Pictures of detections: what is drawn where, and whether it can be read."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pasting import coco_rle

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.pictures import Colour

NAMES = ["cat", "traffic light"]
PALETTE: list[Colour] = [(250, 0, 0), (0, 0, 250)]
GREY = np.full((200, 300, 3), 90, np.uint8)

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]


def found(*boxes: Box, labels: tuple[int, ...] = (), mask: Box | None = None) -> ImageDetections:
    """Detections with scores 0.9, 0.8 ...; ``mask`` fills a rectangle, the same for all."""
    masks = None
    if mask is not None:
        left, top, right, bottom = map(int, mask)
        inside = np.zeros(GREY.shape[:2], bool)
        inside[top:bottom, left:right] = True
        masks = [coco_rle(inside)] * len(boxes)
    return ImageDetections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([0.9 - 0.1 * i for i in range(len(boxes))], np.float32),
        labels=np.array(labels or [0] * len(boxes), np.int64),
        masks=masks,
    )


def drawn(detections: ImageDetections, image: Picture = GREY, **options: Any) -> Picture:
    return np.asarray(draw_detections(image, detections, NAMES, PALETTE, **options))


def changed(picture: Picture, image: Picture = GREY) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what was drawn."""
    y, x = np.nonzero((picture != image).any(axis=2))
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def test_a_box_is_a_line_around_its_pixels() -> None:
    before = GREY.copy()
    picture = drawn(found((100, 50, 200, 150)))
    assert np.array_equal(before, GREY), "the image given is not drawn on"
    for edge in (picture[[50, 149], 100:200], picture[50:150, [100, 199]]):
        assert (edge == PALETTE[0]).all()
    assert (picture[51:149, 101:199] == 90).all()
    left, top, right, bottom = changed(picture)
    assert (left, right, bottom) == (100, 200, 150)
    assert 30 < top < 45, "the label is above the box"


def test_masks_are_tinted_and_outlined() -> None:
    detections = found((100, 50, 200, 150), mask=(120, 70, 180, 130))
    for alpha, red, blue in ((0.0, 90, 90), (0.5, 170, 45), (1.0, 250, 0)):
        picture = drawn(detections, alpha=alpha)
        assert (picture[71:129, 121:179] == (red, blue, blue)).all()
        assert (picture[70, 120:180] == PALETTE[0]).all()
        assert (picture[60:70, 101:199] == 90).all()


def test_an_empty_mask_leaves_the_box() -> None:
    box = (100.0, 50.0, 200.0, 150.0)
    assert np.array_equal(drawn(found(box, mask=(0, 0, 0, 0))), drawn(found(box)))


def test_only_scores_above_the_threshold_are_drawn() -> None:
    both = found((20, 50, 90, 100), (150, 50, 250, 150))
    one = found((20, 50, 90, 100))
    threshold = float(both.scores[1])
    assert np.array_equal(drawn(both, score_threshold=threshold), drawn(one))
    assert np.array_equal(drawn(both, score_threshold=0.95), GREY)
    assert not np.array_equal(drawn(both, score_threshold=threshold - 1e-6), drawn(one))


def test_true_objects_have_no_scores() -> None:
    sure, unsure = found((100, 50, 200, 150)), found((100, 50, 200, 150))
    unsure.scores[:] = 0.2
    assert not np.array_equal(drawn(sure), drawn(unsure))
    assert np.array_equal(drawn(sure, with_scores=False), drawn(unsure, with_scores=False))


def test_higher_scores_are_on_top() -> None:
    first, second = (100.0, 50.0, 200.0, 150.0), (150.0, 100.0, 250.0, 190.0)
    for labels in ((0, 1), (1, 0)):
        picture = drawn(found(first, second, labels=labels, mask=(0, 0, 0, 0)))
        assert tuple(picture[100, 199]) == PALETTE[labels[0]], "where the boxes' lines cross"


@pytest.mark.parametrize(
    "box",
    [(0, 0, 300, 200), (290, 0, 300, 10), (0, 190, 12, 200), (280, 180, 299, 199), (0, 0, 3, 3)],
    ids=str,
)
def test_labels_stay_in_the_picture(box: Box) -> None:
    whole = drawn(found((100, 80, 200, 150)))[:80]
    picture = drawn(found(box))
    ink = (picture != 90).any(axis=2) & (picture != PALETTE[0]).any(axis=2)
    expected = (whole != 90).any(axis=2) & (whole != PALETTE[0]).any(axis=2)
    assert ink.sum() == expected.sum(), "all of the text is there"


def test_labels_do_not_cover_each_other() -> None:
    box = (100.0, 80.0, 200.0, 150.0)
    alone = drawn(found(box))
    _, top, _, _ = changed(alone)
    crowd = drawn(found(*[box] * 6, labels=(0, 1, 1, 1, 1, 1)))
    assert np.array_equal(crowd[top:80, 100:150], alone[top:80, 100:150])
    inks = [
        ((picture != 90) & (picture != PALETTE[0]) & (picture != PALETTE[1])).all(axis=2).sum()
        for picture in (alone, drawn(found(box, labels=(1,))), crowd)
    ]
    assert inks[2] > inks[0] + 2 * inks[1], "there is room for several"


@pytest.mark.parametrize("colour", [*itertools.product((0, 128, 255), (0, 128, 238), (0, 255))])
def test_text_has_contrast_on_every_colour(colour: Colour) -> None:
    def luminance(pixels: Picture) -> NDArray[np.float64]:
        return np.asarray((pixels / 255) ** 2.2 @ (0.2126, 0.7152, 0.0722) + 0.05)

    box = found((100, 80, 200, 150))
    label = np.asarray(draw_detections(GREY, box, NAMES, [colour]))[68:79, 101:130]
    assert (label == colour).all(axis=2).any()
    contrast = luminance(label) / luminance(np.array(colour, np.uint8))
    assert max(contrast.max(), 1 / contrast.min()) > 4


def test_lines_and_letters_grow_with_the_picture() -> None:
    heights, lines = [], []
    for scale in (1, 4, 12):
        image = np.full((200 * scale, 300 * scale, 3), 90, np.uint8)
        box = (100.0 * scale, 100.0 * scale, 200.0 * scale, 150.0 * scale)
        picture = drawn(found(box), image)
        heights.append(100 * scale - changed(picture, image)[1])
        lines.append(int((picture[120 * scale, : 150 * scale] == PALETTE[0]).all(axis=1).sum()))
    assert lines[0] == 1
    assert 10 < heights[0] < 20
    assert lines[0] < lines[1] < lines[2]
    assert 2 < heights[2] / heights[1] < 4


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 400), (400, 3)], ids=str)
def test_pictures_of_every_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    boxes: list[Box] = [
        (0, 0, size[1], size[0]), (-50, -50, -20, -20), (500, 500, 600, 600),
        (-1e9, -1e9, 1e9, 1e9), (np.inf, 0, np.inf, 5), (1, 1, 1, 1),
    ]  # fmt: skip
    picture = drawn(found(*boxes, labels=(1,) * 6), image)
    assert picture.shape == image.shape


def test_nothing_found_is_the_image() -> None:
    assert np.array_equal(drawn(found()), GREY)
