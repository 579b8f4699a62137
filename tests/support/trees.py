"""Made-up data sets in the real layouts, and a run of the command line."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def blocks(
    rng: np.random.Generator, values: int | Sequence[int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a label map of 8 x 8 blocks with random values."""
    height, width = size
    choices = np.arange(values) if isinstance(values, int) else np.asarray(values)
    coarse = rng.choice(choices, (height // 8 + 1, width // 8 + 1)).astype(np.uint8)
    return coarse.repeat(8, 0).repeat(8, 1)[:height, :width]


def picture(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.stack([blocks(rng, 256, size) for _ in range(3)], axis=-1)


def make_cityscapes(
    data_root: Path,
    *,
    size: tuple[int, int] = (64, 128),
    count: int = 3,
    label_kind: str = "labelIds",
    values: int | Sequence[int] = 34,
) -> Path:
    """Write a Cityscapes validation split of ``count`` images; return its folder."""
    rng = np.random.default_rng(5)
    root = data_root / "cityscapes"
    for i in range(count):
        city = ("frankfurt", "lindau", "munster")[i % 3]
        stem = f"{city}_{i:06d}_000019"
        for folder, suffix, content in (
            ("leftImg8bit", "leftImg8bit", picture(rng, size)),
            ("gtFine", f"gtFine_{label_kind}", blocks(rng, values, size)),
        ):
            path = root / folder / "val" / city / f"{stem}_{suffix}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)
    return root


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


RunCli = Callable[..., Finished]


def heed_interrupts() -> None:
    """Let a child process end at Ctrl-C, though jobs in the background of a shell ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
