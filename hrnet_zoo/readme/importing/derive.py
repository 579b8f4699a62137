"""The part of a row's reading that follows from what is printed; the rest is left to people."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.readme.importing import naming
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup
from hrnet_zoo.zoo.row import Task

_CROP = re.compile(r"\(?(\d+)\s*[x,]\s*(\d+)\)?")


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What was found out about a row."""

    setup: dict[str, object]
    """In the manifest's order."""
    missing: tuple[str, ...]
    """Fields that do not follow from the text."""
    notes: tuple[str, ...]


def derive_reading(
    task: Task, *, method: str, label: str, name: str | None, dataset_title: str, crop: str | None
) -> Derived:
    """Return a row's reading as far as it follows from the text.

    A data set's classes and images are known here. How a row is tested, normalised and trained is
    not printed.

    Args:
        task: what the model does.
        method: as printed.
        label: the backbone, as printed. Its width can be wrong, so it never decides that.
        name: of the configuration, as the file's name has it; None if nothing is linked.
        dataset_title: heading above the table, or the data set's name in a metafile.
        crop: the training crop as printed, if it is.
    """
    found: dict[str, object | None] = {
        "architecture": naming.architecture_of(method, label),
        "backbone": naming.backbone_in_name(name or ""),
        "neck": naming.neck_of(name or label),
        **_dataset(name or "", dataset_title),
    }
    if crop is not None and (match := _CROP.fullmatch(crop.strip())):
        found["train_crop"] = [int(match[1]), int(match[2])]
    if batch := naming.batch_in_name(name or ""):
        found["gpus"], found["samples_per_gpu"] = batch
    model = SegmentationSetup if task == "segmentation" else DetectionSetup
    return Derived(
        setup={key: found[key] for key in model.model_fields if found.get(key) is not None},
        missing=tuple(key for key in model.model_fields if found.get(key) is None),
        notes=tuple(_label_notes(label, name or "")),
    )


def _dataset(name: str, title: str) -> dict[str, object | None]:
    """Return what follows from the data set, unless name and heading contradict each other."""
    by_name, by_title = naming.dataset_in_name(name), naming.dataset_of_title(title)
    if by_name and by_title and by_name != by_title:
        return {}
    dataset = by_name or by_title
    if dataset is None:
        return {}
    return {
        "dataset": dataset,
        "num_classes": len(DATASETS[dataset].classes),
        "num_images": DATASETS[dataset].num_images,
    }


def _label_notes(label: str, name: str) -> list[str]:
    by_name, by_label = naming.backbone_in_name(name), naming.backbone_in_label(label)
    if by_name and by_label and by_name != by_label:
        return [f'The table says "{label}"; the file\'s name says {by_name}.']
    return []
