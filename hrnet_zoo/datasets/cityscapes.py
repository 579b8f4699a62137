"""Cityscapes: streets of German cities.

Preparing it makes labelTrainIds of labelIds, beside them as cityscapesScripts writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import decode_label
from hrnet_zoo.datasets.label_images import IGNORED, LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    road #804080, sidewalk #f423e8, building #464646, wall #66669c, fence #be9999, pole #999999,
    traffic light #faaa1e, traffic sign #dcdc00, vegetation #6b8e23, terrain #98fb98,
    sky #4682b4, person #dc143c, rider #ff0000, car #00008e, truck #000046, bus #003c64,
    train #005064, motorcycle #0000e6, bicycle #770b20
    """
)
_EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_TRAIN_IDS = dict.fromkeys((*range(34), IGNORED), IGNORED) | {
    label_id: train_id for train_id, label_id in enumerate(_EVALUATED)
}
"""labelId -> trainId for the 34 ids; all but 19 are ignored."""
_STORED_SUFFIX = "_gtFine_labelIds.png"
_PREPARED_SUFFIX = "_gtFine_labelTrainIds.png"
_LABELS = rf"(?:^|/)gtFine/(train|val)/([^/]+/[^/]+){_STORED_SUFFIX}$"
_NUM_IMAGES = {"val": 500, "train": 2975}


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per label file."""
    from hrnet_zoo.datasets.prepare.plan import Plan  # noqa: PLC0415

    pieces = []
    for split in splits:
        what = f"label files gtFine/{split}/<city>/*{_STORED_SUFFIX}"
        for name, member in source.of_split(_LABELS, split, what).items():
            pieces.append(partial(_train_ids, f"gtFine/{split}/{name}", member))
    return Plan(pieces=pieces, expected={f"gtFine/{split}": _NUM_IMAGES[split] for split in splits})


def _train_ids(path: str, member: Member) -> Outputs:
    import numpy as np  # noqa: PLC0415

    stored = decode_label(member.read(), member.location)
    unknown = sorted(set(np.unique(stored).tolist()) - set(_TRAIN_IDS))
    if unknown:
        msg = (
            f"{member.location} holds the value {unknown[0]}, which is not a Cityscapes label id. "
            "Copy the file again from gtFine_trainvaltest.zip."
        )
        raise DatasetError(msg)
    table = np.zeros(256, np.uint8)
    table[list(_TRAIN_IDS)] = list(_TRAIN_IDS.values())
    yield f"{path}{_PREPARED_SUFFIX}", table[stored]


CITYSCAPES = LabelImages(
    name="cityscapes",
    title="Cityscapes",
    root="cityscapes",
    image_dir="leftImg8bit/val",
    label_dir="gtFine/val",
    image_suffix="_leftImg8bit.png",
    # The download holds labelIds; labelTrainIds are rendered by cityscapesScripts, if at all.
    labels=(
        LabelFiles(suffix=_PREPARED_SUFFIX),
        LabelFiles(suffix=_STORED_SUFFIX, remap=_TRAIN_IDS),
    ),
    num_images=_NUM_IMAGES["val"],
    classes=_CLASSES,
    typical_image=(2048, 1024),
    download=Download(
        archives=("leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip"),
        obtained_from="cityscapes-dataset.com, after registration",
        terms="Cityscapes licence: non-commercial use such as research; no redistribution.",
        preparation=(
            "Optional: labelIds are read as they are. --source is the folder of "
            "gtFine_trainvaltest.zip or of the unpacked gtFine; labelTrainIds are written. The "
            "images are to be unpacked by hand."
        ),
    ),
    preparer=Preparer(plan=_plan, zips=r"(?:.*/)?gtFine_trainvaltest\.zip"),
)
