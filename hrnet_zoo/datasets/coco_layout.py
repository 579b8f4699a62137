"""Data sets in COCO's layout: which files they have, and what is said about these."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hrnet_zoo.datasets.data_set import DataSet

if TYPE_CHECKING:
    from hrnet_zoo.datasets.check_report import CheckReport


@dataclass(frozen=True, kw_only=True)
class CocoLayout(DataSet, ABC):
    """Images, and one file in COCO's JSON with the objects in them."""

    annotation_file: str
    """The instances, below `root`."""
    category_ids: tuple[int, ...]
    """The id of every class in that file, in label order; ids may have gaps."""

    listing: ClassVar[str] = "reading the annotations of"
    stored_as: ClassVar[str] = "annotations"

    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""
        folder, _, file = self.annotation_file.rpartition("/")
        return [
            f"{self.root}/",
            f"|-- {self.image_dir}/",
            "|   `-- the images, by the file names listed in the annotations",
            f"`-- {folder}/",
            f"    `-- {file}",
        ]

    def stored(self) -> list[str]:
        """Return how objects are stored, one statement a line."""
        first, last = self.category_ids[0], self.category_ids[-1]
        gaps = ", with gaps" if last - first >= len(self.category_ids) else ""
        return [
            "COCO's JSON for instances: images, annotations and categories",
            "a box is x, y, width, height; a mask is polygons or, for crowds, run lengths",
            f"category ids are {first} to {last}{gaps}; labels count from 0 in their order",
            "images without annotations count, and crowds neither help nor harm",
        ]

    def files(self) -> Mapping[str, object]:
        """Return where the annotations are, for programs."""
        return {"annotation_file": self.annotation_file}

    def class_fields(self, label: int) -> Mapping[str, object]:
        """Return the id of a class in annotations and results, for programs."""
        return {"category_id": self.category_ids[label]}

    def counted(self, report: CheckReport) -> list[tuple[str, str]]:
        """Return how many annotated objects there are."""
        return [("annotations", str(report.num_annotations))]
