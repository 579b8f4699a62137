"""Draws detections for people: boxes, tinted masks, and labels that can be read on any picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.tasks.pictures import Colour

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are no longer in it."""

_INK = (20, 20, 20)
_PAPER = (255, 255, 255)
_LIGHT = 0.18
"""Luminance, 0 to 1, from which on dark text has more contrast than light text."""
_SMALLEST_FONT = 10


def draw_detections(
    image: NDArray[np.uint8],
    detections: ImageDetections,
    class_names: Sequence[str],
    palette: Sequence[Colour],
    *,
    score_threshold: float = 0.0,
    alpha: float = 0.45,
    with_scores: bool = True,
) -> Image.Image:
    """Return a picture of detections or true objects; higher scores lie on top of lower ones.

    Where labels would cover each other, those of lower scores are left out; their boxes are not.

    Args:
        image: RGB [H, W, 3], 0 to 255.
        detections: in pixels of the image, highest score first.
        class_names: name per class.
        palette: RGB per class.
        score_threshold: detections at or below it are left out.
        alpha: share of the colour in masks, 0 (none) to 1 (nothing else).
        with_scores: whether labels show them; those of true objects mean nothing.
    """
    height, width = image.shape[:2]
    side = (height * width) ** 0.5
    line, padding = max(1, round(side / 400)), max(1, round(side / 300))
    font = ImageFont.load_default(max(_SMALLEST_FONT, round(side / 64)))
    shown = detections.above(score_threshold)
    boxes = [_visible(box, width, height) for box in shown.boxes.tolist()]
    colours = [palette[label] for label in shown.labels]
    pixels = image.copy()
    for mask, colour in reversed(list(zip(shown.masks or (), colours, strict=False))):
        _tint(pixels, decode_masks([mask])[0], colour, alpha, line)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    for (left, top, right, bottom), colour in reversed(list(zip(boxes, colours, strict=True))):
        if line > 1:
            # A thin rim, so that the line is seen on its own colour, too.
            rim = (left - 1, top - 1, right, bottom)
            draw.rectangle(rim, outline=_readable_on(colour), width=line + 2)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=line)
    _, above, _, below = font.getbbox("Ag")
    label_height = ceil(below - above) + 2 * padding
    taken: list[Rectangle] = []
    for i, (box, colour) in enumerate(zip(boxes, colours, strict=True)):
        name, score = class_names[shown.labels[i]], shown.scores[i]
        text = f"{name} {score:.2f}" if with_scores else name
        label_size = ceil(font.getlength(text)) + 2 * padding + 2, label_height
        places = _label_places(box, label_size, picture.size)
        free = [p for p in places if not any(_overlap(p, other) for other in taken)]
        if free:
            left, top, right, bottom = free[0]
            draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)
            middle = (left + padding + 1, (top + bottom) / 2)
            draw.text(middle, text, _readable_on(colour), font=font, anchor="lm")
            taken.append(free[0])
    return picture


def _visible(box: Sequence[float], width: int, height: int) -> Rectangle:
    """Return the pixels of a box that are in the picture, at least one."""
    left, top = round(min(max(box[0], 0), width - 1)), round(min(max(box[1], 0), height - 1))
    right, bottom = round(min(max(box[2], 0), width)), round(min(max(box[3], 0), height))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _tint(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], colour: Colour, alpha: float, line: int
) -> None:
    """Colour an object's mask in place, its outline fully."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    inside = np.ascontiguousarray(mask[window])
    area = pixels[window]
    area[inside] = ((1 - alpha) * area[inside] + alpha * np.array(colour)).astype(np.uint8)
    reach = (line + 1) // 2
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    # Beyond the window, and the picture, all is outside.
    core = cv2.erode(inside.astype(np.uint8), kernel, borderValue=0)
    area[inside & (core == 0)] = colour


def _readable_on(colour: Colour) -> Colour:
    red, green, blue = ((value / 255) ** 2.2 for value in colour)
    return _INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue >= _LIGHT else _PAPER


def _label_places(box: Rectangle, label: tuple[int, int], size: tuple[int, int]) -> list[Rectangle]:
    """Return where a label may be: above, inside or below its box, left or right; best first."""
    width, height = label
    left, top, right, bottom = box
    places = []
    for y in (top - height, top, bottom, bottom - height):
        for x in (left, right - width):
            kept_x, kept_y = max(min(x, size[0] - width), 0), max(min(y, size[1] - height), 0)
            places.append((kept_x, kept_y, kept_x + width, kept_y + height))
    return places


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
