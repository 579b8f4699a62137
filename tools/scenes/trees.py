"""Trees and bushes: where they stand, leafy crowns, conifers and trunks."""

from __future__ import annotations

import numpy as np

from scenes.painter import Painter, Thing
from scenes.picture import TREE, Colour
from scenes.world import World, somewhere

_CONIFERS: tuple[Colour, ...] = ((44, 78, 52), (56, 86, 50), (48, 74, 62))


def new_tree(world: World, rng: np.random.Generator) -> Thing | None:
    """Return a bush, a conifer or a leafy tree, or None where it would be in the way."""
    x, z = somewhere(world, rng, 9, 110)
    kind = rng.random()
    if kind < 0.2:
        height, slender, draw = rng.uniform(1.0, 2.2), rng.uniform(0.5, 0.8), _draw_leafy_tree
    elif kind < 0.45:
        height, slender, draw = rng.uniform(4, 11), rng.uniform(0.18, 0.28), _draw_conifer
    else:
        height, slender, draw = rng.uniform(3.5, 9), rng.uniform(0.2, 0.4), _draw_leafy_tree
    radius = float(height * slender)
    if world.road.clearance(x, z) < min(radius, 1.5) or z < 2.2 * height:
        return None
    return Thing(category=TREE, x=x, z=z, yaw=0.0, radius=radius, height=float(height), draw=draw)


def _draw_leafy_tree(painter: Painter, thing: Thing) -> None:
    """Draw a crown of many clumps of leaves, bright where they face the sun, and its trunk."""
    rng = painter.rng
    bush = thing.height < 2.4
    rise = thing.height * (0.55 if bush else rng.uniform(0.34, 0.42))
    centre = np.array([thing.x, thing.height - rise, thing.z])
    if not bush:
        _draw_trunk(painter, thing, thing.height - rise, 0.06 + 0.02 * thing.height)
    leaf = painter.pick(painter.world.season.leaves, 0.1)
    clumps = 110 if thing.z < 45 else 50
    spots = rng.standard_normal((clumps, 3))
    spots /= np.linalg.norm(spots, axis=1, keepdims=True)
    spots *= rng.uniform(0.25, 1, (clumps, 1)) ** 0.5
    for spot in spots[np.argsort(spots @ painter.world.sun - spots[:, 2])]:
        size = rng.uniform(0.16, 0.32)
        where = centre + spot * np.array([thing.radius, rise, 0.0]) * (1 - size * 0.6)
        shade = painter.sunlit(spot / max(float(np.linalg.norm(spot)), 1e-6))
        shade *= (0.86 + 0.14 * spot[1]) * rng.normal(0.97, 0.07)
        painter.blob(where, (thing.radius * size, rise * size), leaf * shade)


def _draw_conifer(painter: Painter, thing: Thing) -> None:
    """Draw tiers of drooping branches, the side away from the sun darker."""
    rng = painter.rng
    needles = painter.pick(_CONIFERS, 0.12)
    _draw_trunk(painter, thing, thing.height * 0.3, 0.05 + 0.012 * thing.height)
    tiers = int(rng.integers(5, 9))
    left, right = (painter.sunlit(np.array([sign * 0.8, 0.3, -0.5])) for sign in (-1, 1))
    for tier in range(tiers):
        share = tier / tiers
        low = thing.height * (0.12 + 0.86 * share)
        high = min(low + thing.height * 0.34, thing.height)
        half = thing.radius * (1 - share) * rng.uniform(0.88, 1.1) + 0.08
        dark = needles * (0.8 + 0.2 * share)
        jag = [(half * k / 4, low + (0.05 * thing.height * (k % 2)) - 0.02 * k) for k in range(5)]
        painter.board(thing, [(-dx, y) for dx, y in jag] + [(0, high)], dark * left)
        painter.board(thing, [*jag, (0, high)], dark * right)


def _draw_trunk(painter: Painter, thing: Thing, top: float, width: float) -> None:
    bark = painter.pick(((92, 70, 52), (78, 64, 54), (112, 92, 72), (188, 184, 174)))
    painter.board(thing, [(-width, 0), (width, 0), (width * 0.6, top), (-width * 0.6, top)], bark)
    painter.board(thing, [(0, 0), (width, 0), (width * 0.6, top), (0, top)], bark * 0.75)
