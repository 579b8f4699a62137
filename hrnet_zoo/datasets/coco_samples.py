"""Detection data sets in COCO's layout: images, and one file with all annotations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, model_validator
from pydantic import ValidationError as Invalid

from hrnet_zoo.datasets.checking import decoded
from hrnet_zoo.datasets.coco_masks import as_rle, mask_faults
from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.digests import digest_of, stamp_of
from hrnet_zoo.datasets.image_header import MOST_PIXELS
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.inventory import Inventory, Seen
from hrnet_zoo.datasets.problems import Note, ProblemKind, noting
from hrnet_zoo.errors import DatasetError

Entries = Sequence[dict[str, Any]]
# Tools that compute in floats write them as such, and pycocotools sees no difference.
_AT_ONCE = 1000
_WHOLE = ("id", "image_id", "category_id", "iscrowd", "height", "width")
_DIGESTED = ("id", "category_id", "iscrowd", "area", "bbox", "segmentation")


@dataclass(frozen=True, kw_only=True)
class ListedImage:
    """One image of the annotation file, with its annotations."""

    id: int
    name: str
    """The file name without its suffix, subfolders included."""
    path: Path
    size: tuple[int, int]
    """(height, width) as listed."""
    annotations: Sequence[Mapping[str, Any]]
    """As they stand in the file, crowds included."""


_Id = Annotated[int, Field(ge=-(2**63), lt=2**63)]
# pycocotools counts pixels in 32 bits, and nothing larger is decoded.
_Side = Annotated[int, Field(gt=0, lt=2**16)]
# Areas of such boxes and their sums are finite.
_Pixels = Annotated[FiniteFloat, Field(ge=-1e9, le=1e9)]


class _Image(BaseModel):
    """What is used of an entry of "images"."""

    model_config = ConfigDict(strict=True)
    id: _Id
    height: _Side
    width: _Side
    file_name: Annotated[str, Field(pattern=r"[^/.]", max_length=255)]

    @model_validator(mode="after")
    def _can_be_decoded(self) -> Self:
        if self.height * self.width > MOST_PIXELS:
            raise ValueError("too many pixels")
        return self


class _Annotation(BaseModel):
    """What evaluation uses of an entry of "annotations"; id 0 would mean "no match" to it.

    Masks are looked at by `mask_notes`.
    """

    model_config = ConfigDict(strict=True)
    id: Annotated[_Id, Field(gt=0)]
    image_id: _Id
    category_id: _Id
    iscrowd: Literal[0, 1]
    area: Annotated[FiniteFloat, Field(ge=-1e18, le=1e18)]
    bbox: Annotated[list[_Pixels], Field(min_length=4, max_length=4)]


_LISTS: dict[str, TypeAdapter[Any]] = {
    "image": TypeAdapter(list[_Image]),
    "annotation": TypeAdapter(list[_Annotation]),
}


@dataclass(frozen=True, kw_only=True)
class CocoInventory(Inventory[ListedImage]):
    """What the annotation file says, and what is wrong with it or with the files it names."""

    ground_truth: dict[str, Any]
    """The file as parsed; empty if it could not be used at all."""
    images: Sequence[ListedImage]
    """All that are listed, by id; those with and without annotations."""

    @property
    def has_masks(self) -> bool:
        """Whether any object is annotated with a mask."""
        return any(a.get("segmentation") for image in self.images for a in image.annotations)


@dataclass(frozen=True, kw_only=True)
class DetectionSample:
    """One decoded image with its annotations."""

    name: str
    """The image's file name without its suffix."""
    image_id: int
    """The image's id in the annotation file, and in results."""
    image: NDArray[np.uint8]
    """RGB [H, W, 3]."""
    digest: str
    """SHA-256 over the image file's content and the image's annotations."""
    annotations: Sequence[Mapping[str, Any]]
    """As they stand in the file, crowds included."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoSamples(Samples):
    """The validation split of one detection data set, by image id; images are read when asked for.

    Images without annotations belong to it, and so do crowds.
    """

    annotation_file: Path
    ground_truth: dict[str, Any]
    """The annotation file as parsed."""
    images: Sequence[ListedImage]
    category_ids: Sequence[int]
    """The annotation file's id of every class, by label."""

    def image_ids(self) -> dict[str, int]:
        """Return the annotation file's ids of all images, by their names."""
        return {image.name: image.id for image in self.images}

    def stamp(self) -> str:
        """Return a digest of which images there are, and of the ids of classes."""
        return stamp_of([*map(str, self.category_ids), *(image.name for image in self.images)])

    def digest(self, index: int) -> str:
        """Return the SHA-256 over the image file's content and the image's annotations."""
        listed = self.images[index]
        return _digest(read_bytes(listed.path), listed)

    def truth_of(self, index: int, *, with_masks: bool) -> ImageDetections:
        """Return the objects annotated in image ``index``, without crowds, each with a score of 1.

        Args:
            index: which image.
            with_masks: whether their masks are wanted, too.
        """
        listed = self.images[index]
        objects = [a for a in listed.annotations if not a.get("iscrowd")]
        corners = [(x, y, x + w, y + h) for x, y, w, h in (a["bbox"] for a in objects)]
        labels = [self.category_ids.index(a["category_id"]) for a in objects]
        return ImageDetections(
            boxes=np.array(corners, np.float32).reshape(-1, 4),
            scores=np.ones(len(objects), np.float32),
            labels=np.array(labels, np.int64),
            masks=[as_rle(a["segmentation"], listed.size) for a in objects] if with_masks else None,
        )

    def load(self, index: int) -> DetectionSample:
        """Read and decode image ``index``; safe to call from several threads.

        Raises:
            DatasetError: the file is damaged, or not of the size that is listed.
        """
        listed = self.images[index]
        content = read_bytes(listed.path)
        image = decode_image(content, listed.path)
        _require_listed_size(listed, image)
        return DetectionSample(
            name=listed.name,
            image_id=listed.id,
            image=image,
            digest=_digest(content, listed),
            annotations=listed.annotations,
        )


