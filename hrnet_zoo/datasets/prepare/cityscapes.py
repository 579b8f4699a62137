"""Cityscapes: labelIds to labelTrainIds, beside each other as cityscapesScripts writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from hrnet_zoo.datasets.images import decode_label
from hrnet_zoo.datasets.layouts import DATASETS
from hrnet_zoo.datasets.prepare.archives import Member
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request
from hrnet_zoo.errors import DatasetError

_STORED_SUFFIX = "_gtFine_labelIds.png"
_LABELS = rf"(?:^|/)gtFine/(train|val)/([^/]+)/([^/]+){_STORED_SUFFIX}$"
_EXPECTED = {"val": 500, "train": 2975}


def plan(request: Request) -> Plan:
    """Return one piece per label file."""
    found = {
        key: member
        for key, member in request.source.select(_LABELS).items()
        if key[0] in request.splits
    }
    for split in request.splits:
        if not any(key[0] == split for key in found):
            raise request.source.lacks(f"label files gtFine/{split}/<city>/*{_STORED_SUFFIX}")
    (remap,) = (
        kind.remap for kind in DATASETS["cityscapes"].labels if kind.suffix == _STORED_SUFFIX
    )
    assert remap is not None
    return Plan(
        pieces=[
            Piece(name=stem, make=partial(_train_ids, split, city, stem, member, remap))
            for (split, city, stem), member in found.items()
        ],
        expected={f"gtFine/{split}": _EXPECTED[split] for split in request.splits},
    )


def _train_ids(
    split: str, city: str, stem: str, member: Member, remap: Mapping[int, int]
) -> Iterator[Output]:
    stored = decode_label(member.read(), member.location)
    unknown = sorted(set(np.unique(stored).tolist()) - set(remap))
    if unknown:
        msg = (
            f"{member.location} holds the value {unknown[0]}, which is no Cityscapes label id. "
            "Copy the file again from gtFine_trainvaltest.zip."
        )
        raise DatasetError(msg)
    table = np.zeros(256, np.uint8)
    table[list(remap)] = list(remap.values())
    yield Output(
        path=f"gtFine/{split}/{city}/{stem}_gtFine_labelTrainIds.png", content=table[stored]
    )


PREPARER = Preparer(plan=plan, zips=r"(?:.*/)?gtFine_trainvaltest\.zip")
