"""What is decided before the first stroke: camera, road, weather and season; and points in view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from scenes.picture import HEIGHT, SCALE, WIDTH, Colour, Floats

Distance = TypeVar("Distance", float, Floats)


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
_ASPHALT: tuple[Colour, ...] = (
    (96, 96, 100), (122, 120, 118), (144, 140, 136), (84, 84, 90),
    (156, 132, 98), (142, 122, 84), (150, 118, 104),
)  # fmt: skip
_DIRT_FROM = 4  # the asphalts from this one on have no kerb and no markings


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


def make_world(rng: np.random.Generator, *, driving: bool) -> World:
    """Decide on camera, road, weather and season."""
    weather = WEATHERS[int(rng.choice(len(WEATHERS), p=_WEATHER_ODDS))]
    surface = int(rng.integers(len(_ASPHALT)))
    camera = Camera(
        focal=WIDTH * SCALE * float(rng.uniform(0.75, 1.05)),
        centre=WIDTH * SCALE / 2,
        horizon=HEIGHT * SCALE * float(rng.uniform(0.34, 0.48)),
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


def somewhere(
    world: World, rng: np.random.Generator, near: float, far: float
) -> tuple[float, float]:
    """Return x and z of a point in view, evenly spread over the picture's width."""
    z = math.exp(rng.uniform(math.log(near), math.log(far)))
    u = rng.uniform(-0.05, 1.05) * WIDTH * SCALE
    return float((u - world.camera.centre) * z / world.camera.focal), z
