"""Houses: where they stand, their walls, windows and roofs."""

from __future__ import annotations

import itertools
import math

import numpy as np

from scenes.painter import Painter, Thing
from scenes.picture import HOUSE, Colour, Floats
from scenes.solids import GLASS, frustum, on_face, place, rectangle
from scenes.world import World, somewhere

_WALLS: tuple[Colour, ...] = (
    (232, 224, 206), (206, 196, 178), (176, 104, 78), (158, 88, 70), (190, 188, 184),
    (150, 150, 150), (212, 178, 120), (168, 184, 196), (134, 118, 98), (168, 176, 140),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = (
    (162, 78, 56), (138, 66, 52), (84, 84, 92), (108, 102, 98), (122, 84, 60), (96, 104, 88),
)  # fmt: skip


def new_house(world: World, rng: np.random.Generator) -> Thing | None:
    """Return a house that faces or flanks the road, or None where it would stand too close."""
    x, z = somewhere(world, rng, 17, 85)
    radius = float(rng.uniform(4, 7))
    if world.road.clearance(x, z) < radius + 1:
        return None
    yaw = world.road.heading(z) + float(rng.choice([0, 0.5, 1, 1.5])) * math.pi
    height = float(rng.choice([2.9, 3.3, 5.2, 5.8]))
    return Thing(category=HOUSE, x=x, z=z, yaw=yaw + float(rng.normal(0, 0.12)), radius=radius,
                 height=height, draw=_draw_house)  # fmt: skip


def _draw_house(painter: Painter, thing: Thing) -> None:
    """Draw walls with windows, and a roof."""
    rng = painter.rng
    half = (thing.radius * rng.uniform(0.72, 0.95), thing.radius * rng.uniform(0.5, 0.7))
    storeys = 1 if thing.height < 4 else 2
    wall = painter.pick(_WALLS)
    bottom, top = (place(thing, rectangle(*half, y)) for y in (0.0, thing.height))
    faces = frustum(painter, bottom, top, wall)
    inside = (bottom.mean(axis=0) + top.mean(axis=0)) / 2
    courses = rng.random() < 0.5
    for face in faces:
        painter.face(on_face(face, 0, 1, 0, 0.07), inside, wall * 0.7)
        for share in np.linspace(0.1, 0.95, 12) if courses else ():
            painter.face(on_face(face, 0, 1, share, share + 0.012), inside, wall * 0.9)
        _draw_windows(painter, face, storeys, door=face is faces[0])
    _draw_roof(painter, thing, half, thing.height - 0.3)


def _draw_windows(painter: Painter, face: Floats, storeys: int, *, door: bool) -> None:
    """Draw rows of framed windows on a wall, and a door in its middle."""
    rng = painter.rng
    columns = max(1, round(float(np.linalg.norm(face[1] - face[0])) / 2.4))
    frame, glass = painter.pick(((226, 224, 216), (104, 84, 66))), painter.pick((GLASS,), 0.2)
    for column, storey in itertools.product(range(columns), range(storeys)):
        middle, low = (column + 0.5) / columns, (storey + 0.36) / storeys
        half, high = 0.2 / columns, low + 0.42 / storeys
        if door and storey == 0 and column == columns // 2:
            leaf = painter.pick(((112, 72, 48), (70, 92, 78), (140, 50, 48), (70, 78, 100)))
            painter.polygon(on_face(face, middle - half * 0.9, middle + half * 0.9, 0, high), leaf)
            continue
        painter.polygon(
            on_face(face, middle - half * 1.25, middle + half * 1.25, low - 0.03, high + 0.03),
            frame,
        )
        shine = glass * rng.uniform(0.75, 1.5)
        painter.polygon(on_face(face, middle - half, middle + half, low, high), shine)


def _draw_roof(painter: Painter, thing: Thing, half: tuple[float, float], eaves: float) -> None:
    """Draw a gabled or hipped roof, and a chimney that it hides the foot of."""
    rng = painter.rng
    rise = half[1] * rng.uniform(0.55, 1.05)
    tiles = painter.pick(_ROOFS)
    a, b = half[0] + 0.35, half[1] + 0.45
    hip = a * rng.uniform(0.4, 0.7) if rng.random() < 0.3 else 0.0
    corners = place(thing, [*rectangle(a, b, eaves), (-a + hip, eaves + rise, 0),
                            (a - hip, eaves + rise, 0)])  # fmt: skip
    if rng.random() < 0.6:
        at = rng.uniform(-0.6, 0.6) * half[0]
        base = [(at + dx, eaves + rise * 0.5, dz) for dx, _, dz in rectangle(0.35, 0.35, 0)]
        top = [(dx, eaves + rise + 0.9, dz) for dx, _, dz in base]
        frustum(painter, place(thing, base), place(thing, top), painter.pick(((132, 82, 66),)))
    inside = corners.mean(axis=0)
    gable = tiles if hip else tiles * 0.5 + 92
    for indices, colour in (((0, 4, 3), gable), ((1, 2, 5), gable),
                            ((0, 1, 5, 4), tiles), ((3, 2, 5, 4), tiles)):  # fmt: skip
        face = corners[list(indices)]
        if painter.face(face, inside, colour) and len(indices) == 4:
            for share in np.linspace(0.12, 0.88, 6):
                row = on_face(face, 0, 1, share - 0.012, share + 0.012)
                painter.face(row, inside, colour * 0.84)
