"""What a preparation consists of: pieces of work that turn source files into output files.

Each data set's file only says which pieces there are; `running.py` does them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.prepare.archives import Source

if TYPE_CHECKING:
    # The table of data sets reaches this module, and commands that read no image import it.
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Output:
    """One file to be."""

    path: str
    """Below the data set's folder, with slashes."""
    content: NDArray[np.uint8] | bytes
    """Pixels to be stored as PNG (RGB [H, W, 3] or labels [H, W]), or the file's bytes."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What is made from one source image; pieces are done in any order, some at a time."""

    name: str
    make: Callable[[], Iterator[Output]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All pieces of a preparation."""

    pieces: Sequence[Piece]
    expected: Mapping[str, int]
    """Output folder -> files in it when the download is complete."""
    least_bytes: int = 0
    """Disk space that the output takes at the very least; 0: not predictable."""


def in_both_folders(numbers: Mapping[str, int], splits: Sequence[str]) -> dict[str, int]:
    """Return what a plan expects whose images and labels lie in img_dir/ and ann_dir/.

    Args:
        numbers: split -> images in it.
        splits: those asked for.
    """
    return {f"{kind}_dir/{split}": numbers[split] for split in splits for kind in ("img", "ann")}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for."""

    source: Source
    splits: tuple[str, ...]
    root: Path
    """The data set's folder below the data root."""
    say: Callable[[str], None]
    """Tells the user something worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """How one data set is prepared."""

    plan: Callable[[Request], Plan]
    zips: str
    """Expression for the zip files to look into, see `Source`."""
    splits: tuple[str, ...] = ("val", "train")
    """Splits that need preparing."""
