"""What a data set is to everything else: a `DataSet`; each kind of files is a subclass of it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hrnet_zoo.datasets.digests import stamp_of
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    # Commands that only list rows import this module, and need none of these.
    from hrnet_zoo.datasets.check_report import CheckReport
    from hrnet_zoo.datasets.inventory import Inventory, Listed
    from hrnet_zoo.datasets.prepare.archives import Downloaded
    from hrnet_zoo.datasets.prepare.plan import Plan
    from hrnet_zoo.datasets.problems import Note


_AFTER_COLOUR = re.compile(r"(?<= #[0-9a-f]{6}), ")
_CLASS = re.compile(r"(.*) #([0-9a-f]{6})")


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """The classes of one data set, in label order."""

    names: tuple[str, ...]
    """One name per class."""
    palette: tuple[tuple[int, int, int], ...]
    """One RGB triple, 0 to 255, per class."""

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        return zip(self.names, self.palette, strict=True)


def classes(text: str) -> ClassTable:
    """Return the classes written as "road #804020, sidewalk #f423e8", on any number of lines.

    Names are upstream's to the letter, oddities included: ADE20K's "bed " ends in a space, which
    makes two before the colour.
    """
    lines = (line.strip() for line in text.splitlines())
    written = ", ".join(line.removesuffix(",") for line in lines if line)
    # A colour ends an entry, so that names may hold commas.
    names, palette = [], []
    for entry in _AFTER_COLOUR.split(written):
        if (match := _CLASS.fullmatch(entry)) is None:
            msg = f'a class is written as "name #rrggbb", not as "{entry}"'
            raise ValueError(msg)
        names.append(match[1])
        r, g, b = bytes.fromhex(match[2])
        palette.append((r, g, b))
    return ClassTable(names=tuple(names), palette=tuple(palette))


@dataclass(frozen=True, kw_only=True)
class Download:
    """The official download of one data set, for people."""

    archives: tuple[str, ...]
    """Files to download."""
    obtained_from: str
    terms: str
    preparation: str
    """What `data prepare` does, or what to do without it."""


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """How one data set is prepared."""

    plan: Callable[[Downloaded, Sequence[str], Path], Plan]
    """Takes the download, the splits asked for and the data set's folder below the data root."""
    zips: str
    """Expression for the zip files to look into, see `open_source`."""
    splits: tuple[str, ...] = ("val", "train")
    """Splits that need preparing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples(ABC):
    """The validation split in a folder, its files listed; images are read when asked for."""

    root: Path
    """The data set's own folder."""
    images: Sequence[Listed]

    def __len__(self) -> int:
        return len(self.images)

    def name_of(self, index: int) -> str:
        """Return the name of image ``index`` without reading it."""
        return self.images[index].name

    def path_of(self, index: int) -> Path:
        """Return the file of image ``index``."""
        return self.images[index].path

    def stamp(self) -> str:
        """Return a digest of which images there are; what is in them, `digest` tells of each."""
        return stamp_of(image.name for image in self.images)

    @abstractmethod
    def digest(self, index: int) -> str:
        """Return the digest that a sample of image ``index`` has; reads, and decodes nothing.

        Raises:
            DatasetError: a file cannot be read.
        """

    @abstractmethod
    def load(self, index: int) -> Any:  # noqa: ANN401 - each kind has its own, with name and image
        """Read and decode image ``index``; safe to call from several threads."""


@dataclass(frozen=True, kw_only=True, eq=False)  # each is compared to itself alone
class DataSet(ABC):
    """The validation split of one data set: what it is called, holds and looks like.

    A kind of data sets is two modules: one with its fields, that finds its files (`LabelImages`),
    and one that decodes them, which the first one imports when asked to open (`LabelSamples`).
    """

    name: str
    """As manifests and commands name it."""
    title: str
    """The name people use."""
    root: str
    """Folder below the data root."""
    image_dir: str
    """Folder of the images, below `root`."""
    num_images: int
    """Images of the complete split."""
    classes: ClassTable
    typical_image: tuple[int, int]
    """(width, height) of most images; of the commonest shape, where they vary."""
    download: Download | None = None
    """Where it comes from; None: it ships with this package."""
    preparer: Preparer | None = None
    """How it is made ready; None: it is used as downloaded."""

    listing: ClassVar[str] = "listing the files of"
    """What a check does first, for its progress."""
    has_label_files: ClassVar[bool] = False
    """Whether each image has a label file beside it, so that pairs are read."""
    stored_as: ClassVar[str] = "labels"
    """Heading of `stored`."""

    @abstractmethod
    def open(self, folder: Path) -> Samples:
        """Return the validation split; no image is read yet.

        A data set with fewer images than the complete one is opened all the same.

        Args:
            folder: the folder that holds the data set's own folder, or that folder itself.

        Raises:
            DatasetError: files are missing, or do not belong together.
        """

    def find_root(self, folder: Path, *below: str, expected: str) -> Path:
        """Return the data set's own folder: the first candidate that has one of some entries.

        Args:
            folder: as for `open`.
            below: folders or files in it that tell it from others, beside the folder of its images.
            expected: which files should be where, for the message.

        Raises:
            DatasetError: there is no such folder.
        """
        own = folder / self.root
        for candidate in (own, folder):
            if any((candidate / entry).exists() for entry in (self.image_dir, *below)):
                return candidate
        msg = (
            f"{self.title} was not found in {folder}: there is no folder {own / self.image_dir}. "
            f"Expected are {expected}. Pass the folder that holds {self.root}/ with --data-root, "
            "or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)

    @abstractmethod
    def inventory(self, folder: Path) -> Inventory[Any]:
        """Return what is there of the split and what is wrong with it, for `checking.check`.

        Args:
            folder: as for `open`.

        Raises:
            DatasetError: this is not the data set's place.
        """

    def notes_on(self, labels: frozenset[int]) -> list[Note]:  # noqa: ARG002 - for subclasses
        """Return what is wrong with the labels that occur in all files together."""
        return []

    @abstractmethod
    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""

    def drawn(self, folders: Sequence[tuple[str, str]]) -> list[str]:
        """Draw `root` with these folders and what is in each."""
        lines = [f"{self.root}/"]
        for number, (folder, content) in enumerate(folders, 1):
            branch, beside = ("`", " ") if number == len(folders) else ("|", "|")
            lines += [f"{branch}-- {folder}/", f"{beside}   `-- {content}"]
        return lines

    @abstractmethod
    def stored(self) -> list[str]:
        """Return how labels are stored, one statement a line."""

    @abstractmethod
    def files(self) -> Mapping[str, object]:
        """Return where labels are and how they are stored, for programs."""

    def class_fields(self, label: int) -> Mapping[str, object]:  # noqa: ARG002 - for subclasses
        """Return what else is known of a class, for programs."""
        return {}

    def counted(self, report: CheckReport) -> list[tuple[str, str]]:  # noqa: ARG002 - for subclasses
        """Return what a check counted beside the images: a word and a text each."""
        return []
