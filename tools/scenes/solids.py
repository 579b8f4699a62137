"""Solid geometry: a thing's own coordinates, its footprint, boxes and their faces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scenes.painter import Painter, Thing
from scenes.picture import CAR, Colour, Floats

GLASS: Colour = (58, 70, 84)
"""Windows of houses and cars."""


def place(thing: Thing, local: Sequence[tuple[float, float, float]]) -> Floats:
    """Turn and move points from the thing's own coordinates into the world."""
    points = np.array(local, np.float64)
    c, s = math.cos(thing.yaw), math.sin(thing.yaw)
    x = thing.x + c * points[:, 0] + s * points[:, 2]
    z = thing.z - s * points[:, 0] + c * points[:, 2]
    return np.stack([x, points[:, 1], z], axis=1)


def footprint(thing: Thing) -> Floats:
    """Return the outline of the ground that a thing covers."""
    wide = 0.85 if thing.category == CAR else thing.radius
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    return place(thing, [(wide * math.cos(a), 0.0, thing.radius * math.sin(a)) for a in angles])


def rectangle(half_x: float, half_z: float, y: float) -> list[tuple[float, float, float]]:
    """Return the corners of a level rectangle round the axis, in a thing's own coordinates."""
    return [(-half_x, y, -half_z), (half_x, y, -half_z), (half_x, y, half_z), (-half_x, y, half_z)]


def frustum(painter: Painter, bottom: Floats, top: Floats, colour: Floats) -> list[Floats]:
    """Draw a solid between two rectangles; return its visible upright faces.

    A face's corners are in the order bottom, bottom, top, top, to put windows on it.
    """
    inside = (bottom.mean(axis=0) + top.mean(axis=0)) / 2
    seen = []
    for i, j in ((0, 1), (1, 2), (2, 3), (3, 0)):
        face = np.stack([bottom[i], bottom[j], top[j], top[i]])
        if painter.face(face, inside, colour):
            seen.append(face)
    painter.face(top, inside, colour)
    return seen


def on_face(face: Floats, left: float, right: float, low: float, high: float) -> Floats:
    """Return the part of a face between shares of its width and height."""
    corners = []
    for u, v in ((left, low), (right, low), (right, high), (left, high)):
        bottom = face[0] * (1 - u) + face[1] * u
        top = face[3] * (1 - u) + face[2] * u
        corners.append(bottom * (1 - v) + top * v)
    return np.stack(corners)
