"""People: where they stand and walk, their limbs, clothes and heads."""

from __future__ import annotations

import numpy as np

from scenes.painter import Painter, Thing
from scenes.picture import PERSON, Colour
from scenes.world import World, somewhere

_CLOTHES: tuple[Colour, ...] = (
    (176, 48, 52), (46, 66, 128), (58, 60, 66), (216, 210, 198), (88, 112, 72), (200, 150, 60),
    (112, 84, 64), (128, 130, 134), (110, 70, 120), (80, 140, 150),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((236, 196, 168), (206, 158, 122), (158, 110, 80), (104, 72, 54))


def new_person(world: World, rng: np.random.Generator) -> Thing | None:
    """Return somebody, more often than not at the side of the road."""
    x, z = somewhere(world, rng, 6.5, 34)
    if rng.random() < 0.55:
        side = float(rng.choice([-0.45, 0.45]))
        x = world.road.middle(z) + side * world.road.width + float(rng.normal(0, 0.4))
    height = float(rng.uniform(1.55, 1.9) if rng.random() < 0.8 else rng.uniform(1.0, 1.4))
    return Thing(category=PERSON, x=x, z=z, yaw=0.0, radius=0.3, height=height, draw=_draw_person)


def _draw_person(painter: Painter, thing: Thing) -> None:
    """Draw somebody standing or walking: legs, arms, coat, head and hair."""
    rng = painter.rng
    h = thing.height
    coat, trousers = painter.pick(_CLOTHES), painter.pick(_CLOTHES) * 0.8
    skin, hair = painter.pick(_SKINS), painter.pick(((48, 38, 32), (120, 84, 48), (170, 166, 160)))
    stride, wide = rng.uniform(0.02, 0.16) * h, rng.uniform(0.1, 0.135) * h
    hem = h * rng.uniform(0.36, 0.5)
    for side, shade in ((-1, 1.0), (1, 0.8)):
        foot = side * stride
        painter.board(thing, [(side * 0.02, hem + 0.1 * h), (side * 0.1 * h, hem + 0.1 * h),
                              (foot + 0.045 * h, 0), (foot - 0.045 * h, 0)],
                      trousers * shade)  # fmt: skip
    for side, shade in ((-1, 0.9), (1, 0.72)):
        hand = side * (wide + rng.uniform(0.0, 0.08) * h)
        cuff = side * 0.03 * h
        painter.board(thing, [(side * wide * 0.8, 0.82 * h), (side * wide * 1.25, 0.8 * h),
                              (hand + cuff, 0.46 * h), (hand - cuff, 0.46 * h)],
                      coat * shade)  # fmt: skip
    painter.board(thing, [(-wide * 0.9, hem), (wide * 0.9, hem), (wide, 0.8 * h),
                          (wide * 0.5, 0.845 * h), (-wide * 0.5, 0.845 * h), (-wide, 0.8 * h)],
                  coat)  # fmt: skip
    painter.board(thing, [(0, hem), (wide * 0.9, hem), (wide, 0.8 * h), (wide * 0.5, 0.845 * h),
                          (0, 0.845 * h)], coat * 0.82)  # fmt: skip
    head = np.array([thing.x, 0.915 * h, thing.z])
    painter.blob(head + np.array([0, 0.012 * h, 0]), (0.062 * h, 0.08 * h), hair)
    painter.blob(head + np.array([0, -0.015 * h, 0]), (0.05 * h, 0.062 * h), skin)
