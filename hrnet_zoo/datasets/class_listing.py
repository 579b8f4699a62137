"""Finds the images of a data set for classification, and their classes; reads none of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.images import LARGEST_LIST, files_below, read_bytes
from hrnet_zoo.datasets.problems import Note, ProblemKind
from hrnet_zoo.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif")
"""Of images in class folders, in upper or lower case; other files are ignored, as upstream does."""


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image file and its class."""

    name: str
    """The file's name without its suffix; where two have the same, the path below the images."""
    path: Path
    label: int


def images_in_folders(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield path and class of every image in class folders; paths are below ``folder``.

    Args:
        folder: the folder of the class folders.
        names: of the class folders, in the order of the classes; those without images may be
            missing.
    """
    for label, name in enumerate(names):
        found = files_below(folder / name, lambda file: file.lower().endswith(SUFFIXES))
        yield from ((f"{name}/{path}", label) for path in found)


def read_list(list_file: Path, num_classes: int, notes: list[Note]) -> list[tuple[str, int]]:
    """Return path and class of every line that is one, and note what is wrong with the others."""
    try:
        text = read_bytes(list_file, LARGEST_LIST).decode()
    except DatasetError as error:
        notes.append((ProblemKind.ABSENT, str(error)))
        return []
    except UnicodeDecodeError:
        notes.append((ProblemKind.ABSENT, f"{list_file} is not a text file. Copy it again."))
        return []
    known = set(map(str, range(num_classes)))
    entries: dict[str, int] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        path, _, label = line.rpartition(" ")  # paths may hold blanks
        is_class = label in known
        if not path or not is_class:
            reason = f"not a path and a class of 0 to {num_classes - 1}"
            notes.append((ProblemKind.MALFORMED, f'"{path} {label}" is {reason}'))
        elif path in entries:
            notes.append((ProblemKind.DUPLICATE_IMAGES, path))
        else:
            entries[path] = int(label)
    if not entries and not notes:
        notes.append((ProblemKind.ABSENT, f"{list_file} lists no images."))
    return [*entries.items()]


def names_of(paths: Sequence[str]) -> Sequence[str]:
    """Return the images' names, the same in both layouts where file names allow it."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else paths
