"""iSAID: objects in aerial images.

Preparing it cuts DOTA's images and the colour masks into overlapping patches. Labels are stored as
8-bit indices. Upstream's converter, run with Pillow 10.1 or newer, stores them with one bit per
pixel instead: it asks for a palette image without a palette, and every class becomes 1. The
documented numbers are older than that, and need all classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.label_images import IGNORED, LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    background #000000, ship #00003f, store_tank #003f3f, baseball_diamond #003f00,
    tennis_court #003f7f, basketball_court #003fbf, Ground_Track_Field #003fff, Bridge #007f3f,
    Large_Vehicle #007f7f, Small_Vehicle #00007f, Helicopter #0000bf, Swimming_pool #0000ff,
    Roundabout #00bf7f, Soccer_ball_field #007fbf, plane #007fff, Harbor #00649b
    """
)
_IMAGES = r"(?:^|/)(train|val)/images/(?:.*/)?([^/_.]+)\.png$"
_MASKS = r"(?:^|/)(train|val)/Semantic_masks/(?:.*/)?([^/_.]+)_instance_color_RGB\.png$"
_NUM_PATCHES = {"val": 11644, "train": 33978}


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per image and its mask."""
    from hrnet_zoo.datasets.prepare.archives import paired  # noqa: PLC0415
    from hrnet_zoo.datasets.prepare.plan import Plan, in_both_folders  # noqa: PLC0415

    pieces = []
    least_bytes = 0
    for split in splits:
        what = f"the images of {split}/images/*.zip (DOTA-v1.0 images)"
        images = source.of_split(_IMAGES, split, what)
        masks = source.of_split(_MASKS, split, f"the images of {split}/Semantic_masks/images.zip")
        for stem, image, mask in paired(images, masks, source.root):
            pieces.append(partial(_patches, split, stem, image, mask))
            # Patches overlap and are stored like the image: they cannot take less than it.
            least_bytes += image.size
    expected = in_both_folders(_NUM_PATCHES, splits)
    return Plan(pieces=pieces, expected=expected, least_bytes=least_bytes)


def _patches(split: str, stem: str, image: Member, mask: Member) -> Outputs:
    from hrnet_zoo.datasets.prepare import aerial  # noqa: PLC0415

    pixels = decode_image(image.read(), image.location)
    label = aerial.labels_of_colours(decode_image(mask.read(), mask.location), _CLASSES.palette)
    if pixels.shape[:2] != label.shape:
        msg = f"{mask.location} is not of the size of its image. Download it again."
        raise DatasetError(msg)
    pixels, label = aerial.pad_to_patch(pixels, 0), aerial.pad_to_patch(label, IGNORED)
    for box in aerial.patch_boxes(*label.shape):
        x0, y0, x1, y1 = box
        name = f"{stem}_{y0}_{y1}_{x0}_{x1}"
        yield f"img_dir/{split}/{name}.png", aerial.cut(pixels, box)
        yield f"ann_dir/{split}/{name}_instance_color_RGB.png", aerial.cut(label, box)


ISAID = LabelImages(
    name="isaid",
    title="iSAID",
    root="iSAID",
    image_dir="img_dir/val",
    label_dir="ann_dir/val",
    image_suffix=".png",
    labels=(LabelFiles(suffix="_instance_color_RGB.png"),),
    num_images=_NUM_PATCHES["val"],
    classes=_CLASSES,
    typical_image=(896, 896),
    download=Download(
        archives=(
            "val/images/*.zip (DOTA-v1.0 images)",
            "val/Semantic_masks/images.zip (iSAID)",
            "train/... likewise (only for training)",
        ),
        obtained_from=(
            "images: DOTA-v1.0, captain-whu.github.io/DOTA; masks: iSAID, "
            "captain-whu.github.io/iSAID. No registration."
        ),
        terms="Academic use only; Google Earth's terms hold for its images.",
        preparation=(
            "--source is a folder with the zips in the folders named above; images become "
            "patches of 896 x 896 that overlap by 384, colours become labels."
        ),
    ),
    preparer=Preparer(
        plan=_plan, zips=r"(?:.*/)?(?:train|val)/(?:images|Semantic_masks)/[^/]+\.zip"
    ),
)
