"""LoveDA: rural and urban land cover, seen from the air.

Preparing it merges the folders Rural and Urban of the download.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hrnet_zoo.datasets.data_set import Download, classes
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages
from hrnet_zoo.datasets.prepare.archives import Member, paired
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request, in_both_folders
from hrnet_zoo.errors import DatasetError

_CLASSES = classes(
    """
    background #ffffff, building #ff0000, road #ffff00, water #0000ff, barren #9f81b7,
    forest #00ff00, agricultural #ffc380
    """
)
_FILES = r"(?:^|/)(Train|Val)/(Rural|Urban)/(images|masks)_png/([^/]+\.png)$"
_NUM_IMAGES = {"val": 1669, "train": 2522}


def _plan(request: Request) -> Plan:
    """Return one piece per image and its mask."""
    pieces: list[Piece] = []
    least_bytes = 0
    for split in request.splits:
        images, masks = _merged(request, split, "images"), _merged(request, split, "masks")
        for name, image, mask in paired(images, masks, request.source.root):
            pieces.append(Piece(name=name, make=partial(_copies, split, name, image, mask)))
            least_bytes += image.size + mask.size
    return Plan(
        pieces=pieces,
        expected=in_both_folders(_NUM_IMAGES, request.splits),
        least_bytes=least_bytes,
    )


def _merged(request: Request, split: str, kind: str) -> dict[str, Member]:
    """Return file name -> member over both landscapes."""
    merged: dict[str, Member] = {}
    for (found_split, _, found_kind, name), member in request.source.select(_FILES).items():
        if (found_split, found_kind) != (split.capitalize(), kind):
            continue
        if name in merged:
            msg = (
                f"{merged[name].location} and {member.location} have one name, and LoveDA's "
                "names are unique. Unpack the download again into an empty folder."
            )
            raise DatasetError(msg)
        merged[name] = member
    if not merged:
        raise request.source.lacks(
            f"files {split.capitalize()}/<Rural or Urban>/{kind}_png/*.png "
            f"(from {split.capitalize()}.zip)"
        )
    return merged


def _copies(split: str, name: str, image: Member, mask: Member) -> Iterator[Output]:
    image_bytes, mask_bytes = image.read(), mask.read()
    # Decoded only to be sure that what is passed on is intact and belongs together.
    image_size = decode_image(image_bytes, image.location).shape[:2]
    if image_size != decode_label(mask_bytes, mask.location).shape:
        msg = f"{mask.location} is not of the size of its image. Download it again."
        raise DatasetError(msg)
    yield Output(path=f"img_dir/{split}/{name}", content=image_bytes)
    yield Output(path=f"ann_dir/{split}/{name}", content=mask_bytes)


LOVEDA = LabelImages(
    name="loveda",
    title="LoveDA",
    root="loveDA",
    image_dir="img_dir/val",
    label_dir="ann_dir/val",
    image_suffix=".png",
    labels=(LabelFiles(suffix=".png"),),
    num_images=_NUM_IMAGES["val"],
    reduce_zero_label=True,
    classes=_CLASSES,
    typical_image=(1024, 1024),
    download=Download(
        archives=("Val.zip", "Train.zip (only for training)"),
        obtained_from="Zenodo, by the RSIDEA group of Wuhan University. No registration.",
        terms="CC BY-NC-SA 4.0, and Google Earth's terms: academic use only.",
        preparation="--source is the folder of the zips; Rural and Urban are merged.",
    ),
    preparer=Preparer(plan=_plan, zips=r"(?:.*/)?(?:Train|Val)\.zip"),
)
