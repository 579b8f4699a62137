"""Cars: where they drive and park, their bodies, windows, wheels and lamps."""

from __future__ import annotations

import itertools
import math

import numpy as np

from scenes.painter import Painter, Thing
from scenes.picture import CAR, Colour, Floats
from scenes.solids import GLASS, frustum, on_face, place, rectangle
from scenes.world import World, somewhere

_PAINTS: tuple[Colour, ...] = (
    (190, 40, 38), (38, 70, 150), (226, 226, 224), (160, 164, 168), (44, 46, 52), (92, 96, 100),
    (52, 96, 66), (198, 156, 60), (128, 160, 184), (118, 94, 72), (140, 44, 60),
)  # fmt: skip


def new_car(world: World, rng: np.random.Generator) -> Thing | None:
    """Return a car in a lane, on the crossing road or parked anywhere."""
    road = world.road
    _, z = somewhere(world, rng, 7.5, 60)
    lane = float(rng.choice([-0.22, 0.22])) * road.width
    yaw = road.heading(z) + (math.pi if lane < 0 else 0.0)
    x = road.middle(z) + lane
    if road.crossing is not None and rng.random() < 0.4:
        x, _ = somewhere(world, rng, road.crossing, road.crossing + 1)
        z, yaw = road.crossing + lane, math.pi / 2 * float(rng.choice([-1, 1]))
    elif rng.random() < 0.3:
        x, z = somewhere(world, rng, 9, 45)
        yaw = float(rng.uniform(0, 2 * math.pi))
    radius, height = float(rng.uniform(1.8, 2.3)), float(rng.uniform(1.4, 1.95))
    return Thing(category=CAR, x=x, z=z, yaw=yaw, radius=radius, height=height, draw=_draw_car)


def _draw_car(painter: Painter, thing: Thing) -> None:
    """Draw a saloon, an estate or a van; its front points along its own +z."""
    rng = painter.rng
    paint = painter.pick(_PAINTS)
    half = (0.88, thing.radius)
    waist = thing.height * rng.uniform(0.54, 0.62)
    hood, boot = rng.uniform(0.25, 0.55), rng.uniform(0.02, 0.3)
    body = [place(thing, rectangle(half[0] * k, half[1], y)) for k, y in ((1, 0.28), (1, waist))]
    sides = frustum(painter, body[0], body[1], paint)
    _draw_wheels(painter, thing, half, 0.32)
    for face in sides:
        if np.linalg.norm(face[1] - face[0]) < 2.2:
            _draw_lamps(painter, thing, face)
    low = [(-0.84, waist, -half[1] * (1 - boot / 2)), (0.84, waist, -half[1] * (1 - boot / 2)),
           (0.84, waist, half[1] * (1 - hood)), (-0.84, waist, half[1] * (1 - hood))]  # fmt: skip
    top = [(x * 0.82, thing.height, z * 0.78) for x, _, z in low]
    for face in frustum(painter, place(thing, low), place(thing, top), paint):
        glass = painter.pick((GLASS,), 0.12)
        if np.linalg.norm(face[1] - face[0]) < 2.2:
            painter.polygon(on_face(face, 0.08, 0.92, 0.1, 0.86), glass)
            continue
        painter.polygon(on_face(face, 0.08, 0.49, 0.1, 0.86), glass)
        painter.polygon(on_face(face, 0.53, 0.92, 0.1, 0.86), glass)


def _draw_wheels(painter: Painter, thing: Thing, half: tuple[float, float], radius: float) -> None:
    """Draw the two wheels on the side of a car that the camera sees."""
    angles = np.linspace(0, 2 * math.pi, 16, endpoint=False)
    eye = place(thing, [(-1, 0, 0), (1, 0, 0)])
    side = -1 if np.hypot(eye[0, 0], eye[0, 2]) < np.hypot(eye[1, 0], eye[1, 2]) else 1
    for end, (size, colour) in itertools.product(
        (-0.6, 0.6), ((radius, (30, 30, 32)), (radius * 0.55, (150, 152, 156)))
    ):
        rim = [(side * (half[0] + 0.02), radius + size * math.sin(a),
                end * half[1] + size * math.cos(a)) for a in angles]  # fmt: skip
        painter.polygon(place(thing, rim), np.array(colour, np.float32))


def _draw_lamps(painter: Painter, thing: Thing, face: Floats) -> None:
    """Draw lamps, bumper and number plate on the end of a car that the camera sees."""
    ends = place(thing, [(0, 0.5, -thing.radius), (0, 0.5, thing.radius)])
    front = np.hypot(ends[1, 0], ends[1, 2]) < np.hypot(ends[0, 0], ends[0, 2])
    lamp = np.array((244, 238, 214) if front else (206, 36, 34), np.float32)
    painter.polygon(on_face(face, 0, 1, 0, 0.24), np.array((44, 44, 48), np.float32))
    painter.polygon(on_face(face, 0.05, 0.24, 0.5, 0.78), lamp)
    painter.polygon(on_face(face, 0.76, 0.95, 0.5, 0.78), lamp)
    painter.polygon(on_face(face, 0.36, 0.64, 0.28, 0.44), np.array((226, 222, 200), np.float32))
