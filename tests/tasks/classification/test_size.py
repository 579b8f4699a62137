"""Params and Flops against upstream's, to the last digit."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from support.classification_goldens import FOLDER

from hrnet_zoo.models import build_classifier
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.tasks.classification.size import count_flops, count_params

FLOPS: dict[str, dict[str, Any]] = json.loads((FOLDER / "flops.json").read_text())
ROWS: list[dict[str, Any]] = json.loads((FOLDER / "rows.json").read_text())
PARTS = {
    "convolution": "conv",
    "batch_norm": "bn",
    "relu": "relu",
    "upsampling": "upsample",
    "pooling": "pool",
}


def model_of(width: str) -> Classifier:
    with torch.device("meta"):
        return build_classifier("hrnet_classifier", backbone=width, num_classes=1000)


@pytest.mark.parametrize("width", FLOPS)
def test_every_part_of_the_flops(width: str) -> None:
    counted = count_flops(model_of(width), 224)
    assert counted == {ours: FLOPS[width]["parts"][theirs] for ours, theirs in PARTS.items()}
    assert sum(counted.values()) == FLOPS[width]["metafile"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_printed_and_published_numbers(row: dict[str, Any]) -> None:
    model = model_of(row["width"])
    params, flops = count_params(model), sum(count_flops(model, 224).values())
    assert (params, flops) == (row["metafile"]["params"], row["metafile"]["flops"])
    assert f"{params / 1e6:.2f}" == row["printed"]["params"]
    assert f"{flops / 1e9:.2f}" == row["printed"]["flops"]
