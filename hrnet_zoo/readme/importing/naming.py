"""What upstream's names and labels say about a model.

Source:
    mmsegmentation 0.20.2 and mmdetection 2.3.0, names in configs/: method, backbone, GPUs x samples
    per GPU, crop, schedule, data set. The 1.x and 3.x releases have other separators.
"""

from __future__ import annotations

import re
from typing import get_args

from hrnet_zoo.tasks.setup import DatasetName
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.columns import normalised

_METHODS = {
    "fcn": "FCN",
    "faster_rcnn": "Faster R-CNN",
    "mask_rcnn": "Mask R-CNN",
    "cascade_rcnn": "Cascade R-CNN",
    "cascade_mask_rcnn": "Cascade Mask R-CNN",
    "htc": "Hybrid Task Cascade (HTC)",
    "fcos": "FCOS",
}
"""How a name begins -> what the READMEs call the method."""

_ARCHITECTURES = {normalised(title): f"{stem}_hrnet" for stem, title in _METHODS.items()} | {
    "htc": "htc_hrnet"
}

_DATASETS = {
    "cityscapes": "cityscapes",
    "ade20k": "ade20k",
    "pascal voc 2012 + aug": "voc12aug",
    "pascal context": "pascal_context",
    "pascal context 59": "pascal_context_59",
    "loveda": "loveda",
    "potsdam": "potsdam",
    "vaihingen": "vaihingen",
    "isaid": "isaid",
    "coco": "coco",
}
"""What headings and metafiles call a data set, in small letters -> its name in the manifest."""

_PUBLISHED = re.compile(r"(?P<name>.+?)[_-]\d{8}(?:_\d{6})?-[0-9a-f]{8}\.pth")
_HRNET = re.compile(
    r"(?:^|_)hr(?P<width>\d+)(?P<small>s?)_|hrnetv2p[_-]w(?P<w>\d+)(?P<s>s?)(?![a-z\d])"
)
_HRNET_LABEL = re.compile(r"HRNetV2p?-W(?P<width>\d+)(?P<small>-Small)?", re.IGNORECASE)
_BATCH = re.compile(r"[_-](\d{1,2})xb?(\d{1,2})(?=[_-])")
_BACKBONE_IN_NAME = re.compile(r"hrnetv2p[_-]w\d+s?|hr\d+s?(?=_)|x101[_-]64x4d[_-]fpn")
_X101 = re.compile(r"x-?101[_-]64x4d", re.IGNORECASE)


def published_name(url: str) -> str | None:
    """Return the configuration's name in a published checkpoint's file name, if it is there."""
    match = _PUBLISHED.fullmatch(link_file_name(url))
    return match["name"] if match else None


def method_of(name: str) -> str | None:
    """Return what the READMEs call the method that a configuration's name begins with."""
    plain = name.replace("-", "_")
    stems = [stem for stem in _METHODS if plain.startswith(f"{stem}_")]
    return _METHODS[stems[0]] if stems else None


def architecture_of(method: str, label: str) -> str | None:
    """Return the architecture of a method on a backbone, by the names the tables print."""
    architecture = _ARCHITECTURES.get(normalised(method))
    if architecture is None:
        return None
    if _X101.search(label):
        return "htc_x101" if architecture == "htc_hrnet" else None
    return architecture if re.search(r"hrnet|^hr\d", label, re.IGNORECASE) else None


def backbone_in_name(name: str) -> str | None:
    """Return the backbone that a configuration's name states: "w18", "w18_small" ..."""
    if _X101.search(name):
        return "x101_64x4d"
    match = _HRNET.search(name)
    if match is None:
        return None
    small = "_small" if match["small"] or match["s"] else ""
    return f"w{match['width'] or match['w']}{small}"


def backbone_in_label(label: str) -> str | None:
    """Return the backbone that a table's label states."""
    if _X101.search(label):
        return "x101_64x4d"
    match = _HRNET_LABEL.fullmatch(label)
    return f"w{match['width']}{'_small' if match['small'] else ''}" if match else None


def label_in_name(name: str) -> str | None:
    """Return the part of a configuration's name that stands for the backbone, as it is."""
    match = _BACKBONE_IN_NAME.search(name)
    return match[0] if match else None


def neck_of(name_or_label: str) -> str | None:
    """Return the neck: the "p" of HRNetV2p is for its pyramid."""
    if "hrnetv2p" in name_or_label.lower():
        return "hrfpn"
    return "fpn" if re.search(r"[_-]fpn\b|[_-]fpn_", name_or_label.lower()) else None


def dataset_in_name(name: str) -> str | None:
    """Return the data set that a configuration's name ends with, or has before the crop."""
    known: tuple[str, ...] = get_args(DatasetName)
    return next((d for d in known if re.search(rf"_{d}(?=$|-\d)", name)), None)


def dataset_of_title(title: str) -> str | None:
    """Return the data set that a heading or a metafile names."""
    return _DATASETS.get(normalised(title))


def batch_in_name(name: str) -> tuple[int, int] | None:
    """Return GPUs and samples per GPU, where a name states them: "_4x4_", "_4xb4-"."""
    match = _BATCH.search(name)
    return (int(match[1]), int(match[2])) if match else None
