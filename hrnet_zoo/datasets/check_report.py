"""What can be said about a data set on disk."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class ProblemKind(enum.Enum):
    """What can be wrong with a data set; the value is a heading."""

    ABSENT = "missing folders or lists"
    COUNT = "wrong number of images"
    MISSING_IMAGE = "listed images that are missing"
    NO_LABEL = "images without a label file"
    NO_IMAGE = "label files without an image"
    UNREADABLE = "files that cannot be read"
    DAMAGED_IMAGE = "damaged images"
    DAMAGED_LABEL = "damaged label files"
    LABEL_FORMAT = "label files that hold no 8-bit indices"
    SIZES = "images and labels of different sizes"
    VALUES = "label files with values that are no class"
    BOUNDARIES = "labels of another archive"
    ANNOTATIONS = "an unusable annotation file"
    CATEGORIES = "other categories than the data set's"
    MALFORMED = "entries of the annotation file that lack a field or hold a wrong value"
    DUPLICATE_IMAGES = "image ids or file names that are listed twice"
    DUPLICATE_ANNOTATIONS = "annotation ids that occur twice"
    UNKNOWN_IDS = "annotations of unknown images or categories"
    LISTED_SIZE = "images of another size than listed"


Note = tuple[ProblemKind, str]
"""A kind of problem, and one instance of it in words."""


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
