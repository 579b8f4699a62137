"""Draw the demo zoo's data set: small outdoor scenes with a class for every pixel.

A scene is a road through a village, seen by a pinhole camera: solids, trees and people stand on a
flat ground, are painted from far to near, lit by one sun and veiled by haze. Everything is drawn
at twice the size and averaged down, so edges are as soft as a photograph's. Colours overlap between
classes on purpose (dry grass and dirt roads, grey walls and grey skies, autumn leaves and bricks):
a small network has to make mistakes, or a check of its score would check nothing.

    python bench/render_demo.py [--output hrnet_zoo/demo/data]
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from hrnet_zoo.datasets.classes import class_table

ROOT = Path(__file__).resolve().parents[1]
HEIGHT, WIDTH = 180, 270
IGNORED = 255
SKY, GRASS, ROAD, HOUSE, TREE, CAR, PERSON = range(7)
TOWNS = ("ambleford", "birchwick", "coldharbour")
SCENES_PER_TOWN = 12
VALIDATION_SEEDS = range(len(TOWNS) * SCENES_PER_TOWN)
TRAINING_SEEDS = range(100_000, 200_000)

_SCALE = 2
_SHIFT = 4  # fractional bits of the coordinates handed to OpenCV
_MIN_VISIBLE = 12  # pixels; less of an object than this nobody could name
_FAR = 400.0  # metres, where the ground meets the horizon

Floats = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Colour = tuple[float, float, float]
Distance = TypeVar("Distance", float, Floats)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One house, tree, car or person, as far as it can be seen."""

    category: int
    """Class index, as in the label map."""
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2 round the visible pixels; x2 and y2 are exclusive."""
    mask: Mask
    """[H, W], true at the visible pixels."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture and what is in it."""

    image: Bytes
    """[H, W, 3], RGB."""
    label: Bytes
    """[H, W], class indices and 255 for ignored pixels."""
    instances: tuple[Instance, ...]
    """From far to near."""


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Light and air."""

    zenith: Colour
    horizon: Colour
    light: Colour
    """What white looks like, 1 being full."""
    clouds: tuple[float, float]
    """Range of the covered share of the sky."""
    haze: tuple[float, float]
    """Range of the extinction per metre."""
    contrast: float
    """Strength of direct sunlight, hence of shadows."""


WEATHERS = (
    Weather(
        zenith=(74, 128, 204), horizon=(188, 212, 232), light=(1.04, 1.0, 0.94),
        clouds=(0.1, 0.5), haze=(0.002, 0.007), contrast=0.55,
    ),
    Weather(
        zenith=(112, 154, 208), horizon=(214, 220, 224), light=(1.0, 1.0, 0.98),
        clouds=(0.4, 0.8), haze=(0.003, 0.011), contrast=0.38,
    ),
    Weather(
        zenith=(150, 158, 168), horizon=(196, 200, 202), light=(0.93, 0.95, 0.98),
        clouds=(0.7, 1.0), haze=(0.005, 0.018), contrast=0.12,
    ),
    Weather(
        zenith=(92, 110, 164), horizon=(246, 196, 142), light=(1.06, 0.88, 0.72),
        clouds=(0.2, 0.7), haze=(0.003, 0.012), contrast=0.58,
    ),
    Weather(
        zenith=(186, 196, 200), horizon=(216, 220, 216), light=(0.90, 0.91, 0.90),
        clouds=(0.3, 0.8), haze=(0.014, 0.034), contrast=0.15,
    ),
)  # fmt: skip
_WEATHER_ODDS = (0.28, 0.22, 0.2, 0.18, 0.12)


@dataclass(frozen=True, kw_only=True)
class Season:
    """Colours of what grows."""

    grass: tuple[Colour, ...]
    leaves: tuple[Colour, ...]


SEASONS = (
    Season(
        grass=((104, 146, 62), (122, 160, 70), (138, 166, 84)),
        leaves=((92, 138, 56), (122, 158, 72), (78, 120, 60), (226, 192, 204)),
    ),
    Season(
        grass=((94, 128, 56), (112, 136, 62), (132, 144, 76)),
        leaves=((62, 98, 44), (78, 112, 50), (54, 88, 56), (96, 124, 60)),
    ),
    Season(
        grass=((168, 152, 92), (150, 144, 82), (184, 164, 108)),
        leaves=((84, 104, 48), (104, 116, 60), (126, 128, 66)),
    ),
    Season(
        grass=((124, 130, 68), (142, 134, 76), (112, 120, 64)),
        leaves=((186, 110, 44), (164, 76, 44), (196, 146, 58), (104, 112, 54), (128, 82, 50)),
    ),
)
_CONIFERS: tuple[Colour, ...] = ((44, 78, 52), (56, 86, 50), (48, 74, 62))
_ASPHALT: tuple[Colour, ...] = (
    (96, 96, 100), (122, 120, 118), (144, 140, 136), (84, 84, 90),
    (156, 132, 98), (142, 122, 84), (150, 118, 104),
)  # fmt: skip
_DIRT_FROM = 4  # the asphalts from this one on have no kerb and no markings
_WALLS: tuple[Colour, ...] = (
    (232, 224, 206), (206, 196, 178), (176, 104, 78), (158, 88, 70), (190, 188, 184),
    (150, 150, 150), (212, 178, 120), (168, 184, 196), (134, 118, 98), (168, 176, 140),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = (
    (162, 78, 56), (138, 66, 52), (84, 84, 92), (108, 102, 98), (122, 84, 60), (96, 104, 88),
)  # fmt: skip
_PAINTS: tuple[Colour, ...] = (
    (190, 40, 38), (38, 70, 150), (226, 226, 224), (160, 164, 168), (44, 46, 52), (92, 96, 100),
    (52, 96, 66), (198, 156, 60), (128, 160, 184), (118, 94, 72), (140, 44, 60),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (176, 48, 52), (46, 66, 128), (58, 60, 66), (216, 210, 198), (88, 112, 72), (200, 150, 60),
    (112, 84, 64), (128, 130, 134), (110, 70, 120), (80, 140, 150),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((236, 196, 168), (206, 158, 122), (158, 110, 80), (104, 72, 54))
_GLASS: Colour = (58, 70, 84)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A level pinhole camera above the origin, looking along +z; x is right, y is up."""

    focal: float
    centre: float
    horizon: float
    height: float

    def project(self, points: Floats) -> Floats:
        """Map [N, 3] metres to [N, 2] pixels of the enlarged canvas."""
        z = np.maximum(points[:, 2], 0.4)
        u = self.centre + self.focal * points[:, 0] / z
        v = self.horizon + self.focal * (self.height - points[:, 1]) / z
        return np.stack([u, v], axis=1)


