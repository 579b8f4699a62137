"""VOC 2012 Aug: the masks of SBD as PNG, and the lists of the enlarged training split."""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.datasets.prepare.archives import Member
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request
from hrnet_zoo.errors import DatasetError, PrerequisiteError

TRAIN_AUG_IMAGES = 10582
"""Images of the enlarged training split."""
_MASKS = 11355
_MATS = r"(?:^|/)dataset/cls/([^/]+)\.mat$"
_SBD_LISTS = r"(?:^|/)dataset/(train|val)\.txt$"
_VOC_LISTS = r"(?:^|/)VOC2012/ImageSets/Segmentation/(train|val)\.txt$"
_LISTS = "ImageSets/Segmentation"
_NUM_CLASSES = 21


def plan(request: Request) -> Plan:
    """Return one piece per mask, and one for the lists."""
    mats = request.source.select(_MATS)
    sbd_lists = request.source.select(_SBD_LISTS)
    if not mats or len(sbd_lists) != 2:
        raise request.source.lacks(
            "dataset/cls/*.mat with dataset/train.txt and val.txt (from benchmark.tgz of SBD)"
        )
    sbd = set().union(*(_stems(member.read()) for member in sbd_lists.values()))
    train, val = (_voc_list(request, split) for split in ("train", "val"))
    train_aug, aug = (train | sbd) - val, sbd - train - val
    if len(train_aug) != TRAIN_AUG_IMAGES:
        msg = (
            f"The lists of VOC 2012 and SBD make {len(train_aug)} training images, not "
            f"{TRAIN_AUG_IMAGES}. Unpack both downloads again."
        )
        raise DatasetError(msg)
    loadmat = _loadmat()
    return Plan(
        pieces=[
            *(
                Piece(name=stem, make=partial(_mask, stem, member, loadmat))
                for (stem,), member in mats.items()
            ),
            Piece(name="the lists", make=partial(_lists, train_aug, aug)),
        ],
        expected={"SegmentationClassAug": _MASKS},
    )


def _loadmat() -> Any:  # noqa: ANN401 - scipy is optional and brings no types
    try:
        return importlib.import_module("scipy.io").loadmat
    except ImportError:
        msg = (
            "Reading SBD's .mat files takes SciPy, which is not installed. "
            'Run: pip install "hrnet-zoo[voc]"'
        )
        raise PrerequisiteError(msg) from None


def _voc_list(request: Request, split: str) -> set[str]:
    """Return a list of VOC 2012 itself, from the source or from where it was unpacked to."""
    member = request.source.select(_VOC_LISTS).get((split,))
    if member is not None:
        return _stems(member.read())
    unpacked: Path = request.root / _LISTS / f"{split}.txt"
    if not unpacked.is_file():
        msg = (
            f"VOC 2012 itself is not there: neither {unpacked} nor VOC2012/{_LISTS}/{split}.txt in "
            f"{request.source.root}. Unpack VOCtrainval_11-May-2012.tar first."
        )
        raise DatasetError(msg)
    return _stems(read_bytes(unpacked))


def _stems(content: bytes) -> set[str]:
    return set(content.decode("utf-8", "replace").split())


def _mask(stem: str, member: Member, loadmat: Any) -> Iterator[Output]:  # noqa: ANN401
    content = member.read()
    try:
        # The file holds a 1 x 1 struct array, whose field is again an array of one object.
        stored = loadmat(io.BytesIO(content))["GTcls"][0]["Segmentation"][0]
        values: NDArray[np.uint8] = np.asarray(stored).astype(np.uint8)
    except (ValueError, TypeError, LookupError, OSError, zlib.error, NotImplementedError) as error:
        msg = f"{member.location} is no intact mask of SBD ({error}). Unpack benchmark.tgz again."
        raise DatasetError(msg) from None
    if values.ndim != 2 or values.max(initial=0) >= _NUM_CLASSES:
        msg = f"{member.location} holds values that are no classes. Is it from dataset/inst?"
        raise DatasetError(msg)
    yield Output(path=f"SegmentationClassAug/{stem}.png", content=values)


def _lists(train_aug: set[str], aug: set[str]) -> Iterator[Output]:
    """Write both lists sorted; upstream's are in no particular order."""
    for name, stems in (("trainaug", train_aug), ("aug", aug)):
        text = "".join(f"{stem}\n" for stem in sorted(stems))
        yield Output(path=f"{_LISTS}/{name}.txt", content=text.encode())


PREPARER = Preparer(plan=plan, zips=r"(?:.*/)?(?:benchmark[^/]*|VOCaug)\.zip", splits=("train",))
