"""Pascal Context: whole scenes in 60 classes, or in 59 with background ignored.

Preparing it makes label images and lists from the annotations of PASCAL in Detail.

What is read of `trainval_merged.json`: "images" (`image_id`, `file_name`, `height`, `width`,
`phase`) and "annos_segmentation" (`id`, `image_id`, `category_id`, `segmentation`, a run-length
encoded mask). Masks are painted in the order of the file, later ones over earlier ones,
crowds included; a pixel that none covers is background.

Source:
    Detail API, PythonAPI/detail/__init__.py, getMask and getImgs;
    mmsegmentation 1.2.2, tools/dataset_converters/pascal_context.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.image_header import MOST_PIXELS
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    background #787878, aeroplane #b47878, bag #06e6e6, bed #503232, bedclothes #04c803,
    bench #787850, bicycle #8c8c8c, bird #cc05ff, boat #e6e6e6, book #04fa07, bottle #e005ff,
    building #ebff07, bus #96053d, cabinet #787846, car #08ff33, cat #ff0652, ceiling #8fff8c,
    chair #ccff04, cloth #ff3307, computer #cc4603, cow #0066c8, cup #3de6fa, curtain #ff0633,
    dog #0b66ff, door #ff0747, fence #ff09e0, floor #0907e6, flower #dcdcdc, food #ff095c,
    grass #7009ff, ground #08ffd6, horse #07ffe0, keyboard #ffb806, light #0aff47,
    motorbike #ff290a, mountain #07ffff, mouse #e0ff08, person #6608ff, plate #ff3d06,
    platform #ffc207, pottedplant #ff7a08, road #00ff14, rock #ff0829, sheep #ff0599,
    shelves #0633ff, sidewalk #eb0cff, sign #a09614, sky #00a3ff, snow #8c8c8c, sofa #fa0a0f,
    table #14ff00, track #1fff00, train #ff1f00, tree #ffe000, truck #99ff00, tvmonitor #0000ff,
    wall #ff4700, water #00ebff, window #00adff, wood #1f00ff
    """
)
CATEGORY_IDS = (
    *(0, 2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85),
    *(98, 104, 105, 113, 115, 144, 158, 159, 162, 187, 189, 207, 220, 232, 258, 259, 260, 284),
    *(295, 296, 308, 324, 326, 347, 349, 354, 355, 360, 366, 368, 397, 415, 416, 420, 424, 427),
    *(440, 445, 454, 458),
)
"""Label -> category id of the annotations; 0 is background."""
_NUM_IMAGES = {"val": 5105, "train": 4998}


class _Annotation(NamedTuple):
    id: int
    image_id: int
    category_id: int
    segmentation: Mapping[str, Any]


class _Picture(NamedTuple):
    image_id: int
    stem: str
    height: int
    width: int
    phase: str


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per image of the splits, and one for the lists."""
    from hrnet_zoo.datasets.prepare.plan import Plan  # noqa: PLC0415

    what = "the annotation file trainval_merged.json"
    (member,) = source.select(r"(?:^|/)trainval_merged\.json$", what).values()
    pictures, annotations = _load(member)
    chosen = [picture for picture in pictures if picture.phase in splits]
    pieces = [
        partial(_label, picture, annotations.get(picture.image_id, []), member.location)
        for picture in chosen
    ]
    stems = {split: [p.stem for p in chosen if p.phase == split] for split in splits}
    bare = sum(picture.image_id not in annotations for picture in chosen)
    remark = f"{bare} images have no annotation; they become background, as they do upstream"
    return Plan(
        pieces=[*pieces, partial(_lists, stems)],
        expected={"SegmentationClassContext": sum(_NUM_IMAGES[split] for split in splits)},
        remark=remark if bare else "",
    )


def _load(member: Member) -> tuple[list[_Picture], dict[int, list[_Annotation]]]:
    """Return the images, and the annotations of each in the file's order."""
    content = member.read()
    try:
        data = json.loads(content, object_hook=_slim)
        pictures = {p.image_id: p for p in data["images"]}
        # By id, as the Detail API does: of two annotations with one id the later one counts.
        by_id = {a.id: a for a in data["annos_segmentation"]}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = (
            f"{member.location} is not the annotation file of PASCAL in Detail ({error!r}). "
            "Download trainval_merged.json again."
        )
        raise DatasetError(msg) from None
    grouped = defaultdict(list)
    for annotation in by_id.values():
        grouped[annotation.image_id].append(annotation)
    return list(pictures.values()), grouped