@dataclass(frozen=True, kw_only=True)
class Road:
    """A curved road ahead and, in some scenes, one that crosses it."""

    offset: float
    slope: float
    bend: float
    width: float
    crossing: float | None
    """Distance of the crossing road's middle in metres."""
    colour: Colour
    paved: bool

    def middle(self, z: Distance) -> Distance:
        """Return where the road's middle is, at distance ``z``."""
        return self.offset + self.slope * z + self.bend * z * z

    def clearance(self, x: float, z: float) -> float:
        """Return the distance in metres of a point from the nearest edge, negative on the road."""
        ahead = abs(x - self.middle(z)) - self.width / 2
        if self.crossing is None:
            return ahead
        return min(ahead, abs(z - self.crossing) - self.width / 2)

    def heading(self, z: float) -> float:
        """Return the angle between the road and the viewing direction at distance ``z``."""
        return math.atan(self.slope + 2 * self.bend * z)


@dataclass(frozen=True, kw_only=True)
class World:
    """All that is decided before the first stroke."""

    camera: Camera
    road: Road
    weather: Weather
    season: Season
    haze: float
    sun: Floats
    """Unit vector towards the sun."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that stands on the ground."""

    category: int
    x: float
    z: float
    yaw: float
    radius: float
    height: float
    draw: Callable[[Painter, Thing], None]


