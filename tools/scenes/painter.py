"""The painter, which fills polygons and ellipses in world coordinates, and the things it paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scenes.picture import Bytes, Colour, Floats
from scenes.world import World

SHIFT = 4  # fractional bits of the coordinates handed to OpenCV


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
        pixels = fixed_point(self.world.camera.project(points))
        cv2.fillPoly(self.rgb, [pixels], _scalar(colour), cv2.LINE_8, SHIFT)
        cv2.fillPoly(self.ids, [pixels], (self.current,), cv2.LINE_8, SHIFT)

    def board(self, thing: Thing, outline: Sequence[tuple[float, float]], colour: Floats) -> None:
        """Fill an outline of (sideways, upwards) metres that faces the camera at the thing."""
        points = np.array([(thing.x + dx, y, thing.z) for dx, y in outline], np.float64)
        self.polygon(points, colour)

    def blob(self, centre: Floats, radii: tuple[float, float], colour: Floats) -> None:
        """Fill an upright ellipse that faces the camera; radii in metres."""
        camera = self.world.camera
        u, v = fixed_point(camera.project(centre[None]))[0]
        unit = camera.focal / max(float(centre[2]), 0.4) * 2**SHIFT
        axes = (max(int(radii[0] * unit), 8), max(int(radii[1] * unit), 8))
        for target, value in ((self.rgb, _scalar(colour)), (self.ids, (self.current,))):
            cv2.ellipse(
                target, (int(u), int(v)), axes, 0, 0, 360, value, cv2.FILLED, cv2.LINE_8, SHIFT
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


def fixed_point(pixels: Floats) -> npt.NDArray[np.int32]:
    """Return coordinates as OpenCV takes them, with ``SHIFT`` fractional bits."""
    fixed: npt.NDArray[np.int32] = np.round(np.clip(pixels, -4000, 4000) * 2**SHIFT).astype(
        np.int32
    )
    return fixed


def _scalar(colour: Floats) -> tuple[float, float, float]:
    r, g, b = np.clip(np.round(colour), 0, 255)
    return float(r), float(g), float(b)
