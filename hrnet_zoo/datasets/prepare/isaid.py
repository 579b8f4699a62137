"""iSAID: DOTA's images and the colour masks cut into overlapping patches.

Labels are stored as 8-bit indices. Upstream's converter, run with Pillow 10.1 or newer, stores them
with one bit per pixel instead: it asks for a palette image without a palette, and every class
becomes 1. The documented numbers are older than that, and need all classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.layouts import IGNORED
from hrnet_zoo.datasets.prepare.archives import Member, paired
from hrnet_zoo.datasets.prepare.colours import isaid_labels
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request
from hrnet_zoo.datasets.prepare.tiling import cut, pad_to_patch, patch_boxes
from hrnet_zoo.errors import DatasetError

_IMAGES = r"(?:^|/)(train|val)/images/(?:.*/)?([^/_.]+)\.png$"
_MASKS = r"(?:^|/)(train|val)/Semantic_masks/(?:.*/)?([^/_.]+)_instance_color_RGB\.png$"
_EXPECTED = {"val": 11644, "train": 33978}


def plan(request: Request) -> Plan:
    """Return one piece per image and its mask."""
    pieces: list[Piece] = []
    least_bytes = 0
    for split in request.splits:
        images = _stems(request, split, _IMAGES, f"{split}/images/*.zip (DOTA-v1.0 images)")
        masks = _stems(request, split, _MASKS, f"{split}/Semantic_masks/images.zip")
        for stem, image, mask in paired(images, masks, request.source.root):
            pieces.append(Piece(name=stem, make=partial(_patches, split, stem, image, mask)))
            # Patches overlap and are stored like the image: they cannot take less than it.
            least_bytes += image.size
    return Plan(
        pieces=pieces,
        expected={
            f"{kind}_dir/{split}": _EXPECTED[split]
            for split in request.splits
            for kind in ("img", "ann")
        },
        least_bytes=least_bytes,
    )


def _stems(request: Request, split: str, pattern: str, what: str) -> dict[str, Member]:
    found = {
        stem: member
        for (found_split, stem), member in request.source.select(pattern).items()
        if found_split == split
    }
    if not found:
        raise request.source.lacks(f"the images of {what}")
    return found


def _patches(split: str, stem: str, image: Member, mask: Member) -> Iterator[Output]:
    pixels = decode_image(image.read(), image.location)
    label = isaid_labels(decode_image(mask.read(), mask.location))
    if pixels.shape[:2] != label.shape:
        msg = f"{mask.location} is not of the size of its image. Download it again."
        raise DatasetError(msg)
    pixels, label = pad_to_patch(pixels, 0), pad_to_patch(label, IGNORED)
    for box in patch_boxes(*label.shape):
        x0, y0, x1, y1 = box
        name = f"{stem}_{y0}_{y1}_{x0}_{x1}"
        yield Output(path=f"img_dir/{split}/{name}.png", content=cut(pixels, box))
        yield Output(path=f"ann_dir/{split}/{name}_instance_color_RGB.png", content=cut(label, box))


PREPARER = Preparer(plan=plan, zips=r"(?:.*/)?(?:train|val)/(?:images|Semantic_masks)/[^/]+\.zip")
