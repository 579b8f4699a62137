"""LoveDA: rural and urban land cover, seen from the air.

Preparing it merges the folders Rural and Urban of the download.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    background #ffffff, building #ff0000, road #ffff00, water #0000ff, barren #9f81b7,
    forest #00ff00, agricultural #ffc380
    """
)
_NUM_IMAGES = {"val": 1669, "train": 2522}


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per image and its mask."""
    from hrnet_zoo.datasets.prepare.archives import paired  # noqa: PLC0415
    from hrnet_zoo.datasets.prepare.plan import Plan, in_both_folders  # noqa: PLC0415

    pieces = []
    least_bytes = 0
    for split in splits:
        images, masks = _merged(source, split, "images"), _merged(source, split, "masks")
        for name, image, mask in paired(images, masks, source.root):
            pieces.append(partial(_copies, split, name, image, mask))
            least_bytes += image.size + mask.size
    expected = in_both_folders(_NUM_IMAGES, splits)
    return Plan(pieces=pieces, expected=expected, least_bytes=least_bytes)


def _merged(source: Downloaded, split: str, kind: str) -> dict[str, Member]:
    """Return file name -> member over both landscapes."""
    merged: dict[str, Member] = {}
    folder = split.capitalize()
    files = rf"(?:^|/){folder}/(Rural|Urban)/{kind}_png/([^/]+\.png)$"
    what = f"files {folder}/<Rural or Urban>/{kind}_png/*.png (from {folder}.zip)"
    for (_, name), member in source.select(files, what).items():
        if name in merged:
            msg = (
                f"{merged[name].location} and {member.location} have one name, and LoveDA's "
                "names are unique. Unpack the download again into an empty folder."
            )
            raise DatasetError(msg)
        merged[name] = member
    return merged


def _copies(split: str, name: str, image: Member, mask: Member) -> Outputs:
    image_bytes, mask_bytes = image.read(), mask.read()
    # Decoded only to be sure that what is passed on is intact and belongs together.
    image_size = decode_image(image_bytes, image.location).shape[:2]
    if image_size != decode_label(mask_bytes, mask.location).shape:
        msg = f"{mask.location} is not of the size of its image. Download it again."
        raise DatasetError(msg)
    yield f"img_dir/{split}/{name}", image_bytes
    yield f"ann_dir/{split}/{name}", mask_bytes


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