class Painter:
    """A canvas, and strokes on it in world coordinates."""

    def __init__(self, world: World, rng: np.random.Generator, rgb: Bytes) -> None:
        self.world = world
        self.rng = rng
        self.rgb = rgb
        self.ids: Bytes = np.zeros(rgb.shape[:2], np.uint8)
        self.current = 0

    def pick(self, colours: Sequence[Colour], jitter: float = 0.08) -> Floats:
        """Return one of the colours, slightly changed in brightness and hue."""
        colour = np.array(colours[int(self.rng.integers(len(colours)))], np.float32)
        gain = self.rng.normal(1, jitter) * self.rng.normal(1, jitter / 3, 3)
        return np.clip(colour * gain, 0, 255)

    def polygon(self, points: Floats, colour: Floats) -> None:
        """Fill the outline of [N, 3] points."""
        pixels = _fixed(self.world.camera.project(points))
        cv2.fillPoly(self.rgb, [pixels], _scalar(colour), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.ids, [pixels], (self.current,), cv2.LINE_8, _SHIFT)

    def board(self, thing: Thing, outline: Sequence[tuple[float, float]], colour: Floats) -> None:
        """Fill an outline of (sideways, upwards) metres that faces the camera at the thing."""
        points = np.array([(thing.x + dx, y, thing.z) for dx, y in outline], np.float64)
        self.polygon(points, colour)

    def blob(self, centre: Floats, radii: tuple[float, float], colour: Floats) -> None:
        """Fill an upright ellipse that faces the camera; radii in metres."""
        camera = self.world.camera
        u, v = _fixed(camera.project(centre[None]))[0]
        unit = camera.focal / max(float(centre[2]), 0.4) * 2**_SHIFT
        axes = (max(int(radii[0] * unit), 8), max(int(radii[1] * unit), 8))
        for target, value in ((self.rgb, _scalar(colour)), (self.ids, (self.current,))):
            cv2.ellipse(
                target, (int(u), int(v)), axes, 0, 0, 360, value, cv2.FILLED, cv2.LINE_8, _SHIFT
            )

    def sunlit(self, normal: Floats) -> float:
        """Return the brightness of a surface with this outward normal."""
        direct = max(0.0, float(normal @ self.world.sun))
        contrast = self.world.weather.contrast
        return 1.0 - contrast * 0.8 + contrast * 1.1 * direct + 0.06 * float(normal[1])

    def face(self, points: Floats, inside: Floats, colour: Floats) -> bool:
        """Fill one face of a convex solid; say whether the camera sees it.

        Args:
            points: [N, 3], the face's outline.
            inside: any point within the solid, which tells the face's two sides apart.
            colour: before lighting.
        """
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        if normal @ (points[0] - inside) < 0:
            normal = -normal
        eye = np.array([0.0, self.world.camera.height, 0.0])
        if normal @ (points[0] - eye) >= 0:
            return False
        self.polygon(points, colour * self.sunlit(normal))
        return True


def _fixed(pixels: Floats) -> npt.NDArray[np.int32]:
    fixed: npt.NDArray[np.int32] = np.round(np.clip(pixels, -4000, 4000) * 2**_SHIFT).astype(
        np.int32
    )
    return fixed


def _scalar(colour: Floats) -> tuple[float, float, float]:
    r, g, b = np.clip(np.round(colour), 0, 255)
    return float(r), float(g), float(b)


