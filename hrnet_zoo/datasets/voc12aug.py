"""Pascal VOC 2012, whose training split is usually enlarged by SBD ("Aug").

Only that split needs preparing: the masks of SBD become PNG, and its lists are made.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import LARGEST_LIST, read_bytes
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    background #000000, aeroplane #800000, bicycle #008000, bird #808000, boat #000080,
    bottle #800080, bus #008080, car #808080, cat #400000, chair #c00000, cow #408000,
    diningtable #c08000, dog #400080, horse #c00080, motorbike #408080, person #c08080,
    pottedplant #004000, sheep #804000, sofa #00c000, train #80c000, tvmonitor #004080
    """
)
TRAIN_AUG_IMAGES = 10582
"""Images of the enlarged training split."""
_MASKS = 11355
_MATS = r"(?:^|/)dataset/cls/([^/]+)\.mat$"
_SBD_LISTS = r"(?:^|/)dataset/(train|val)\.txt$"
_VOC_LISTS = r"(?:^|/)VOC2012/ImageSets/Segmentation/(train|val)\.txt$"
_COMPRESSED = 15
_LARGEST = 2**26
"""Bytes that a mask takes at most; the largest image of VOC has 250,000 pixels."""
_LISTS = "ImageSets/Segmentation"


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per mask, and one for the lists."""
    from hrnet_zoo.datasets.prepare.plan import Plan  # noqa: PLC0415

    mats = source.select(_MATS)
    sbd_lists = source.select(_SBD_LISTS)
    if not mats or len(sbd_lists) != 2:
        raise source.lacks(
            "dataset/cls/*.mat with dataset/train.txt and val.txt (from benchmark.tgz of SBD)"
        )
    sbd = set().union(*(_stems(member.read()) for member in sbd_lists.values()))
    train, val = (_voc_list(source, root, split) for split in ("train", "val"))
    train_aug, aug = (train | sbd) - val, sbd - train - val
    if len(train_aug) != TRAIN_AUG_IMAGES:
        msg = (
            f"The lists of VOC 2012 and SBD make {len(train_aug)} training images, not "
            f"{TRAIN_AUG_IMAGES}. Unpack both downloads again."
        )
        raise DatasetError(msg)
    masks = [partial(_mask, stem, member) for (stem,), member in mats.items()]
    return Plan(
        pieces=[*masks, partial(_lists, train_aug, aug)],
        expected={"SegmentationClassAug": _MASKS},
    )


def _voc_list(source: Downloaded, root: Path, split: str) -> set[str]:
    """Return a list of VOC 2012 itself, from the source or from where it was unpacked to."""
    member = source.select(_VOC_LISTS).get((split,))
    if member is not None:
        return _stems(member.read())
    unpacked = root / _LISTS / f"{split}.txt"
    if not unpacked.is_file():
        msg = (
            f"VOC 2012 itself is not there: neither {unpacked} nor VOC2012/{_LISTS}/{split}.txt in "
            f"{source.root}. Unpack VOCtrainval_11-May-2012.tar first."
        )
        raise DatasetError(msg)
    return _stems(read_bytes(unpacked, LARGEST_LIST))


def _stems(content: bytes) -> set[str]:
    return set(content.decode("utf-8", "replace").split())


def _mask(stem: str, member: Member) -> Outputs:
    import numpy as np  # noqa: PLC0415
    from scipy.io import loadmat  # noqa: PLC0415

    content = member.read()
    try:
        _require_small(content)
        # The file holds a 1 x 1 struct array, whose field is again an array of one object.
        stored = loadmat(io.BytesIO(content))["GTcls"][0]["Segmentation"][0]
        values = np.asarray(stored).astype(np.uint8)
    except Exception as error:  # noqa: BLE001 - damaged bytes make SciPy fail in any way
        msg = f"{member.location} is not an intact mask ({error}). Unpack benchmark.tgz again."
        raise DatasetError(msg) from None
    if values.ndim != 2 or values.max(initial=0) >= len(_CLASSES):
        msg = f"{member.location} holds values that are not classes. Is it from dataset/inst?"
        raise DatasetError(msg)
    yield f"SegmentationClassAug/{stem}.png", values


def _require_small(content: bytes) -> None:
    """Refuse a file of MATLAB that would become far larger than a mask; SciPy undoes all of it.

    Source:
        MathWorks, MAT-File Format, R2024a, Level 5: elements, and miCOMPRESSED.
    """
    if content[126:128] != b"IM":
        raise ValueError("it is not in MATLAB's format 5, or its bytes are in another order")
    position = 128
    while position + 8 <= len(content):
        kind, length = struct.unpack_from("<II", content, position)
        position += 8 + length
        element = content[position - length : position]
        taken = zlib.decompressobj().decompress(element, _LARGEST) if kind == _COMPRESSED else b""
        if len(taken) == _LARGEST:
            raise ValueError(f"it would take {_LARGEST} bytes or more")


def _lists(train_aug: set[str], aug: set[str]) -> Outputs:
    """Write both lists sorted; upstream's are in no particular order."""
    for name, stems in (("trainaug", train_aug), ("aug", aug)):
        text = "".join(f"{stem}\n" for stem in sorted(stems))
        yield f"{_LISTS}/{name}.txt", text.encode()


VOC12AUG = LabelImages(
    name="voc12aug",
    title="Pascal VOC 2012",
    root="VOCdevkit/VOC2012",
    image_dir="JPEGImages",
    label_dir="SegmentationClass",
    image_suffix=".jpg",
    labels=(LabelFiles(suffix=".png"),),
    num_images=1449,
    split_file=f"{_LISTS}/val.txt",
    boundaries_ignored=True,
    classes=_CLASSES,
    typical_image=(500, 375),
    download=Download(
        archives=("VOCtrainval_11-May-2012.tar", "benchmark.tgz (only for training)"),
        obtained_from=(
            "the PASCAL VOC project, host.robots.ox.ac.uk; the second from the Semantic "
            "Boundaries Dataset (SBD), UC Berkeley. No registration."
        ),
        terms="Images are from Flickr and under its terms of use; for research.",
        preparation=(
            "None for validation: unpack the tar, which makes VOCdevkit/VOC2012. For the Aug "
            "training split, --source is the unpacked benchmark.tgz; its .mat files become PNG in "
            "SegmentationClassAug."
        ),
    ),
    preparer=Preparer(
        plan=_plan, zips=r"(?:.*/)?(?:benchmark[^/]*|VOCaug)\.zip", splits=("train",)
    ),
)
