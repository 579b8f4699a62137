"""What can be wrong with a data set on disk."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager

from hrnet_zoo.errors import DatasetError, LabelFormatError


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
    LABEL_FORMAT = "label files that do not hold 8-bit indices"
    SIZES = "images and labels of different sizes"
    VALUES = "label files with values that are not a class"
    BOUNDARIES = "labels of another archive"
    ANNOTATIONS = "an unusable annotation file"
    CATEGORIES = "other categories than the data set's"
    MALFORMED = "entries of the annotation file that lack a field or hold a wrong value"
    DUPLICATE_IMAGES = "image ids or file names that are listed twice"
    DUPLICATE_ANNOTATIONS = "annotation ids that occur twice"
    MASKS = "masks that cannot be scored"
    UNKNOWN_IDS = "annotations of unknown images or categories"
    LISTED_SIZE = "images of another size than listed"


Note = tuple[ProblemKind, str]
"""A kind of problem, and one instance of it in words."""


@contextmanager
def noting(kind: ProblemKind, notes: list[Note]) -> Iterator[None]:
    """Turn an error into a note of this kind."""
    try:
        yield
    except LabelFormatError as error:
        notes.append((ProblemKind.LABEL_FORMAT, str(error)))
    except DatasetError as error:
        notes.append((kind, str(error)))