def _noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int) -> Floats:
    """Return smooth noise [H, W] of about unit variance; ``cell`` is its coarsest grain."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        grain = max(cell / 2**octave, 1.0)
        size = (math.ceil(shape[1] / grain) + 2, math.ceil(shape[0] / grain) + 2)
        coarse = rng.standard_normal((size[1], size[0]), np.float32)
        fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        total += np.asarray(fine) * 0.6**octave
    return total / 1.1


def _mix(under: Floats, over: Floats | Sequence[float], share: Floats) -> Floats:
    """Blend two pictures; ``share`` [H, W] is how much of ``over`` to see."""
    weight = np.clip(share, 0, 1).astype(np.float32)[..., None]
    return under + (np.asarray(over, np.float32) - under) * weight


# ------------------------------------------------------------------------------- sky and ground


def _paint_sky(world: World, rng: np.random.Generator) -> Floats:
    """Return the sky over the whole canvas, float RGB."""
    shape = (HEIGHT * _SCALE, WIDTH * _SCALE)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    climb = np.clip(1 - rows / world.camera.horizon, 0, 1)
    weather = world.weather
    sky = _mix(np.broadcast_to(np.array(weather.horizon, np.float32), (*shape, 3)),
               weather.zenith, climb**0.7)  # fmt: skip
    # Clouds flatten towards the horizon, as seen from below.
    field = _noise(rng, shape, 150, 6)
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
    return _mix(sky, shaded, density)


def _paint_hills(world: World, rng: np.random.Generator, sky: Floats) -> tuple[Floats, Mask]:
    """Return the sky with ranges of hills before it, and where the hills are."""
    height, width = sky.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    hills = np.zeros((height, width), np.bool_)
    colours = np.array(world.season.grass, np.float32)
    for distance in sorted(rng.uniform(0.15, 0.75, int(rng.integers(0, 4))), reverse=True):
        line = _noise(rng, (1, width), float(rng.uniform(90, 260)), 4)[0]
        crest = world.camera.horizon - np.maximum(14 + 12 * line + 34 * distance, 0)
        hill = (rows >= crest) & (rows < world.camera.horizon + 2)
        colour = colours[int(rng.integers(len(colours)))] * rng.uniform(0.65, 0.95)
        texture = 1 + 0.07 * _noise(rng, (height, width), 30, 4)
        veiled = _mix(colour * texture[..., None], world.weather.horizon,
                      np.full(hills.shape, 0.25 + 0.6 * distance))  # fmt: skip
        sky = np.where(hill[..., None], veiled, sky)
        hills |= hill
    return sky, hills


def _ground_coordinates(camera: Camera, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return x and z in metres of the ground seen at every pixel; z is ``_FAR`` at most."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    below = np.maximum(rows - camera.horizon, 1e-3)
    z = np.minimum(camera.focal * camera.height / below, _FAR)
    return (columns - camera.centre) * z / camera.focal, z


def _ground_noise(rng: np.random.Generator, x: Floats, z: Floats, grain: float) -> Floats:
    """Return noise that lies on the ground; ``grain`` metres, fading where it gets too fine."""
    tile = _noise(rng, (256, 256), 16, 5)
    # There and back again, so that the tile meets its mirror image without a seam.
    periods = (metres / (grain * 510 / 8) + 0.2 for metres in (x, z))
    u, v = (np.abs(turns - np.floor(turns) - 0.5) * 510 for turns in periods)
    noise = np.asarray(cv2.remap(tile, u.astype(np.float32), v.astype(np.float32),
                                 cv2.INTER_LINEAR))  # fmt: skip
    return noise / (1 + z / (60 * grain))


def _paint_grass(world: World, rng: np.random.Generator, x: Floats, z: Floats) -> Floats:
    """Return meadows, with fields of other colours further away."""
    lush, plain, dry = (np.array(c, np.float32) for c in world.season.grass)
    patches = _ground_noise(rng, x, z, 9)
    grass = _mix(np.broadcast_to(plain, (*x.shape, 3)), lush, patches)
    grass = _mix(grass, dry, -patches)
    if rng.random() < 0.6:
        parcels = (
            np.floor((x + rng.uniform(0, 40)) / rng.uniform(14, 40)) * 7
            + np.floor(z / rng.uniform(18, 40)) * 3
        )
        tint = np.array(
            [(190, 168, 96), (128, 104, 78), (142, 158, 82), (104, 130, 64)], np.float32
        )
        far = np.clip((z - rng.uniform(22, 40)) / 4, 0, 0.85)
        grass = _mix(grass, tint[np.mod(parcels, 4).astype(np.int64)], far)
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


def _paint_road(
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
        paint = _mix(surface, (226, 224, 214), np.full(x.shape, rng.uniform(0.35, 0.85)))
        surface = np.where((dashes | edges)[..., None], paint, surface)
    else:
        verge = np.clip((0.06 - across) * 14, 0, 0.6) * (rng.random() < 0.7)
        surface = _mix(surface, world.season.grass[1], verge)
    return np.where(mask[..., None], surface, ground), mask


def _shade_ground(
    world: World, rng: np.random.Generator, things: Sequence[Thing], shape: tuple[int, int]
) -> Floats:
    """Return the ground's brightness: shadows of things, contact shadows, shadows of clouds."""
    cast, contact = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    sun = world.sun
    for thing in things:
        foot = _footprint(thing)
        reach = np.array([sun[0], 0.0, sun[2]]) / sun[1] * thing.height * 0.9
        both = np.concatenate([foot, foot - reach])
        both[:, 2] = np.maximum(both[:, 2], 1.5)
        hull = cv2.convexHull(_fixed(world.camera.project(both)))
        cv2.fillConvexPoly(cast, hull, (1.0,), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(contact, [_fixed(world.camera.project(foot))], (1.0,), cv2.LINE_8, _SHIFT)
    cast = np.asarray(cv2.GaussianBlur(cast, (0, 0), 1.5))
    contact = np.asarray(cv2.GaussianBlur(contact, (0, 0), 3.0))
    clouds = np.clip(_noise(rng, shape, 220, 3) - 0.3, 0, 1)
    contrast = world.weather.contrast
    darkness = np.maximum(cast * contrast, clouds * contrast * 0.7) + contact * 0.22
    brightness: Floats = 1 - np.clip(darkness, 0, 0.8)
    return brightness


# --------------------------------------------------------------------------------------- things


def _place(thing: Thing, local: Sequence[tuple[float, float, float]]) -> Floats:
    """Turn and move points from the thing's own coordinates into the world."""
    points = np.array(local, np.float64)
    c, s = math.cos(thing.yaw), math.sin(thing.yaw)
    x = thing.x + c * points[:, 0] + s * points[:, 2]
    z = thing.z - s * points[:, 0] + c * points[:, 2]
    return np.stack([x, points[:, 1], z], axis=1)


def _footprint(thing: Thing) -> Floats:
    """Return the outline of the ground that a thing covers."""
    wide = 0.85 if thing.category == CAR else thing.radius
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    return _place(thing, [(wide * math.cos(a), 0.0, thing.radius * math.sin(a)) for a in angles])


def _rectangle(half_x: float, half_z: float, y: float) -> list[tuple[float, float, float]]:
    return [(-half_x, y, -half_z), (half_x, y, -half_z), (half_x, y, half_z), (-half_x, y, half_z)]


def _frustum(painter: Painter, bottom: Floats, top: Floats, colour: Floats) -> list[Floats]:
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


def _on_face(face: Floats, left: float, right: float, low: float, high: float) -> Floats:
    """Return the part of a face between shares of its width and height."""
    corners = []
    for u, v in ((left, low), (right, low), (right, high), (left, high)):
        bottom = face[0] * (1 - u) + face[1] * u
        top = face[3] * (1 - u) + face[2] * u
        corners.append(bottom * (1 - v) + top * v)
    return np.stack(corners)


def _draw_windows(painter: Painter, face: Floats, storeys: int, *, door: bool) -> None:
    """Draw rows of framed windows on a wall, and a door in its middle."""
    rng = painter.rng
    columns = max(1, round(float(np.linalg.norm(face[1] - face[0])) / 2.4))
    frame, glass = painter.pick(((226, 224, 216), (104, 84, 66))), painter.pick((_GLASS,), 0.2)
    for column, storey in itertools.product(range(columns), range(storeys)):
        middle, low = (column + 0.5) / columns, (storey + 0.36) / storeys
        half, high = 0.2 / columns, low + 0.42 / storeys
        if door and storey == 0 and column == columns // 2:
            leaf = painter.pick(((112, 72, 48), (70, 92, 78), (140, 50, 48), (70, 78, 100)))
            painter.polygon(_on_face(face, middle - half * 0.9, middle + half * 0.9, 0, high), leaf)
            continue
        painter.polygon(
            _on_face(face, middle - half * 1.25, middle + half * 1.25, low - 0.03, high + 0.03),
            frame,
        )
        shine = glass * rng.uniform(0.75, 1.5)
        painter.polygon(_on_face(face, middle - half, middle + half, low, high), shine)


def _draw_roof(painter: Painter, thing: Thing, half: tuple[float, float], eaves: float) -> None:
    """Draw a gabled or hipped roof, and a chimney that it hides the foot of."""
    rng = painter.rng
    rise = half[1] * rng.uniform(0.55, 1.05)
    tiles = painter.pick(_ROOFS)
    a, b = half[0] + 0.35, half[1] + 0.45
    hip = a * rng.uniform(0.4, 0.7) if rng.random() < 0.3 else 0.0
    corners = _place(thing, [*_rectangle(a, b, eaves), (-a + hip, eaves + rise, 0),
                             (a - hip, eaves + rise, 0)])  # fmt: skip
    if rng.random() < 0.6:
        at = rng.uniform(-0.6, 0.6) * half[0]
        base = [(at + dx, eaves + rise * 0.5, dz) for dx, _, dz in _rectangle(0.35, 0.35, 0)]
        top = [(dx, eaves + rise + 0.9, dz) for dx, _, dz in base]
        _frustum(painter, _place(thing, base), _place(thing, top), painter.pick(((132, 82, 66),)))
    inside = corners.mean(axis=0)
    gable = tiles if hip else tiles * 0.5 + 92
    for indices, colour in (((0, 4, 3), gable), ((1, 2, 5), gable),
                            ((0, 1, 5, 4), tiles), ((3, 2, 5, 4), tiles)):  # fmt: skip
        face = corners[list(indices)]
        if painter.face(face, inside, colour) and len(indices) == 4:
            for share in np.linspace(0.12, 0.88, 6):
                row = _on_face(face, 0, 1, share - 0.012, share + 0.012)
                painter.face(row, inside, colour * 0.84)


def _draw_house(painter: Painter, thing: Thing) -> None:
    """Draw walls with windows, and a roof."""
    rng = painter.rng
    half = (thing.radius * rng.uniform(0.72, 0.95), thing.radius * rng.uniform(0.5, 0.7))
    storeys = 1 if thing.height < 4 else 2
    wall = painter.pick(_WALLS)
    bottom, top = (_place(thing, _rectangle(*half, y)) for y in (0.0, thing.height))
    faces = _frustum(painter, bottom, top, wall)
    inside = (bottom.mean(axis=0) + top.mean(axis=0)) / 2
    courses = rng.random() < 0.5
    for face in faces:
        painter.face(_on_face(face, 0, 1, 0, 0.07), inside, wall * 0.7)
        for share in np.linspace(0.1, 0.95, 12) if courses else ():
            painter.face(_on_face(face, 0, 1, share, share + 0.012), inside, wall * 0.9)
        _draw_windows(painter, face, storeys, door=face is faces[0])
    _draw_roof(painter, thing, half, thing.height - 0.3)


def _draw_trunk(painter: Painter, thing: Thing, top: float, width: float) -> None:
    bark = painter.pick(((92, 70, 52), (78, 64, 54), (112, 92, 72), (188, 184, 174)))
    painter.board(thing, [(-width, 0), (width, 0), (width * 0.6, top), (-width * 0.6, top)], bark)
    painter.board(thing, [(0, 0), (width, 0), (width * 0.6, top), (0, top)], bark * 0.75)


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


def _draw_wheels(painter: Painter, thing: Thing, half: tuple[float, float], radius: float) -> None:
    """Draw the two wheels on the side of a car that the camera sees."""
    angles = np.linspace(0, 2 * math.pi, 16, endpoint=False)
    eye = _place(thing, [(-1, 0, 0), (1, 0, 0)])
    side = -1 if np.hypot(eye[0, 0], eye[0, 2]) < np.hypot(eye[1, 0], eye[1, 2]) else 1
    for end, (size, colour) in itertools.product(
        (-0.6, 0.6), ((radius, (30, 30, 32)), (radius * 0.55, (150, 152, 156)))
    ):
        rim = [(side * (half[0] + 0.02), radius + size * math.sin(a),
                end * half[1] + size * math.cos(a)) for a in angles]  # fmt: skip
        painter.polygon(_place(thing, rim), np.array(colour, np.float32))


def _draw_car(painter: Painter, thing: Thing) -> None:
    """Draw a saloon, an estate or a van; its front points along its own +z."""
    rng = painter.rng
    paint = painter.pick(_PAINTS)
    half = (0.88, thing.radius)
    waist = thing.height * rng.uniform(0.54, 0.62)
    hood, boot = rng.uniform(0.25, 0.55), rng.uniform(0.02, 0.3)
    body = [_place(thing, _rectangle(half[0] * k, half[1], y)) for k, y in ((1, 0.28), (1, waist))]
    sides = _frustum(painter, body[0], body[1], paint)
    _draw_wheels(painter, thing, half, 0.32)
    for face in sides:
        if np.linalg.norm(face[1] - face[0]) < 2.2:
            _draw_lamps(painter, thing, face)
    low = [(-0.84, waist, -half[1] * (1 - boot / 2)), (0.84, waist, -half[1] * (1 - boot / 2)),
           (0.84, waist, half[1] * (1 - hood)), (-0.84, waist, half[1] * (1 - hood))]  # fmt: skip
    top = [(x * 0.82, thing.height, z * 0.78) for x, _, z in low]
    for face in _frustum(painter, _place(thing, low), _place(thing, top), paint):
        glass = painter.pick((_GLASS,), 0.12)
        if np.linalg.norm(face[1] - face[0]) < 2.2:
            painter.polygon(_on_face(face, 0.08, 0.92, 0.1, 0.86), glass)
            continue
        painter.polygon(_on_face(face, 0.08, 0.49, 0.1, 0.86), glass)
        painter.polygon(_on_face(face, 0.53, 0.92, 0.1, 0.86), glass)


def _draw_lamps(painter: Painter, thing: Thing, face: Floats) -> None:
    """Draw lamps, bumper and number plate on the end of a car that the camera sees."""
    ends = _place(thing, [(0, 0.5, -thing.radius), (0, 0.5, thing.radius)])
    front = np.hypot(ends[1, 0], ends[1, 2]) < np.hypot(ends[0, 0], ends[0, 2])
    lamp = np.array((244, 238, 214) if front else (206, 36, 34), np.float32)
    painter.polygon(_on_face(face, 0, 1, 0, 0.24), np.array((44, 44, 48), np.float32))
    painter.polygon(_on_face(face, 0.05, 0.24, 0.5, 0.78), lamp)
    painter.polygon(_on_face(face, 0.76, 0.95, 0.5, 0.78), lamp)
    painter.polygon(_on_face(face, 0.36, 0.64, 0.28, 0.44), np.array((226, 222, 200), np.float32))


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


# -------------------------------------------------------------------------------------- a scene


def _make_world(rng: np.random.Generator, *, driving: bool) -> World:
    """Decide on camera, road, weather and season."""
    weather = WEATHERS[int(rng.choice(len(WEATHERS), p=_WEATHER_ODDS))]
    surface = int(rng.integers(len(_ASPHALT)))
    camera = Camera(
        focal=WIDTH * _SCALE * float(rng.uniform(0.75, 1.05)),
        centre=WIDTH * _SCALE / 2,
        horizon=HEIGHT * _SCALE * float(rng.uniform(0.34, 0.48)),
        height=float(rng.uniform(1.5, 2.2) if driving else rng.uniform(1.6, 5.5)),
    )
    width = float(rng.uniform(6, 9))
    road = Road(
        offset=float(rng.uniform(-1.8, 1.8) if driving else rng.uniform(-9, 9)),
        slope=float(rng.normal(0, 0.06 if driving else 0.25)),
        bend=float(rng.normal(0, 0.0022)),
        width=width,
        crossing=float(rng.uniform(16, 45)) if rng.random() < 0.4 else None,
        colour=_ASPHALT[surface],
        paved=surface < _DIRT_FROM,
    )
    azimuth, climb = rng.uniform(0, 2 * math.pi), rng.uniform(0.45, 1.1)
    sun = np.array([math.cos(azimuth) * math.cos(climb), math.sin(climb),
                    math.sin(azimuth) * math.cos(climb)])  # fmt: skip
    season = SEASONS[int(rng.integers(len(SEASONS)))]
    haze = float(rng.uniform(*weather.haze))
    return World(camera=camera, road=road, weather=weather, season=season, haze=haze, sun=sun)


def _somewhere(
    world: World, rng: np.random.Generator, near: float, far: float
) -> tuple[float, float]:
    """Return x and z of a point in view, evenly spread over the picture's width."""
    z = math.exp(rng.uniform(math.log(near), math.log(far)))
    u = rng.uniform(-0.05, 1.05) * WIDTH * _SCALE
    return float((u - world.camera.centre) * z / world.camera.focal), z


def _new_house(world: World, rng: np.random.Generator) -> Thing | None:
    x, z = _somewhere(world, rng, 17, 85)
    radius = float(rng.uniform(4, 7))
    if world.road.clearance(x, z) < radius + 1:
        return None
    yaw = world.road.heading(z) + float(rng.choice([0, 0.5, 1, 1.5])) * math.pi
    height = float(rng.choice([2.9, 3.3, 5.2, 5.8]))
    return Thing(category=HOUSE, x=x, z=z, yaw=yaw + float(rng.normal(0, 0.12)), radius=radius,
                 height=height, draw=_draw_house)  # fmt: skip


def _new_tree(world: World, rng: np.random.Generator) -> Thing | None:
    x, z = _somewhere(world, rng, 9, 110)
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


def _new_car(world: World, rng: np.random.Generator) -> Thing | None:
    road = world.road
    _, z = _somewhere(world, rng, 7.5, 60)
    lane = float(rng.choice([-0.22, 0.22])) * road.width
    yaw = road.heading(z) + (math.pi if lane < 0 else 0.0)
    x = road.middle(z) + lane
    if road.crossing is not None and rng.random() < 0.4:
        x, _ = _somewhere(world, rng, road.crossing, road.crossing + 1)
        z, yaw = road.crossing + lane, math.pi / 2 * float(rng.choice([-1, 1]))
    elif rng.random() < 0.3:
        x, z = _somewhere(world, rng, 9, 45)
        yaw = float(rng.uniform(0, 2 * math.pi))
    radius, height = float(rng.uniform(1.8, 2.3)), float(rng.uniform(1.4, 1.95))
    return Thing(category=CAR, x=x, z=z, yaw=yaw, radius=radius, height=height, draw=_draw_car)


def _new_person(world: World, rng: np.random.Generator) -> Thing | None:
    x, z = _somewhere(world, rng, 6.5, 34)
    if rng.random() < 0.55:
        side = float(rng.choice([-0.45, 0.45]))
        x = world.road.middle(z) + side * world.road.width + float(rng.normal(0, 0.4))
    height = float(rng.uniform(1.55, 1.9) if rng.random() < 0.8 else rng.uniform(1.0, 1.4))
    return Thing(category=PERSON, x=x, z=z, yaw=0.0, radius=0.3, height=height, draw=_draw_person)


def _populate(world: World, rng: np.random.Generator) -> list[Thing]:
    """Return what stands in the scene, far things first, nothing inside another thing."""
    things: list[Thing] = []
    for create, low, high in (
        (_new_house, 1, 6), (_new_car, 0, 6), (_new_tree, 4, 15), (_new_person, 1, 8),
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
    return _mix(painter.rgb.astype(np.float32), world.weather.horizon, share)


def _texture(painter: Painter, things: Sequence[Thing]) -> Floats:
    """Return a grain [H, W] around 1: leaves are rough, car paint is smooth."""
    grain = {HOUSE: 0.03, TREE: 0.10, CAR: 0.015, PERSON: 0.04}
    strength = np.array([0.0, *(grain[thing.category] for thing in things)], np.float32)
    return 1 + strength[painter.ids] * _noise(painter.rng, painter.ids.shape, 5, 3)


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
    dapple = 1 + 0.05 * _noise(rng, rgb.shape[:2], 160, 2)
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


def render_scene(seed: int) -> Scene:
    """Draw the scene that belongs to a seed; the same seed gives the same scene."""
    rng = np.random.Generator(np.random.PCG64(seed))
    driving = bool(rng.random() < 0.45)
    world = _make_world(rng, driving=driving)
    things = _populate(world, rng)
    shape = (HEIGHT * _SCALE, WIDTH * _SCALE)
    backdrop, hills = _paint_hills(world, rng, _paint_sky(world, rng))
    x, z = _ground_coordinates(world.camera, shape)
    ground, road = _paint_road(world, rng, _paint_grass(world, rng, x, z), x, z)
    ground = ground * _shade_ground(world, rng, things, shape)[..., None]
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
    ids = np.ascontiguousarray(painter.ids[::_SCALE, ::_SCALE])
    instances = _instances(ids, things)
    label = _label(ids, surface[::_SCALE, ::_SCALE].astype(np.uint8), instances)
    return Scene(image=_develop(world, rng, rgb), label=label, instances=instances)


# ---------------------------------------------------------------------------------- on the disk


def scene_paths(output: Path, index: int) -> tuple[Path, Path]:
    """Return where the image and the label map of a validation scene lie.

    Args:
        output: the folder that holds ``scenes``.
        index: position in ``VALIDATION_SEEDS``.
    """
    town, number = TOWNS[index // SCENES_PER_TOWN], index % SCENES_PER_TOWN
    stem = f"{town}_{number:06d}_000019"
    image = output / "scenes" / "leftImg8bit" / "val" / town / f"{stem}_leftImg8bit.png"
    label = output / "scenes" / "gtFine" / "val" / town / f"{stem}_gtFine_labelTrainIds.png"
    return image, label


def write_scene(scene: Scene, image_path: Path, label_path: Path) -> None:
    """Write an RGB PNG, and the labels as a PNG with the classes' colours as its palette."""
    image_path.parent.mkdir(parents=True, exist_ok=True)
    label_path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(image_path, optimize=True)
    label = Image.fromarray(scene.label)
    palette = [0] * 768
    colours = list(itertools.chain.from_iterable(class_table("scenes").palette))
    palette[: len(colours)] = colours
    label.putpalette(palette)
    label.save(label_path, optimize=True)


def main() -> None:
    """Write the validation split."""
    parser = argparse.ArgumentParser(description="Write the demo zoo's validation split.")
    parser.add_argument("--output", type=Path, default=ROOT / "hrnet_zoo" / "demo" / "data")
    output: Path = parser.parse_args().output
    size = 0
    for index, seed in enumerate(VALIDATION_SEEDS):
        paths = scene_paths(output, index)
        write_scene(render_scene(seed), *paths)
        size += sum(path.stat().st_size for path in paths)
    print(f"{len(VALIDATION_SEEDS)} scenes, {size} bytes, under {output}")


if __name__ == "__main__":
    main()
