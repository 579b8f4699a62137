"""Data sets for classification in ImageNet's layout: a list of classes, or a folder for each.

This imports no decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hrnet_zoo.datasets.check_report import CheckReport, Inventory
from hrnet_zoo.datasets.data_set import DataSet

if TYPE_CHECKING:
    from hrnet_zoo.datasets.class_listing import LabelledImage
    from hrnet_zoo.datasets.class_samples import ClassSamples


@dataclass(frozen=True, kw_only=True)
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
        from hrnet_zoo.datasets.class_samples import open_classes  # noqa: PLC0415

        return open_classes(self, folder)

    def inventory(self, folder: Path) -> Inventory[LabelledImage]:
        """Return what is there of the split and what is wrong with it."""
        from hrnet_zoo.datasets.class_samples import list_classes  # noqa: PLC0415

        return list_classes(self, folder)

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

    def counted(self, report: CheckReport) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return nothing: images are all there is to count."""
        return []
