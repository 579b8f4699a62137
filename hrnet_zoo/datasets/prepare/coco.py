"""COCO: the validation images and their instances, out of the two zips they come in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.layouts import DETECTION_DATASETS
from hrnet_zoo.datasets.prepare.archives import Member
from hrnet_zoo.datasets.prepare.plan import Output, Piece, Plan, Preparer, Request
from hrnet_zoo.errors import DatasetError

_IMAGES = r"(?:^|/)val2017/([^/]+\.jpg)$"
_ANNOTATIONS = r"(?:^|/)annotations/(instances_val2017\.json)$"
_SHOWN = 4


def plan(request: Request) -> Plan:
    """Return one piece per image, and one for the annotations."""
    images = {name: member for (name,), member in request.source.select(_IMAGES).items()}
    if not images:
        raise request.source.lacks("images val2017/*.jpg (from val2017.zip)")
    annotations = request.source.select(_ANNOTATIONS)
    if not annotations:
        raise request.source.lacks(
            "annotations/instances_val2017.json (from annotations_trainval2017.zip)"
        )
    (instances,) = annotations.values()
    _require_all(instances, images)
    layout = DETECTION_DATASETS["coco"]
    pieces = [
        Piece(name=name, make=partial(_image, f"{layout.image_dir}/{name}", member))
        for name, member in images.items()
    ]
    last = Piece(
        name=layout.annotation_file, make=partial(_copy, layout.annotation_file, instances)
    )
    return Plan(
        pieces=[*pieces, last],
        expected={layout.image_dir: layout.num_images, "annotations": 1},
        least_bytes=sum(member.size for member in (instances, *images.values())),
    )


def _require_all(instances: Member, images: dict[str, Member]) -> None:
    """Refuse an annotation file that is damaged, or lists images that are not there."""
    try:
        listed = [image["file_name"] for image in json.loads(instances.read())["images"]]
    except (ValueError, LookupError, TypeError) as error:
        msg = f"{instances.location} is no instances file ({error}). Download it again."
        raise DatasetError(msg) from None
    missing = [name for name in listed if name not in images]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
        msg = (
            f"{len(missing)} of the {len(listed)} images that {instances.location} lists are not "
            f"there ({shown}). Download val2017.zip again."
        )
        raise DatasetError(msg)


def _image(path: str, member: Member) -> Iterator[Output]:
    content = member.read()
    # Decoded only to be sure that what is passed on is intact.
    decode_image(content, member.location)
    yield Output(path=path, content=content)


def _copy(path: str, member: Member) -> Iterator[Output]:
    yield Output(path=path, content=member.read())


PREPARER = Preparer(
    plan=plan,
    zips=r"(?:.*/)?(?:val2017|annotations_trainval2017)\.zip",
    splits=("val",),
)
