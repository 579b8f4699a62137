"""Sky, hills, meadows and roads, and the shadows that lie on the ground."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scenes.painter import SHIFT, Thing, fixed_point
from scenes.picture import HEIGHT, SCALE, WIDTH, Floats, Mask, mix, noise
from scenes.solids import footprint
from scenes.world import Camera, World

_FAR = 400.0  # metres, where the ground meets the horizon


def paint_sky(world: World, rng: np.random.Generator) -> Floats:
    """Return the sky over the whole canvas, float RGB."""
    shape = (HEIGHT * SCALE, WIDTH * SCALE)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    climb = np.clip(1 - rows / world.camera.horizon, 0, 1)
    weather = world.weather
    sky = mix(np.broadcast_to(np.array(weather.horizon, np.float32), (*shape, 3)),
              weather.zenith, climb**0.7)  # fmt: skip
    # Clouds flatten towards the horizon, as seen from below.
    field = noise(rng, shape, 150, 6)
    reach = 60 / (climb + 0.18)
    clouds = np.asarray(
        cv2.remap(field, (columns - shape[1] / 2) * reach / 150 + shape[1] / 2,
                  np.mod(reach * 3, shape[0]).astype(np.float32),
                  cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    )  # fmt: skip
    cover = rng.uniform(*weather.clouds)
    density = np.clip((clouds + 2.4 * cover - 1.7) * 0.8, 0, 0.9) * np.clip(climb * 5, 0, 1)
    white = np.array(weather.horizon, np.float32) * 0.35 + np.array([246, 246, 248]) * 0.65
    shaded = white - 46 * np.clip(clouds[..., None] - 0.2, 0, 1) * (0.4 + cover)
    return mix(sky, shaded, density)


def paint_hills(world: World, rng: np.random.Generator, sky: Floats) -> tuple[Floats, Mask]:
    """Return the sky with ranges of hills before it, and where the hills are."""
    height, width = sky.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    hills = np.zeros((height, width), np.bool_)
    colours = np.array(world.season.grass, np.float32)
    for distance in sorted(rng.uniform(0.15, 0.75, int(rng.integers(0, 4))), reverse=True):
        line = noise(rng, (1, width), float(rng.uniform(90, 260)), 4)[0]
        crest = world.camera.horizon - np.maximum(14 + 12 * line + 34 * distance, 0)
        hill = (rows >= crest) & (rows < world.camera.horizon + 2)
        colour = colours[int(rng.integers(len(colours)))] * rng.uniform(0.65, 0.95)
        texture = 1 + 0.07 * noise(rng, (height, width), 30, 4)
        veiled = mix(colour * texture[..., None], world.weather.horizon,
                     np.full(hills.shape, 0.25 + 0.6 * distance))  # fmt: skip
        sky = np.where(hill[..., None], veiled, sky)
        hills |= hill
    return sky, hills


def ground_coordinates(camera: Camera, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return x and z in metres of the ground seen at every pixel; z is ``_FAR`` at most."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    below = np.maximum(rows - camera.horizon, 1e-3)
    z = np.minimum(camera.focal * camera.height / below, _FAR)
    return (columns - camera.centre) * z / camera.focal, z


def _ground_noise(rng: np.random.Generator, x: Floats, z: Floats, grain: float) -> Floats:
    """Return noise that lies on the ground; ``grain`` metres, fading where it gets too fine."""
    tile = noise(rng, (256, 256), 16, 5)
    # There and back again, so that the tile meets its mirror image without a seam.
    periods = (metres / (grain * 510 / 8) + 0.2 for metres in (x, z))
    u, v = (np.abs(turns - np.floor(turns) - 0.5) * 510 for turns in periods)
    grains = np.asarray(cv2.remap(tile, u.astype(np.float32), v.astype(np.float32),
                                  cv2.INTER_LINEAR))  # fmt: skip
    return grains / (1 + z / (60 * grain))


def paint_grass(world: World, rng: np.random.Generator, x: Floats, z: Floats) -> Floats:
    """Return meadows, with fields of other colours further away."""
    lush, plain, dry = (np.array(c, np.float32) for c in world.season.grass)
    patches = _ground_noise(rng, x, z, 9)
    grass = mix(np.broadcast_to(plain, (*x.shape, 3)), lush, patches)
    grass = mix(grass, dry, -patches)
    if rng.random() < 0.6:
        parcels = (
            np.floor((x + rng.uniform(0, 40)) / rng.uniform(14, 40)) * 7
            + np.floor(z / rng.uniform(18, 40)) * 3
        )
        tint = np.array(
            [(190, 168, 96), (128, 104, 78), (142, 158, 82), (104, 130, 64)], np.float32
        )
        far = np.clip((z - rng.uniform(22, 40)) / 4, 0, 0.85)
        grass = mix(grass, tint[np.mod(parcels, 4).astype(np.int64)], far)
    blades = 0.09 * _ground_noise(rng, x, z, 0.5) + 0.10 * _ground_noise(rng, x, z, 2.5)
    grass = grass * (1 + blades)[..., None]
    if rng.random() < 0.4:
        flowers = (rng.random(x.shape) > 0.985) & (_ground_noise(rng, x, z, 5) > 0.5) & (z < 25)
        colour = ((240, 236, 220), (232, 200, 70), (196, 90, 110))[int(rng.integers(3))]
        grass = np.where(flowers[..., None], np.array(colour, np.float32), grass)
    return grass


def _road_mask(world: World, rng: np.random.Generator, x: Floats, z: Floats) -> tuple[Floats, Mask]:
    """Return the distance from the road's middle, in road widths, and where the road is."""
    road = world.road
    across = np.abs(x - road.middle(z)) / road.width
    if not road.paved:
        across = across + 0.05 * _ground_noise(rng, x, z, 1.5)
    mask = across < 0.5
    if road.crossing is not None:
        other = np.abs(z - road.crossing) / road.width
        mask |= other < 0.5
        across = np.minimum(across, other)
    return across, mask & (z < 0.9 * _FAR)


