"""COCO: everyday things, their boxes and masks.

Preparing it takes the validation images and their instances out of the two zips they come in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.wording import and_more

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    person #dc143c, bicycle #770b20, car #00008e, motorcycle #0000e6, airplane #6a00e4,
    bus #003c64, train #005064, truck #000046, boat #0000c0, traffic light #faaa1e,
    fire hydrant #64aa1e, stop sign #dcdc00, parking meter #af74af, bench #fa001e, bird #a52a2a,
    cat #ff4dff, dog #00e2fc, horse #b6b6ff, sheep #005200, cow #78a69d, elephant #6e4c00,
    bear #ae39ff, zebra #c76400, giraffe #480076, backpack #ffb3f0, umbrella #007d5c,
    handbag #d10097, tie #bcd0b6, suitcase #00dcb0, frisbee #ff63a4, skis #5c0049,
    snowboard #8581ff, sports ball #4eb4ff, kite #00e400, baseball bat #aefff3,
    baseball glove #2d59ff, skateboard #868667, surfboard #9194ae, tennis racket #ffd0ba,
    bottle #c5e2ff, wine glass #ab8601, cup #6d3f36, fork #cf8aff, knife #97005f, spoon #09503d,
    bowl #546933, banana #4a4169, apple #a6c466, sandwich #d0c3d2, orange #ff6d41,
    broccoli #008f95, carrot #b300c2, hot dog #d1636a, pizza #057900, donut #e3ffcd,
    cake #93bad0, chair #994501, couch #035fa1, potted plant #a3ff00, bed #7700aa,
    dining table #00b6c7, toilet #00a578, tv #b78258, laptop #5f2000, mouse #827287,
    remote #6e8185, keyboard #a64a76, cell phone #db8eb9, microwave #4fd272, oven #b25a3e,
    toaster #41460f, sink #7fa773, refrigerator #3b696a, book #8e6c2d, clock #c4ac00,
    vase #5f3650, scissors #804cff, teddy bear #c93901, hair drier #f6007a, toothbrush #bfa2d0
    """
)
# COCO numbered its classes from 1 to 90, and published none of some of them.
_NEVER_ANNOTATED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_NUM_IMAGES = 5000
_IMAGE_DIR = "val2017"
_ANNOTATION_FILE = "annotations/instances_val2017.json"
_IMAGES = rf"(?:^|/){_IMAGE_DIR}/([^/]+\.jpg)$"
_ANNOTATIONS = r"(?:^|/)annotations/(instances_val2017\.json)$"


def _plan(source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per image, and one for the annotations."""
    from hrnet_zoo.datasets.prepare.plan import Plan  # noqa: PLC0415

    found = source.select(_IMAGES, "images val2017/*.jpg (from val2017.zip)")
    images = {name: member for (name,), member in found.items()}
    what = f"{_ANNOTATION_FILE} (from annotations_trainval2017.zip)"
    (instances,) = source.select(_ANNOTATIONS, what).values()
    _require_all(instances, images)
    pieces = [
        partial(_copy, f"{_IMAGE_DIR}/{name}", member, is_image=True)
        for name, member in images.items()
    ]
    return Plan(
        pieces=[*pieces, partial(_copy, _ANNOTATION_FILE, instances, is_image=False)],
        expected={_IMAGE_DIR: _NUM_IMAGES, "annotations": 1},
        least_bytes=sum(member.size for member in (instances, *images.values())),
    )


def _require_all(instances: Member, images: dict[str, Member]) -> None:
    """Refuse an annotation file that is damaged, or lists images that are not there."""
    try:
        listed = [image["file_name"] for image in json.loads(instances.read())["images"]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        msg = f"{instances.location} is not an instances file ({error}). Download it again."
        raise DatasetError(msg) from None
    missing = [name for name in listed if name not in images]
    if missing:
        msg = (
            f"{len(missing)} of the {len(listed)} images that {instances.location} lists are not "
            f"there ({and_more(missing, 4)}). Download val2017.zip again."
        )
        raise DatasetError(msg)


def _copy(path: str, member: Member, *, is_image: bool) -> Outputs:
    content = member.read()
    if is_image:
        # Decoded only to be sure that what is passed on is intact.
        decode_image(content, member.location)
    yield path, content


COCO = CocoInstances(
    name="coco",
    title="COCO 2017",
    root="coco",
    image_dir=_IMAGE_DIR,
    annotation_file=_ANNOTATION_FILE,
    category_ids=tuple(id_ for id_ in range(1, 91) if id_ not in _NEVER_ANNOTATED),
    num_images=_NUM_IMAGES,
    classes=_CLASSES,
    typical_image=(640, 480),
    download=Download(
        archives=("val2017.zip", "annotations_trainval2017.zip"),
        obtained_from="COCO, cocodataset.org. No registration.",
        terms="Annotations under CC BY 4.0; images are from Flickr and under its terms of use.",
        preparation=(
            "Optional: both zips can be unpacked into coco/ by hand. --source is the folder of the "
            "zips; the images and instances_val2017.json are checked and put in place."
        ),
    ),
    preparer=Preparer(
        plan=_plan,
        zips=r"(?:.*/)?(?:val2017|annotations_trainval2017)\.zip",
        splits=("val",),
    ),
)
