"""What a preparation consists of: pieces of work that turn source files into output files.

Each data set's file only says which pieces there are; `preparing.py` does them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    # The table of data sets reaches this module, and commands that read no image import it.
    import numpy as np
    from numpy.typing import NDArray

Outputs: TypeAlias = "Iterator[tuple[str, NDArray[np.uint8] | bytes]]"
"""Files to be: a path below the data set's folder, with slashes, and what the file holds: pixels
to be stored as PNG (RGB [H, W, 3] or labels [H, W]), or its bytes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All pieces of a preparation."""

    pieces: Sequence[Callable[[], Outputs]]
    """What makes the files of one source image each; done in any order, some at a time."""
    expected: Mapping[str, int]
    """Output folder -> files in it when the download is complete."""
    least_bytes: int = 0
    """Disk space that the output takes at the very least; 0: not predictable."""
    remark: str = ""
    """Something that the user should know."""


def in_both_folders(numbers: Mapping[str, int], splits: Sequence[str]) -> dict[str, int]:
    """Return what a plan expects whose images and labels lie in img_dir/ and ann_dir/.

    Args:
        numbers: split -> images in it.
        splits: those asked for.
    """
    return {f"{kind}_dir/{split}": numbers[split] for split in splits for kind in ("img", "ann")}