def paint_road(
    world: World, rng: np.random.Generator, ground: Floats, x: Floats, z: Floats
) -> tuple[Floats, Mask]:
    """Return the ground with the road on it, and where the road is."""
    road = world.road
    across, mask = _road_mask(world, rng, x, z)
    surface = np.array(road.colour, np.float32) * (
        1 + 0.05 * _ground_noise(rng, x, z, 0.4) + 0.07 * _ground_noise(rng, x, z, 4)
    )[..., None]  # fmt: skip
    tracks = np.exp(-(((across - 0.25) / 0.07) ** 2))
    surface = surface * (1 - 0.09 * tracks)[..., None]
    if road.paved:
        kerb = (across > 0.39) & (across < 0.5)
        surface = np.where(kerb[..., None], surface * 0.55 + 88, surface)
        crossing = 0 if road.crossing is None else np.abs(z - road.crossing) < road.width / 2
        dashes = (np.abs(x - road.middle(z)) < 0.09) & (np.mod(z, 7) < 3.5) & (crossing == 0)
        edges = (across > 0.365) & (across < 0.378) & (rng.random() < 0.5)
        paint = mix(surface, (226, 224, 214), np.full(x.shape, rng.uniform(0.35, 0.85)))
        surface = np.where((dashes | edges)[..., None], paint, surface)
    else:
        verge = np.clip((0.06 - across) * 14, 0, 0.6) * (rng.random() < 0.7)
        surface = mix(surface, world.season.grass[1], verge)
    return np.where(mask[..., None], surface, ground), mask


def shade_ground(
    world: World, rng: np.random.Generator, things: Sequence[Thing], shape: tuple[int, int]
) -> Floats:
    """Return the ground's brightness: shadows of things, contact shadows, shadows of clouds."""
    cast, contact = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    sun = world.sun
    for thing in things:
        foot = footprint(thing)
        reach = np.array([sun[0], 0.0, sun[2]]) / sun[1] * thing.height * 0.9
        both = np.concatenate([foot, foot - reach])
        both[:, 2] = np.maximum(both[:, 2], 1.5)
        hull = cv2.convexHull(fixed_point(world.camera.project(both)))
        cv2.fillConvexPoly(cast, hull, (1.0,), cv2.LINE_8, SHIFT)
        cv2.fillPoly(contact, [fixed_point(world.camera.project(foot))], (1.0,), cv2.LINE_8, SHIFT)
    cast = np.asarray(cv2.GaussianBlur(cast, (0, 0), 1.5))
    contact = np.asarray(cv2.GaussianBlur(contact, (0, 0), 3.0))
    clouds = np.clip(noise(rng, shape, 220, 3) - 0.3, 0, 1)
    contrast = world.weather.contrast
    darkness = np.maximum(cast * contrast, clouds * contrast * 0.7) + contact * 0.22
    brightness: Floats = 1 - np.clip(darkness, 0, 0.8)
    return brightness
