"""Draws label maps for people: panels side by side, with a legend of the classes in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hrnet_zoo.datasets.label_images import IGNORED

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WRONG = (220, 30, 30)
_BACKGROUND = (255, 255, 255)
_INK = (30, 30, 30)
_BLACK = (0, 0, 0)
_MARGIN = 12
_TITLE_HEIGHT = 26
_SWATCH = 14
_FONT_SIZE = 14


def colourise(label: NDArray[np.uint8], palette: Sequence[Colour]) -> Image.Image:
    """Return a label map [H, W] in its classes' colours; values without a class are black."""
    table = np.full((256, 3), _BLACK, np.uint8)
    table[: len(palette)] = palette
    return Image.fromarray(table[label])


def palette_png(label: NDArray[np.uint8], palette: Sequence[Colour]) -> Image.Image:
    """Return a label map [H, W] as a palette image: indices are kept, viewers show colours."""
    height, width = label.shape
    image = Image.frombytes("P", (width, height), np.ascontiguousarray(label).tobytes())
    image.putpalette([value for colour in palette for value in colour])
    return image


def overlay(
    image: NDArray[np.uint8], label: NDArray[np.uint8], palette: Sequence[Colour], alpha: float
) -> Image.Image:
    """Return an image [H, W, 3] tinted with the colours of its classes.

    Args:
        image: RGB, 0 to 255.
        label: [H, W], class indices.
        palette: RGB per class.
        alpha: share of the colour, 0 (the image alone) to 1 (the colours alone).
    """
    return Image.blend(Image.fromarray(image), colourise(label, palette), alpha)


def errors(
    image: NDArray[np.uint8], label: NDArray[np.uint8], prediction: NDArray[np.uint8]
) -> Image.Image:
    """Return the image in grey, wrong pixels red and ignored pixels black."""
    grey = np.asarray(Image.fromarray(image).convert("L").convert("RGB")).copy() // 2 + 64
    grey[(label != prediction) & (label != IGNORED)] = _WRONG
    grey[label == IGNORED] = _BLACK
    return Image.fromarray(grey.astype(np.uint8))


def legend_of(
    names: Sequence[str], palette: Sequence[Colour], *labels: NDArray[np.uint8]
) -> list[tuple[str, Colour]]:
    """Return name and colour of the classes that occur in any of the label maps."""
    present = np.unique(np.concatenate([label.ravel() for label in labels]))
    return [(names[i], palette[i]) for i in present if i < len(names)]


def comparison(
    panels: Sequence[tuple[str, Image.Image]],
    legend: Sequence[tuple[str, Colour]],
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
        draw.text((left, 5), fitted(title, width, font), _INK, font=font)
        resized = picture.resize((width, height), Image.Resampling.NEAREST)
        canvas.paste(resized, (left, _TITLE_HEIGHT))
    for row, line in enumerate(lines):
        top = _TITLE_HEIGHT + height + _MARGIN + row * (_SWATCH + 10)
        for left, name, colour in line:
            draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), fill=colour, outline=_INK)
            draw.text((left + _SWATCH + 6, top - 1), name, _INK, font=font)
    return canvas


def fitted(text: str, width: int, font: Font) -> str:
    """Return the text, cut short with dots if it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _legend_lines(
    legend: Sequence[tuple[str, Colour]],
    width: int,
    font: Font,
) -> list[list[tuple[int, str, Colour]]]:
    """Break the legend into lines of (left edge, name, colour) that fit ``width`` pixels."""
    lines: list[list[tuple[int, str, Colour]]] = [[]]
    left = _MARGIN
    for name, colour in legend:
        needed = _SWATCH + 6 + int(font.getlength(name)) + 2 * _MARGIN
        if lines[-1] and left + needed > width:
            lines.append([])
            left = _MARGIN
        lines[-1].append((left, name, colour))
        left += needed
    return lines
