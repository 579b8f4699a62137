"""The references that ship along are upstream's goldens, and every row finds its own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fill import DATA, REFERENCE
from PIL import Image

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.runs.references import all_references, references_for
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.reference import Reference
from hrnet_zoo.zoo.manifest import load_zoo

BY_NAME = {each.name: each for each in all_references()}
LABELS = {
    "fcn_hrnet, whole": "hr18s_ade20k_imgA_whole",
    "fcn_hrnet, ms+flip": "hr18s_cityscapes_imgA_msflip",
    "fcn_hrnet, slide": "hr18s_pascal_context_imgA_slide_small",
}
DETECTIONS = [each for each in BY_NAME.values() if each.setup.task == "detection"]


def answer(reference: Reference) -> Any:
    return json.loads((REFERENCE / reference.answer).read_text())


@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str) -> None:
    labels = np.asarray(Image.open(REFERENCE / BY_NAME[name].answer))
    golden = np.load(DATA / "goldens" / f"{LABELS[name]}.npz")["pred"]
    assert np.array_equal(labels, golden)
    of_dataset = LABELS[name].partition("_imgA")[0]
    assert BY_NAME[name].classifier == {
        key: json.loads((DATA / "calib.json").read_text())[of_dataset][key]
        for key in ("scale", "bias")
    }


@pytest.mark.parametrize("reference", DETECTIONS, ids=lambda each: each.name)
def test_detections(reference: Reference) -> None:
    stem = reference.name.removesuffix("_hrnet").removesuffix("_rcnn")
    golden, stored = np.load(DATA / "detection" / "goldens" / f"{stem}.npz"), answer(reference)
    for name in ("boxes", "scores", "labels"):
        assert np.array_equal(
            np.array(stored[name], golden[f"v2_{name}"].dtype), golden[f"v2_{name}"]
        )
    if "mask_areas" in stored:
        assert stored["mask_areas"] == golden["v2_mask_area"].tolist()
        masks = DATA / "detection" / "goldens" / f"{stem}.masks.json.gz"
        assert stored["masks"] == json.loads(gzip.decompress(masks.read_bytes()))[:8]
    else:
        assert "v2_mask_area" not in golden


@pytest.mark.parametrize("name", ["harbour", "tower"])
def test_classes(name: str) -> None:
    stored = answer(BY_NAME[f"hrnet_classifier, {name}"])
    golden = np.load(DATA / "classification" / "goldens" / f"w18_{name}.npz")["logits"].ravel()
    assert stored["classes"] == np.argsort(-golden)[: len(stored["classes"])].tolist()
    assert np.array_equal(np.array(stored["logits"], np.float32), golden[stored["classes"]])


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in REFERENCE.iterdir()) < 700_000


def test_every_row_has_references_but_those_of_another_backbone() -> None:
    zoo = load_zoo()
    without = [
        row.name for row in zoo.rows if not references_for(row, metrics_of(zoo.metrics_of(row, [])))
    ]
    assert without == ["htc_x101_64x4d_fpn_16x1_28e_coco"]


def metrics_of(names: Sequence[str]) -> list[Any]:
    return [METRICS[name] for name in names]


@pytest.mark.parametrize(
    ("row", "metrics", "names"),
    [
        ("fcn_hr18_512x1024_40k_cityscapes", ["miou"], ["whole"]),
        ("fcn_hr18_512x1024_40k_cityscapes", ["miou_ms_flip"], ["ms+flip"]),
        ("fcn_hr48_480x480_40k_pascal_context", ["miou"], ["whole", "slide"]),
    ],
)
def test_what_a_row_is_tested_on(row: str, metrics: list[str], names: list[str]) -> None:
    found = references_for(load_zoo().row(row), metrics_of(metrics))
    assert [each.name for each in found] == [f"fcn_hrnet, {name}" for name in names]


def test_the_demo_is_tested_on_the_same_ones() -> None:
    names = [
        each.name
        for row in load_zoo(MANIFEST).rows
        for each in references_for(row, METRICS.values())
    ]
    assert names == [
        *(f"fcn_hrnet, {name}" for name in ("whole", "ms+flip")),
        "fcos_hrnet",
        *(f"hrnet_classifier, {name}" for name in ("harbour", "tower")),
    ]