def look_at(image: ListedImage) -> Seen:
    """Read an image to the end, and hold it against what is listed."""
    notes: list[Note] = []
    file = decoded(image.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    if file is None:
        return Seen(notes=tuple(notes))
    content, pixels = file
    with noting(ProblemKind.LISTED_SIZE, notes):
        _require_listed_size(image, pixels)
    return Seen(
        size=(pixels.shape[1], pixels.shape[0]),
        digest=_digest(content, image),
        notes=tuple(notes),
    )


def _require_listed_size(listed: ListedImage, image: NDArray[np.uint8]) -> None:
    """Raise DatasetError unless a decoded image is of the size that the annotation file says.

    Boxes would not fit it. EXIF orientation counts, because upstream's decoder turns images too.
    """
    if image.shape[:2] != listed.size:
        msg = (
            f"{listed.path} is {image.shape[1]} x {image.shape[0]} pixels (EXIF orientation "
            f"applied), but {listed.size[1]} x {listed.size[0]} are listed. Copy it again from the "
            "original download."
        )
        raise DatasetError(msg)


def _digest(image_bytes: bytes, listed: ListedImage) -> str:
    """Return the SHA-256 over an image file and the annotations that it is scored by.

    The order of annotations and of their fields does not matter, nor do fields without influence.
    """
    annotations = [
        {key: annotation[key] for key in _DIGESTED if key in annotation}
        for annotation in sorted(listed.annotations, key=itemgetter("id"))
    ]
    text = json.dumps([listed.id, annotations], sort_keys=True, separators=(",", ":"))
    return digest_of(image_bytes, text.encode())


def intact(what: str, entries: Sequence[Any], notes: list[Note]) -> Entries:
    """Return the entries that have all fields, and note the others; ids 42.0 become 42."""
    for entry in entries:
        for key in _WHOLE if isinstance(entry, dict) else ():
            if type(entry.get(key)) is float and entry[key].is_integer():
                entry[key] = int(entry[key])
    bad: set[int] = set()
    for begin in range(0, len(entries), _AT_ONCE):
        try:
            _LISTS[what].validate_python(entries[begin : begin + _AT_ONCE])
        except Invalid as error:
            bad |= {begin + int(each["loc"][0]) for each in error.errors(include_url=False)}
        if len(bad) > _AT_ONCE:  # each is told in kilobytes, and entries take three bytes
            notes.append((ProblemKind.MALFORMED, f"{what}s after no. {begin + _AT_ONCE}: not read"))
            entries = entries[: begin + _AT_ONCE]
            break
    notes += [(ProblemKind.MALFORMED, f"{what} no. {position + 1}") for position in sorted(bad)]
    return [entry for position, entry in enumerate(entries) if position not in bad]


def listed_images(folder: Path, images: Entries, annotations: Entries) -> list[ListedImage]:
    """Return the images of an annotation file by id, each with its annotations."""
    by_image: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in annotations:
        by_image[annotation["image_id"]].append(annotation)
    return [
        ListedImage(
            id=image["id"],
            name=PurePosixPath(image["file_name"]).with_suffix("").as_posix(),
            path=folder / image["file_name"],
            size=(image["height"], image["width"]),
            annotations=by_image.get(image["id"], []),
        )
        for image in sorted(images, key=lambda entry: int(entry["id"]))
    ]


def mask_notes(images: Sequence[ListedImage], file: str) -> list[Note]:
    """Return a note on every mask that cannot be scored, unless no object has one at all."""
    objects = [(image, annotation) for image in images for annotation in image.annotations]
    masks = [annotation.get("segmentation") for _, annotation in objects]
    faults = mask_faults(masks, [image.size for image, _ in objects]) if any(masks) else {}
    return [
        (
            ProblemKind.MASKS,
            f"{file}, annotation {objects[i][1]['id']} of image {objects[i][0].id}: {faults[i]}",
        )
        for i in sorted(faults)
    ]
