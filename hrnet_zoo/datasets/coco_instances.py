"""Data sets in COCO's layout: images, and one file that lists them and the objects in them.

What is wrong with that file is noted, not raised, so that opening and checking say the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.images import LARGEST_JSON, read_bytes
from hrnet_zoo.datasets.problems import Note, ProblemKind
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    # Commands that only list rows import this module, and need no decoder.
    from hrnet_zoo.datasets.check_report import CheckReport
    from hrnet_zoo.datasets.coco_samples import CocoInventory, CocoSamples, Entries, ListedImage


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoInstances(DataSet):
    """A data set for detection."""

    annotation_file: str
    """The instances, below `root`."""
    category_ids: tuple[int, ...]
    """The id of every class in that file, in label order; ids may have gaps."""

    listing: ClassVar[str] = "reading the annotations of"
    stored_as: ClassVar[str] = "annotations"

    def open(self, folder: Path) -> CocoSamples:
        """Return the validation split, its annotations read."""
        from hrnet_zoo.datasets.coco_samples import CocoSamples  # noqa: PLC0415

        found = self.inventory(folder)
        found.require_readable(self.title)
        return CocoSamples(
            root=found.root,
            annotation_file=found.root / self.annotation_file,
            ground_truth=found.ground_truth,
            images=found.items,
            category_ids=self.category_ids,
        )

    def inventory(self, folder: Path) -> CocoInventory:
        """Read the annotations and return what is wrong with them and the images; reads no image.

        Raises:
            DatasetError: neither images nor annotations are there.
        """
        from hrnet_zoo.datasets.coco_samples import (  # noqa: PLC0415
            CocoInventory,
            intact,
            listed_images,
            look_at,
            mask_notes,
        )

        expected = (
            f"images in {self.root}/{self.image_dir} and annotations in "
            f"{self.root}/{self.annotation_file}"
        )
        root = self.find_root(folder, self.annotation_file, expected=expected)
        notes: list[Note] = []
        content: dict[str, Any] = {}
        listed: list[ListedImage] = []
        try:
            content = self._read(root / self.annotation_file)
        except DatasetError as error:
            notes.append((ProblemKind.ANNOTATIONS, str(error)))
        if wrong := self._category_fault(content.get("categories")):
            file = PurePosixPath(self.annotation_file)
            notes.append((ProblemKind.CATEGORIES, f"{root / file} {wrong}. Is it {file.name}?"))
            content = {}
        if content:
            images = intact("image", content["images"], notes)
            annotations = intact("annotation", content["annotations"], notes)
            listed = listed_images(root / self.image_dir, images, annotations)
            notes += self._contradictions(listed, annotations)
            notes += mask_notes(listed, self.annotation_file)
        present = [image for image in listed if image.path.is_file()]
        used = {entry["category_id"] for image in listed for entry in image.annotations}
        labels = frozenset(label for label, id_ in enumerate(self.category_ids) if id_ in used)
        return CocoInventory(
            root=root,
            items=present,
            look_at=look_at,
            num_images=len(present),
            num_annotations=sum(len(image.annotations) for image in listed),
            labels=labels if content else None,
            notes=notes,
            ground_truth=content,
            images=listed,
        )

    def _read(self, path: Path) -> dict[str, Any]:
        """Return the content of the annotation file, or raise DatasetError if it is unusable."""
        again = "Unpack it again from the official download"
        try:
            content = json.loads(read_bytes(path, LARGEST_JSON))
        except (ValueError, RecursionError) as error:
            msg = f"{path} is not intact JSON ({error}). {again}; it was probably cut short."
            raise DatasetError(msg) from None
        lists = content if isinstance(content, dict) else {}
        keys = ("images", "annotations", "categories")
        lacking = [key for key in keys if not isinstance(lists.get(key), list)]
        if lacking:
            missing = ", ".join(lacking)
            msg = f"{path} is not an instances file: it has no list of {missing}. {again}."
            raise DatasetError(msg)
        if not lists["images"]:
            msg = f"{path} lists no images. {again}."
            raise DatasetError(msg)
        return lists

    def _category_fault(self, categories: Sequence[object] | None) -> str | None:
        """Return how categories differ from the data set's; None: they do not, or are not known."""
        if categories is None:
            return None
        expected = [*zip(self.category_ids, self.classes.names, strict=True)]
        found = [(c.get("id"), c.get("name")) for c in categories if isinstance(c, dict)]
        if not len(found) == len(categories) == len(expected):
            return f"has {len(categories)} categories; {self.title} has {len(expected)}"
        for id_, name in found:
            if (id_, name) not in expected:
                own = f"{self.title} does not have"
                return f"has the category {name!r:.80} with id {id_!r:.40}, which {own}"
        return "lists a category twice" if len(set(found)) < len(found) else None

    def _contradictions(
        self, images: Sequence[ListedImage], annotations: Entries
    ) -> Iterator[Note]:
        """Yield what intact entries have in common that they should not, or lack."""
        if len(images) != self.num_images:
            text = f"{self.annotation_file} lists {len(images)} images; the complete split has "
            yield ProblemKind.COUNT, f"{text}{self.num_images}"
        for kind, occurrences in (
            (ProblemKind.DUPLICATE_IMAGES, Counter[object](image.id for image in images)),
            (ProblemKind.DUPLICATE_IMAGES, Counter[object](image.name for image in images)),
            (ProblemKind.DUPLICATE_ANNOTATIONS, Counter[object](a["id"] for a in annotations)),
        ):
            yield from ((kind, str(what)) for what, count in occurrences.items() if count > 1)
        known = {"image_id": {image.id for image in images}, "category_id": {*self.category_ids}}
        for annotation in annotations:
            for key, ids in known.items():
                if annotation[key] not in ids:
                    text = f"annotation {annotation['id']} has {key} {annotation[key]}"
                    yield ProblemKind.UNKNOWN_IDS, text
        for image in images:
            if not image.path.is_file():
                yield ProblemKind.MISSING_IMAGE, image.name

    def tree(self) -> list[str]:
        """Draw the folders; in ASCII, which every terminal and log file can show."""
        folder, _, file = self.annotation_file.rpartition("/")
        images = "the images, by the file names listed in the annotations"
        return self.drawn([(self.image_dir, images), (folder, file)])

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
