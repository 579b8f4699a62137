"""Draws an image beside the classes that a network finds likeliest, as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hrnet_zoo.tasks.pictures import fitted

_SIDE = 224
_MARGIN = 12
_TITLE_HEIGHT = 26
_FONT_SIZE = 14
_NAME_WIDTH = 190
_BAR_WIDTH = 180
_SCORE_WIDTH = 60
_LINE_HEIGHT = 36
_PAPER, _INK = (255, 255, 255), (30, 30, 30)
_BAR, _TRUE, _EMPTY = (70, 120, 190), (40, 140, 70), (235, 235, 235)


def bar_chart(
    crop: NDArray[np.uint8],
    title: str,
    top: Sequence[tuple[str, float]],
    *,
    truth: str | None = None,
) -> Image.Image:
    """Return a picture of what a network saw and what it took it for.

    Args:
        crop: RGB [H, W, 3] uint8; it is enlarged to a usual size.
        title: stands above it.
        top: name and score, 0 to 1, of the likeliest classes, the likeliest first.
        truth: name of the true class, whose bar has another colour and a sign; None: not known.
    """
    shown = Image.fromarray(crop)
    zoom = max(1, _SIDE // max(shown.size))
    shown = shown.resize((shown.width * zoom, shown.height * zoom), Image.Resampling.NEAREST)
    height = max(shown.height, len(top) * _LINE_HEIGHT)
    width = shown.width + _NAME_WIDTH + _BAR_WIDTH + _SCORE_WIDTH
    size = (width + 4 * _MARGIN, height + _TITLE_HEIGHT + 2 * _MARGIN)
    picture = Image.new("RGB", size, _PAPER)
    picture.paste(shown, (_MARGIN, _TITLE_HEIGHT + _MARGIN))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(_FONT_SIZE)
    draw.text((_MARGIN, _MARGIN), title, _INK, font=font)
    left = shown.width + 2 * _MARGIN
    for place, (name, score) in enumerate(top):
        y = _TITLE_HEIGHT + _MARGIN + place * _LINE_HEIGHT
        # The sign says it without colours.
        sign = "* " if name == truth else ""
        # Longer names would reach into the bars.
        shown_name = fitted(sign + name, _NAME_WIDTH - _MARGIN, font)
        draw.text((left, y + 6), shown_name, _INK, font=font)
        bar = left + _NAME_WIDTH
        draw.rectangle((bar, y + 4, bar + _BAR_WIDTH, y + 24), _EMPTY)
        if score > 0:
            colour = _TRUE if name == truth else _BAR
            draw.rectangle((bar, y + 4, bar + round(_BAR_WIDTH * score), y + 24), colour)
        draw.text((bar + _BAR_WIDTH + 8, y + 6), f"{score:.1%}", _INK, font=font)
    return picture
