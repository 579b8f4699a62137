"""LoveDA: the folders Rural and Urban of the download become one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.prepare.archives import Member, paired
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request
from hrnet_zoo.errors import DatasetError

_FILES = r"(?:^|/)(Train|Val)/(Rural|Urban)/(images|masks)_png/([^/]+\.png)$"
_EXPECTED = {"val": 1669, "train": 2522}


def plan(request: Request) -> Plan:
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
        expected={
            f"{kind}_dir/{split}": _EXPECTED[split]
            for split in request.splits
            for kind in ("img", "ann")
        },
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


PREPARER = Preparer(plan=plan, zips=r"(?:.*/)?(?:Train|Val)\.zip")
