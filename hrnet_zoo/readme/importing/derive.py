"""The part of a row's setup that follows from what is printed; the rest is left to people."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.readme.names import width_in_label, width_in_name
from hrnet_zoo.readme.setups import RESNEXT, architecture_of
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.columns import normalised
from hrnet_zoo.zoo.row import Task

_TITLES = {"pascal voc 2012 + aug": "voc12aug", "pascal context": "pascal_context"}
"""What headings and metafiles call data sets whose name does not follow from that."""

_CROP = re.compile(r"\(?(\d+)\s*[x,]\s*(\d+)\)?")
_BATCH = re.compile(r"[_-](\d{1,2})xb?(\d{1,2})(?=[_-])")


def derived_setup(
    task: Task, *, method: str, label: str, name: str, dataset_title: str, crop: str | None
) -> dict[str, object]:
    """Return a row's setup as far as it follows from the text, in the manifest's order.

    A data set's classes and images are known here. How a row is tested, normalised and trained is
    not printed.

    Args:
        task: what the model does.
        method: as printed.
        label: the backbone, as printed. Its width never counts: nine rows of the READMEs state a
            wrong one.
        name: of the configuration, as the file's name has it; empty if nothing is linked.
        dataset_title: heading above the table, or the data set's name in a metafile.
        crop: the training crop as printed, if it is.

    Source:
        mmsegmentation 0.20.2 and mmdetection 2.3.0, names in configs/: method, backbone, GPUs x
        samples per GPU, crop, schedule, data set. The 1.x and 3.x releases have other separators.
    """
    found: dict[str, object | None] = {
        "architecture": architecture_of(task, method, label),
        "backbone": backbone_in_name(name),
        "neck": _neck(name or label),
        **_dataset(name, dataset_title),
    }
    if crop is not None and (match := _CROP.fullmatch(crop.strip())):
        found["train_crop"] = [int(match[1]), int(match[2])]
    if batch := batch_in_name(name):
        found["gpus"], found["samples_per_gpu"] = batch
    fields = TASKS[task].setup.model_fields
    return {key: found[key] for key in fields if found.get(key) is not None}


def _dataset(name: str, title: str) -> Mapping[str, object]:
    """Return what follows from the data set, unless name and heading contradict each other."""
    by_name, by_title = dataset_in_name(name), _dataset_in_title(title)
    dataset = by_name or by_title
    if dataset is None or by_title not in (dataset, None):
        return {}
    return {
        "dataset": dataset,
        "num_classes": len(DATASETS[dataset].classes),
        "num_images": DATASETS[dataset].num_images,
    }


def label_notes(label: str, name: str) -> tuple[str, ...]:
    """Return what is to be noted where the table's label and the file's name disagree."""
    said, by_name = width_in_label(label), backbone_in_name(name)
    by_label = "x101_64x4d" if RESNEXT.search(label) else said and said[0].as_backbone()
    if by_name and by_label and by_name != by_label:
        return (f'The table says "{label}"; the file\'s name says {by_name}.',)
    return ()


def backbone_in_name(name: str) -> str | None:
    """Return the backbone that a configuration's name states: "w18", "w18_small" ..."""
    if RESNEXT.search(name):
        return "x101_64x4d"
    width = width_in_name(name)
    return width.as_backbone() if width else None


def _neck(name_or_label: str) -> str | None:
    """Return the neck: the "p" of HRNetV2p is for its pyramid."""
    if "hrnetv2p" in name_or_label.lower():
        return "hrfpn"
    return "fpn" if re.search(r"[_-]fpn(\b|_)", name_or_label.lower()) else None


def dataset_in_name(name: str) -> str | None:
    """Return the data set that a configuration's name ends with, or has before the crop."""
    return next((d for d in DATASETS if re.search(rf"_{d}(?=$|-\d)", name)), None)


def _dataset_in_title(title: str) -> str | None:
    """Return the data set that a heading or a metafile names."""
    plain = normalised(title)
    name = _TITLES.get(plain, plain.replace(" ", "_"))
    return name if name in DATASETS else None


def batch_in_name(name: str) -> tuple[int, int] | None:
    """Return GPUs and samples per GPU, where a name states them: "_4x4_", "_4xb4-"."""
    match = _BATCH.search(name)
    return (int(match[1]), int(match[2])) if match else None
