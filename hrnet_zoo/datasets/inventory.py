"""What lies in a data set's folder, listed but not yet read; the part of a check each kind has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from hrnet_zoo.datasets.check_report import Note


class Named(Protocol):
    """An image of the split, with what belongs to it."""

    @property
    def name(self) -> str:
        """As records name it."""


Item = TypeVar("Item", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the files of one image showed."""

    size: tuple[int, int] | None = None
    """(width, height) of the image; None: it cannot be decoded."""
    digest: str = ""
    """As of the sample that it is loaded to; empty: it cannot be loaded."""
    labels: frozenset[int] | None = None
    """Labels that occur in its label file, ignored ones included; None: none could be read."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inventory(Generic[Item]):
    """What is there of a validation split, and how the rest is found out."""

    root: Path
    """The data set's own folder."""
    items: Sequence[Item]
    """The images that can be read."""
    look_at: Callable[[Item], Seen]
    """Reads the files of an image; called from several threads."""
    num_images: int
    """Images of the split that are there."""
    num_labels: int = 0
    """Label files likewise."""
    num_annotations: int | None = None
    """Annotated objects, crowds included; None: of a data set without annotations."""
    label_files: Mapping[str, int] = field(default_factory=dict)
    """Suffix of the label files -> images that use them."""
    labels: frozenset[int] | None = None
    """Labels that occur, where listing tells it; None: what was seen in label files tells it."""
    notes: Sequence[Note] = ()
    """What is wrong, as far as listing tells. All but wrong counts keep it from being opened."""
