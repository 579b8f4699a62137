"""From a seed to a scene: populate a world, paint it, then veil, label and develop the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from scenes.cars import new_car
from scenes.houses import new_house
from scenes.landscape import (
    ground_coordinates,
    paint_grass,
    paint_hills,
    paint_road,
    paint_sky,
    shade_ground,
)
from scenes.painter import Painter, Thing
from scenes.people import new_person
from scenes.picture import (
    CAR,
    GRASS,
    HEIGHT,
    HOUSE,
    IGNORED,
    PERSON,
    ROAD,
    SCALE,
    SKY,
    TREE,
    WIDTH,
    Bytes,
    Floats,
    Instance,
    Mask,
    Scene,
    mix,
    noise,
)
from scenes.trees import new_tree
from scenes.world import World, make_world

_MIN_VISIBLE = 12  # pixels; less of an object than this nobody could name


def render_scene(seed: int) -> Scene:
    """Draw the scene that belongs to a seed; the same seed gives the same scene."""
    rng = np.random.Generator(np.random.PCG64(seed))
    driving = bool(rng.random() < 0.45)
    world = make_world(rng, driving=driving)
    things = _populate(world, rng)
    shape = (HEIGHT * SCALE, WIDTH * SCALE)
    backdrop, hills = paint_hills(world, rng, paint_sky(world, rng))
    x, z = ground_coordinates(world.camera, shape)
    ground, road = paint_road(world, rng, paint_grass(world, rng, x, z), x, z)
    ground = ground * shade_ground(world, rng, things, shape)[..., None]
    below = np.broadcast_to(np.arange(shape[0])[:, None] > world.camera.horizon, shape)
    rgb = np.where(below[..., None], ground, backdrop)
    surface = np.where(below, np.where(road, ROAD, GRASS), np.where(hills, GRASS, SKY))
    painter = Painter(world, rng, np.clip(rgb, 0, 255).astype(np.uint8))
    for painter.current, thing in enumerate(things, start=1):
        thing.draw(painter, thing)
    rgb = _veil(world, painter, things, z) * _texture(painter, things)[..., None]
    if driving:
        bonnet = _paint_bonnet(rng, rgb)
        surface[bonnet], painter.ids[bonnet] = IGNORED, 0
    ids = np.ascontiguousarray(painter.ids[::SCALE, ::SCALE])
    instances = _instances(ids, things)
    label = _label(ids, surface[::SCALE, ::SCALE].astype(np.uint8), instances)
    return Scene(image=_develop(world, rng, rgb), label=label, instances=instances)


def _populate(world: World, rng: np.random.Generator) -> list[Thing]:
    """Return what stands in the scene, far things first, nothing inside another thing."""
    things: list[Thing] = []
    for create, low, high in (
        (new_house, 1, 6), (new_car, 0, 6), (new_tree, 4, 15), (new_person, 1, 8),
    ):  # fmt: skip
        wanted = int(rng.integers(low, high + 1))
        for _ in range(wanted * 6):
            thing = create(world, rng)
            if wanted == 0:
                break
            if thing is not None and not any(_collide(thing, other) for other in things):
                things.append(thing)
                wanted -= 1
    return sorted(things, key=lambda thing: -thing.z)


def _collide(a: Thing, b: Thing) -> bool:
    # Crowns may hang over roofs and cars; only what is low needs its full room.
    room = sum(t.radius * (0.5 if t.category == TREE else 1.0) for t in (a, b))
    return math.hypot(a.x - b.x, a.z - b.z) < room


def _veil(world: World, painter: Painter, things: Sequence[Thing], z: Floats) -> Floats:
    """Return the picture behind haze that grows with distance."""
    distances = np.array([0.0, *(thing.z for thing in things)], np.float32)
    below = np.arange(z.shape[0])[:, None] > world.camera.horizon
    # Sky and hills already have the colour that the air gives them.
    depth = np.where(painter.ids > 0, distances[painter.ids], np.where(below, z, 0))
    share = np.clip(1 - np.exp(-world.haze * depth), 0, 0.88)
    return mix(painter.rgb.astype(np.float32), world.weather.horizon, share)


def _texture(painter: Painter, things: Sequence[Thing]) -> Floats:
    """Return a grain [H, W] around 1: leaves are rough, car paint is smooth."""
    grain = {HOUSE: 0.03, TREE: 0.10, CAR: 0.015, PERSON: 0.04}
    strength = np.array([0.0, *(grain[thing.category] for thing in things)], np.float32)
    return 1 + strength[painter.ids] * noise(painter.rng, painter.ids.shape, 5, 3)


def _paint_bonnet(rng: np.random.Generator, rgb: Floats) -> Mask:
    """Draw the front of the car that carries the camera; return where it is."""
    height, width = rgb.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rise = height * float(rng.uniform(0.05, 0.09))
    edge = height - rise * (1 - ((columns - width / 2) / (width * 0.62)) ** 2)
    bonnet: Mask = rows >= edge
    sheen = np.clip(1.35 - (rows - edge) / rise, 0.5, 1.35)
    paint = np.array(((44, 46, 54), (64, 72, 88), (78, 34, 36))[int(rng.integers(3))], np.float32)
    rgb[bonnet] = (paint * sheen[..., None])[bonnet]
    return bonnet


def _develop(world: World, rng: np.random.Generator, rgb: Floats) -> Bytes:
    """Turn the enlarged drawing into the photograph: light, lens, sensor."""
    dapple = 1 + 0.05 * noise(rng, rgb.shape[:2], 160, 2)
    rgb = rgb * np.array(world.weather.light, np.float32) * dapple[..., None]
    small = np.asarray(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.25, 0.75))))
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    vignette = 1 - float(rng.uniform(0.02, 0.12)) * (rows**2 + columns**2)
    small = small * vignette[..., None] * float(rng.uniform(0.9, 1.18))
    small = 255 * np.power(np.clip(small / 255, 0, 1), float(rng.uniform(0.8, 1.12)))
    small = small * rng.normal(1, 0.02, 3)
    grain = float(rng.uniform(0.6, 2.6))
    luminance = rng.standard_normal((HEIGHT, WIDTH, 1)) * grain
    small = small + luminance + rng.standard_normal(small.shape) * grain * 0.4
    image: Bytes = np.clip(np.round(small), 0, 255).astype(np.uint8)
    return image


def _instances(ids: Bytes, things: Sequence[Thing]) -> tuple[Instance, ...]:
    found = []
    for number, thing in enumerate(things, start=1):
        mask = ids == number
        if np.count_nonzero(mask) < _MIN_VISIBLE:
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        found.append(Instance(category=thing.category, box=box, mask=mask))
    return tuple(found)


def _label(ids: Bytes, surface: Bytes, instances: Sequence[Instance]) -> Bytes:
    """Return the label map: surfaces, objects, and what is too thin a line to be judged."""
    label = np.where(ids > 0, np.uint8(IGNORED), surface)
    for instance in instances:
        label[instance.mask] = instance.category
    # Numbers grow towards the camera, so this outlines every object in what is behind it.
    cross = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    label[np.asarray(cv2.dilate(ids, cross)) > ids] = IGNORED
    return label