def _slim(item: dict[str, Any]) -> object:
    """Keep of a JSON object only what is used: parts, joints and edges are most of the file."""
    if "annos_segmentation" in item or "counts" in item:
        return item
    if "category_id" in item and "segmentation" in item:
        kept = {key: item[key] for key in ("id", "image_id", "category_id", "segmentation")}
        return _Annotation(**kept)
    if "file_name" in item and "phase" in item:
        stem = PurePosixPath(item["file_name"]).stem
        if not stem.isprintable():  # it becomes the name of a file
            raise ValueError(f"file_name is {stem[:80]!r}")
        kept = {key: item[key] for key in ("image_id", "height", "width", "phase")}
        return _Picture(stem=stem, **kept)
    return None


def _label(picture: _Picture, own: list[_Annotation], where: Path) -> Outputs:
    import numpy as np  # noqa: PLC0415

    from hrnet_zoo.datasets.rle import decode_mask  # noqa: PLC0415

    try:
        _require_size(picture)
        painted = np.zeros(picture.width * picture.height, np.int64)
        for annotation in own:
            mask = decode_mask(annotation.segmentation, picture.height, picture.width)
            painted[mask] = annotation.category_id
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        msg = f"{where}: a mask of image {picture.stem} cannot be decoded ({error})."
        raise DatasetError(msg) from None
    ids = np.array(CATEGORY_IDS)
    labels = np.searchsorted(ids, painted).clip(max=len(ids) - 1)
    unknown = painted[ids[labels] != painted]
    if unknown.size:
        msg = (
            f"{where}: image {picture.stem} has the category {unknown[0]}, which is none of the "
            "60 of Pascal Context. Is this trainval_merged.json as downloaded?"
        )
        raise DatasetError(msg)
    image = labels.astype(np.uint8).reshape(picture.width, picture.height).T
    yield f"SegmentationClassContext/{picture.stem}.png", image


def _require_size(picture: _Picture) -> None:
    size = (picture.width, picture.height)
    are_sides = all(type(side) is int and side > 0 for side in size)
    if not are_sides or picture.width * picture.height > MOST_PIXELS:
        raise ValueError(f"its size is {str(size)[:80]}; images have at most {MOST_PIXELS} pixels")


def _lists(stems: Mapping[str, list[str]]) -> Outputs:
    for split, names in stems.items():
        text = "".join(f"{name}\n" for name in sorted(names))
        yield f"ImageSets/SegmentationContext/{split}.txt", text.encode()


PASCAL_CONTEXT = LabelImages(
    name="pascal_context",
    title="Pascal Context (60 classes)",
    root="VOCdevkit/VOC2010",
    image_dir="JPEGImages",
    label_dir="SegmentationClassContext",
    image_suffix=".jpg",
    labels=(LabelFiles(suffix=".png"),),
    num_images=_NUM_IMAGES["val"],
    split_file="ImageSets/SegmentationContext/val.txt",
    classes=_CLASSES,
    typical_image=(500, 375),
    download=Download(
        archives=("VOCtrainval_03-May-2010.tar", "trainval_merged.json"),
        obtained_from=(
            "images: the PASCAL VOC project, host.robots.ox.ac.uk; annotations: PASCAL in Detail, "
            "as its API names them. No registration."
        ),
        terms="Images are from Flickr and under its terms of use; for research.",
        preparation=(
            "Unpack the tar, which makes VOCdevkit/VOC2010. --source is the folder of "
            "trainval_merged.json, from which label images (0 to 59) and the lists are made. "
            "Reading it takes some gigabytes of memory."
        ),
    ),
    preparer=Preparer(plan=_plan, zips=r"(?:.*/)?trainval_merged(?:\.json)?\.zip"),
)

# The same files; background is ignored instead of being a class.
PASCAL_CONTEXT_59 = replace(
    PASCAL_CONTEXT,
    name="pascal_context_59",
    title="Pascal Context (59 classes)",
    reduce_zero_label=True,
    classes=replace(_CLASSES, names=_CLASSES.names[1:], palette=_CLASSES.palette[1:]),
)
