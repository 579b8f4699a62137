"""Draws label maps for people: panels side by side, with a legend of the classes in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = (255, 255, 255)
_INK = (30, 30, 30)
_IGNORED = (0, 0, 0)
_MARGIN = 12
_TITLE_HEIGHT = 26
_SWATCH = 14
_FONT_SIZE = 14


def colourise(label: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> Image.Image:
    """Return a label map [H, W] in its classes' colours; values without a class are black."""
    table = np.full((256, 3), _IGNORED, np.uint8)
    table[: len(palette)] = palette
    return Image.fromarray(table[label])


def comparison(
    panels: Sequence[tuple[str, Image.Image]],
    legend: Sequence[tuple[str, tuple[int, int, int]]],
    *,
    zoom: int = 1,
) -> Image.Image:
    """Return titled panels side by side above a legend.

    Args:
        panels: (title, picture); all pictures have one size.
        legend: (class name, RGB colour) of the classes to explain.
        zoom: whole factor by which the pictures are enlarged.
    """
    width, height = (side * zoom for side in panels[0][1].size)
    font = ImageFont.load_default(_FONT_SIZE)
    total_width = _MARGIN + len(panels) * (width + _MARGIN)
    lines = _legend_lines(legend, total_width, font)
    total_height = _TITLE_HEIGHT + height + _MARGIN + len(lines) * (_SWATCH + 10) + 4
    canvas = Image.new("RGB", (total_width, total_height), _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for i, (title, picture) in enumerate(panels):
        left = _MARGIN + i * (width + _MARGIN)
        draw.text((left, 5), title, _INK, font=font)
        resized = picture.resize((width, height), Image.Resampling.NEAREST)
        canvas.paste(resized, (left, _TITLE_HEIGHT))
    for row, line in enumerate(lines):
        top = _TITLE_HEIGHT + height + _MARGIN + row * (_SWATCH + 10)
        for left, name, colour in line:
            draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), fill=colour, outline=_INK)
            draw.text((left + _SWATCH + 6, top - 1), name, _INK, font=font)
    return canvas


def _legend_lines(
    legend: Sequence[tuple[str, tuple[int, int, int]]],
    width: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> list[list[tuple[int, str, tuple[int, int, int]]]]:
    """Break the legend into lines of (left edge, name, colour) that fit ``width`` pixels."""
    lines: list[list[tuple[int, str, tuple[int, int, int]]]] = [[]]
    left = _MARGIN
    for name, colour in legend:
        needed = _SWATCH + 6 + int(font.getlength(name)) + 2 * _MARGIN
        if lines[-1] and left + needed > width:
            lines.append([])
            left = _MARGIN
        lines[-1].append((left, name, colour))
        left += needed
    return lines
