"""Results as the `model-index` of a model card on the Hugging Face Hub.

Source: huggingface/hub-docs, `modelcard.md`; huggingface_hub 2.4.0, `model_index_to_eval_results`.
`verified` and `verifyToken` are Hugging Face's own and never set. `revision` would be a commit of
a data set on the Hub, so the fingerprint of what was evaluated stands among the data set's `args`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.report.exports.counting import LeftOut, Result, on_the_web
from hrnet_zoo.zoo.zoo import Zoo


class _Named(NamedTuple):
    """What the Hub calls a number."""

    task: str
    task_name: str
    metric: str
    args: Mapping[str, int] = {}


_NAMED = {
    "miou": _Named("image-segmentation", "Semantic Segmentation", "mean_iou"),
    "miou_ms_flip": _Named("image-segmentation", "Semantic Segmentation", "mean_iou"),
    # Its metrics have no AP of COCO; cards call it so.
    "box_ap": _Named("object-detection", "Object Detection", "mAP"),
    "mask_ap": _Named("image-segmentation", "Instance Segmentation", "mAP"),
    "top1": _Named("image-classification", "Image Classification", "accuracy"),
    "top5": _Named("image-classification", "Image Classification", "accuracy", {"k": 5}),
}
"""By the metric's own name."""

_ON_THE_HUB = {"ade20k": "zhoubolei/scene_parse_150", "imagenet": "ILSVRC/imagenet-1k"}
"""Data sets that their authors put on the Hub themselves; all others keep their own names."""


def model_index(
    zoo: Zoo, results: Iterable[Result], published: str | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return the `model-index` of some results, and what has no name on the Hub.

    Args:
        zoo: whose rows were measured.
        results: of one or more rows; each row is a model.
        published: URL of the records or their bundle; None: sources are the tables.
    """
    models = dict[str, dict[str, dict[str, Any]]]()
    left_out = list[LeftOut]()
    for result in results:
        if (named := _NAMED.get(result.metric.name)) is None:
            what = f"{result.row.name}, {result.metric.title}"
            left_out.append(LeftOut(what=what, reason="the Hub has no name for this metric"))
            continue
        head = {
            "task": {"type": named.task, "name": named.task_name},
            "dataset": _dataset(result),
            **source_of(zoo, result, published),
        }
        metric = {"type": named.metric, "name": in_unit(result), "value": result.value}
        # What metrics share is said once.
        shared = models.setdefault(result.row.name, {}).setdefault(
            repr(head), head | {"metrics": []}
        )
        shared["metrics"].append(metric | ({"args": {**named.args}} if named.args else {}))
    index = [{"name": name, "results": [*entries.values()]} for name, entries in models.items()]
    return {"model-index": index}, left_out


def _dataset(result: Result) -> dict[str, Any]:
    data = result.data
    return {
        "type": _ON_THE_HUB.get(data.name, data.name),
        "name": DATASETS[data.name].title,
        "split": "validation",
        "args": {"num_images": data.num_images, "fingerprint": data.fingerprint},
    }


def in_unit(result: Result) -> str:
    """Return what people call a result's metric, with the unit: "Top-5, percent"."""
    return f"{result.metric.title.removesuffix(' (%)')}, {result.metric.unit}"


def source_of(zoo: Zoo, result: Result, published: str | None) -> dict[str, dict[str, str]]:
    """Return where a result can be looked up: where it was published, or else what it is about.

    Returns:
        Nothing, or what stands under "source".
    """
    row, judgement = result.row, result.judgement
    if published is not None:
        return {"source": {"url": published, "name": f"hrnet-zoo, record {result.run.path.name}"}}
    later = row.later if row.edition == "later" else None
    url = on_the_web(zoo.sources[row.source if later is None else later.source].url)
    said = f"{judgement.verdict.label} with the {judgement.documented} that this table documents"
    return {"source": {"url": url, "name": f"measured by hrnet-zoo: {said}"}} if url else {}


def as_yaml(content: object) -> str:
    """Return plain values as YAML; ASCII holds every text that JSON does."""
    text: str = yaml.safe_dump(content, sort_keys=False, width=100)
    return text
