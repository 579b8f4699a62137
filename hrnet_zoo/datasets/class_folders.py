"""Data sets for classification in ImageNet's layout: a list of classes, or a folder for each.

This imports no decoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.problems import Note, ProblemKind

if TYPE_CHECKING:
    # Commands that only list rows import this module, and need no files.
    from hrnet_zoo.datasets.class_listing import LabelledImage
    from hrnet_zoo.datasets.class_samples import ClassSamples
    from hrnet_zoo.datasets.inventory import Inventory


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassFolders(DataSet):
    """A data set for classification."""

    folders: tuple[str, ...]
    """The folder of every class, sorted: a class is known by its place in this order."""
    images_per_class: int
    """Of the complete split."""
    image_suffix: str
    """End of most images' names, for drawing the folders; others are understood, too."""
    list_file: str | None = None
    """Below `root`, "path class" a line. Where it exists, it counts, and the folders do not."""
    known_labels: Mapping[str, int] = field(default_factory=dict)
    """Name -> class of some images, which tell other ways of numbering classes from this one."""

    stored_as: ClassVar[str] = "classes"

    def open(self, folder: Path) -> ClassSamples:
        """Return the validation split, its files listed."""
        from hrnet_zoo.datasets.class_samples import ClassSamples  # noqa: PLC0415

        found = self.inventory(folder)
        found.require_readable(self.title)
        list_file = self._list_in(found.root)
        return ClassSamples(root=found.root, images=found.items, list_file=list_file)

    def inventory(self, folder: Path) -> Inventory[LabelledImage]:
        """Return what is there of the split and what is wrong with it; reads no image.

        Source:
            mmclassification 0.25.0, mmcls/datasets/imagenet.py, ImageNet; mmpretrain 1.2.0 prefers
            the list where both could be used.
        """
        from hrnet_zoo.datasets.class_listing import (  # noqa: PLC0415
            LabelledImage,
            images_in_folders,
            names_of,
            read_list,
        )
        from hrnet_zoo.datasets.class_samples import look_at  # noqa: PLC0415
        from hrnet_zoo.datasets.inventory import Inventory  # noqa: PLC0415

        expected = f"a folder of images for each class in {self.root}/{self.image_dir}"
        if self.list_file is not None:
            expected += f", or images there and their classes in {self.root}/{self.list_file}"
        root = self.find_root(folder, expected=expected)
        below, list_file = root / self.image_dir, self._list_in(root)
        notes: list[Note] = []
        if list_file is not None:
            entries = read_list(list_file, len(self.folders), notes)
        else:
            entries = [*images_in_folders(below, self.folders)]
            notes += self._folder_notes(below, has_images=bool(entries))
        present = [(path, label) for path, label in entries if (below / path).is_file()]
        missing = [path for path, label in entries if not (below / path).is_file()]
        notes += [(ProblemKind.MISSING_IMAGE, path) for path in missing]
        images = [
            LabelledImage(name=name, path=below / path, label=label)
            for name, (path, label) in zip(names_of([p for p, _ in present]), present, strict=True)
        ]
        return Inventory(
            root=root,
            items=images,
            look_at=look_at,
            num_images=len(images),
            labels=frozenset(image.label for image in images) if images else None,
            notes=(*notes, *self._known_notes(images), *self._count_notes(images)),
        )

    def _list_in(self, root: Path) -> Path | None:
        """Return the list that classes come from; None: they come from the folders."""
        path = None if self.list_file is None else root / self.list_file
        return path if path is not None and path.exists() else None

    def _folder_notes(self, folder: Path, *, has_images: bool) -> Iterator[Note]:
        """Note class folders that are missing, and those of other data sets."""
        there = {entry.name for entry in folder.iterdir() if entry.is_dir()}
        if not has_images:
            list_wanted = f", and there is no {self.list_file}" if self.list_file else ""
            yield ProblemKind.ABSENT, f"{folder} has no class folders with images{list_wanted}."
            return
        names = dict(zip(self.folders, self.classes.names, strict=True))
        for name in self.folders:
            if name not in there:
                yield ProblemKind.CATEGORIES, f"the folder {name} ({names[name]}) is missing"
        for name in sorted(there - names.keys()):
            yield ProblemKind.CATEGORIES, f"the folder {name} is not one of the classes'"

    def _known_notes(self, images: Sequence[LabelledImage]) -> Iterator[Note]:
        # The development kit numbers classes from 1 and in another order, and lists of it exist.
        for image in images:
            label = self.known_labels.get(image.path.stem)
            if label is not None and label != image.label:
                text = (
                    f"{image.path.name} shows class {label}, but class {image.label} is stored: "
                    "classes count from 0 in the order of their sorted folder names"
                )
                yield ProblemKind.CATEGORIES, text

    def _count_notes(self, images: Sequence[LabelledImage]) -> Iterator[Note]:
        if not images:
            return
        if len(images) != self.num_images:
            text = f"there are {len(images)} images; the complete split has {self.num_images}"
            yield ProblemKind.COUNT, text
        counts = Counter(image.label for image in images)
        for label, folder in enumerate(self.folders):
            if counts[label] != self.images_per_class:
                name = self.classes.names[label]
                text = f"class {label}, {folder} ({name}), has {counts[label]} images"
                yield ProblemKind.COUNT, f"{text}, not {self.images_per_class}"

    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""
        first, last = self.folders[0], self.folders[-1]
        lines = [
            f"{self.root}/",
            f"`-- {self.image_dir}/",
            f"    |-- {first}/*{self.image_suffix}",
            "    |-- ...",
            f"    `-- {last}/*{self.image_suffix}",
        ]
        if self.list_file is None:
            return lines
        folder, _, file = self.list_file.rpartition("/")
        return [
            *lines,
            "or",
            f"{self.root}/",
            f"|-- {self.image_dir}/*{self.image_suffix}",
            f"`-- {folder}/",
            f"    `-- {file}",
        ]

    def stored(self) -> list[str]:
        """Return how classes are stored, one statement a line."""
        lines = [f"a class is the place of its folder among all {len(self.folders)}, sorted"]
        if self.list_file is not None:
            lines.append(f"where there is {self.list_file}, its lines are a path and a class each")
        return lines

    def files(self) -> Mapping[str, object]:
        """Return where classes are stored, for programs."""
        return {"image_suffix": self.image_suffix, "list_file": self.list_file}

    def class_fields(self, label: int) -> Mapping[str, object]:
        """Return the folder of a class, for programs."""
        return {"folder": self.folders[label]}
