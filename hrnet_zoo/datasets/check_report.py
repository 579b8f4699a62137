"""What a check found of a data set on disk, all in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hrnet_zoo.datasets.problems import ProblemKind


@dataclass(frozen=True, kw_only=True)
class Problem:
    """All problems of one kind."""

    kind: ProblemKind
    count: int
    examples: tuple[str, ...]
    """The first few, as names or messages; paths start at the data set's folder."""


@dataclass(frozen=True, kw_only=True)
class SizeCount:
    """How many images are of one size, in pixels."""

    width: int
    height: int
    images: int


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What a data set on disk is like."""

    name: str
    root: Path | None
    """The data set's folder; None: not found."""
    num_expected: int
    num_images: int = 0
    num_labels: int = 0
    num_pairs: int = 0
    """Images with their labels, or with their annotations."""
    num_annotations: int | None = None
    """Annotated objects, crowds included; None: of a data set with label files."""
    num_read: int = 0
    """Pairs whose files were read: all, or a sample."""
    label_files: Mapping[str, int] = field(default_factory=dict)
    """Suffix of the label files -> pairs that use them."""
    sizes: tuple[SizeCount, ...] = ()
    """Sizes of the images read, the most common first."""
    unseen_classes: tuple[str, ...] | None = None
    """Classes that no label file read or no annotation shows; None: none could be read."""
    problems: tuple[Problem, ...] = ()
    fingerprint: str | None = None
    """As a record would have it; None unless every file was read and can be evaluated."""

    @property
    def is_sample(self) -> bool:
        """Whether some pairs were not read on purpose."""
        return self.num_read < self.num_pairs

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong with what was looked at."""
        return not self.problems
