from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from support.slow_coco import slow_figures

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.tasks.detection import coco_ap
from hrnet_zoo.tasks.detection.coco_ap import (
    FIGURES,
    TOLERANCE,
    BackendChoice,
    BackendName,
    CocoFigures,
    Curves,
    Entry,
    ScoredRun,
    agrees,
    coco_figures,
    score_detections,
)
from hrnet_zoo.tasks.detection.metrics import Kind

DATA = Path(__file__).parents[2] / "data" / "cocoeval"
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
FAST: tuple[BackendName, ...] = ("hotcoco", "faster")
CASES: tuple[tuple[str, Kind], ...] = (
    ("bbox", "bbox"),
    ("segm", "segm"),
    ("segm_bbox_popped", "segm"),
)

Json = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((DATA / f"cocoeval_{name}.json").read_text())


TRUTH: Json = load("gt")
STATS: Json = load("stats")
IMAGE_IDS = [image["id"] for image in TRUTH["images"]]


def golden_results(case: str) -> list[Json]:
    if case == "segm_bbox_popped":
        return [{k: v for k, v in entry.items() if k != "bbox"} for entry in load("segm")]
    results = load(case)
    assert isinstance(results, list)
    return results


def twelve(figures: CocoFigures) -> list[float | None]:
    return [getattr(figures, name) for name in FIGURES]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "kind"), CASES)
def test_figures_are_the_goldens(case: str, kind: Kind, backend: BackendName) -> None:
    run = score_detections(TRUTH, golden_results(case), kind, image_ids=IMAGE_IDS, backend=backend)
    golden = STATS[f"{case}_maxdets_1000"]
    assert run.scoring.backend == backend
    assert twelve(run.figures) == pytest.approx([100 * v for v in golden["stats"]], abs=1e-9)
    expected = {int(k): None if v is None else 100 * v for k, v in golden["per_category"].items()}
    assert run.figures.per_category == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("case", "kind"), CASES)
def test_overall_figures_at_100_detections_are_those_of_the_usual_setting(
    case: str, kind: Kind
) -> None:
    """pycocotools' own numbers of detections are 1, 10 and 100."""
    figures = coco_figures(TRUTH, golden_results(case), kind, image_ids=IMAGE_IDS)
    usual = STATS[f"{case}_maxdets_100"]["stats"]
    assert figures.ap == pytest.approx(100 * usual[0], abs=1e-9)
    assert figures.ar_100 == pytest.approx(100 * usual[8], abs=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "kind"), CASES)
def test_inputs_are_left_alone_and_nothing_is_printed(
    case: str, kind: Kind, backend: BackendName, capfd: pytest.CaptureFixture[str]
) -> None:
    truth, results = copy.deepcopy(TRUTH), golden_results(case)
    before = copy.deepcopy(results)
    score_detections(truth, results, kind, image_ids=IMAGE_IDS, backend=backend)
    assert (truth, results) == (TRUTH, before)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_found_is_zero_and_nothing_to_find_is_none(backend: BackendName) -> None:
    figures = score_detections(TRUTH, [], "bbox", image_ids=IMAGE_IDS, backend=backend).figures
    assert twelve(figures) == [0.0] * 12
    assert figures.per_category == {1: 0.0, 3: 0.0, 18: 0.0, 44: 0.0, 90: None}
    empty = TRUTH | {"annotations": []}
    results = golden_results("bbox")
    figures = score_detections(empty, results, "bbox", image_ids=IMAGE_IDS, backend=backend).figures
    assert twelve(figures) == [None] * 12


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_images_no_figures(backend: BackendName) -> None:
    run = score_detections(TRUTH, golden_results("bbox"), "bbox", image_ids=[], backend=backend)
    assert twelve(run.figures) == [None] * 12


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_images_asked_for_count(backend: BackendName) -> None:
    some = IMAGE_IDS[3:7]
    part = {
        **TRUTH,
        "images": [image for image in TRUTH["images"] if image["id"] in some],
        "annotations": [a for a in TRUTH["annotations"] if a["image_id"] in some],
    }
    results = golden_results("bbox")
    of_some = score_detections(TRUTH, results, "bbox", image_ids=some, backend=backend).figures
    of_part = slow_figures(part, [r for r in results if r["image_id"] in some])
    assert {name: getattr(of_some, name) for name in FIGURES} == pytest.approx(of_part, abs=1e-9)


def random_case(seed: int) -> tuple[Json, list[Json]]:
    """Return five images with objects of all sizes, crowds, near misses and equal scores."""
    rng = np.random.default_rng(seed)
    images = [{"id": i, "height": 300, "width": 300} for i in (11, 4, 7, 30, 9)]
    annotations: list[Json] = []
    results: list[Json] = []
    for image in images:
        for _ in range(rng.integers(0, 7)):
            sides = rng.uniform(8, 150, 2)
            x, y = rng.uniform(0, 150, 2)
            crowd = bool(rng.random() < 0.2)
            box = [float(v) for v in (x, y, *sides)]
            annotation = {
                "id": len(annotations) + 1,
                "image_id": image["id"],
                "category_id": int(rng.choice([1, 3])),
                "iscrowd": int(crowd),
                "area": box[2] * box[3] * 0.8,
                "bbox": box,
            }
            annotations.append(annotation)
            for _ in range(rng.integers(0, 4)):
                moved = np.array(box) + rng.normal(0, 6, 4)
                results.append(
                    {
                        "image_id": image["id"],
                        "category_id": annotation["category_id"],
                        "bbox": [*moved[:2].tolist(), *np.maximum(moved[2:], 1).tolist()],
                        "score": round(float(rng.random()), 1),
                    }
                )
    categories = [{"id": id_, "name": str(id_)} for id_ in (1, 3, 8)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_the_definition(seed: int) -> None:
    truth, results = random_case(seed)
    ids = [image["id"] for image in truth["images"]]
    figures = coco_figures(truth, results, "bbox", image_ids=ids)
    assert figures.ap is not None
    assert figures.ap > 1
    expected = slow_figures(truth, results)
    assert {name: getattr(figures, name) for name in FIGURES} == pytest.approx(expected, abs=1e-9)


def many_images(copies: int) -> tuple[Json, list[Json]]:
    """Repeat the golden's images with new ids."""
    truth: Json = {"images": [], "annotations": [], "categories": TRUTH["categories"]}
    results: list[Json] = []
    for i in range(copies):
        step = 1000 * i
        truth["images"] += [e | {"id": e["id"] + step} for e in TRUTH["images"]]
        truth["annotations"] += [
            e | {"id": e["id"] + 10_000_000 * i, "image_id": e["image_id"] + step}
            for e in TRUTH["annotations"]
        ]
        results += [e | {"image_id": e["image_id"] + step} for e in golden_results("bbox")]
    return truth, results


def score_many(backend: BackendChoice, copies: int = 45) -> ScoredRun:
    truth, results = many_images(copies)
    ids = [image["id"] for image in truth["images"]]
    return score_detections(truth, results, "bbox", image_ids=ids, backend=backend)


def test_auto_takes_a_fast_evaluator_that_agrees() -> None:
    run = score_many("auto")
    assert run.scoring.backend in FAST
    assert run.scoring.asked == "auto"
    assert agrees(run.scoring.parity_largest_difference)
    assert run.scoring.parity_num_images == 100
    assert run.scoring.remarks == []
    reference = score_many("pycocotools")
    assert reference.scoring.parity_num_images is None
    assert twelve(run.figures) == pytest.approx(twelve(reference.figures), abs=1e-9)


def test_auto_takes_pycocotools_for_few_images() -> None:
    scoring = score_many("auto", copies=2).scoring
    assert (scoring.backend, scoring.parity_num_images) == ("pycocotools", None)
    assert scoring.remarks == []


def doctor(monkeypatch: pytest.MonkeyPatch, name: BackendName, amount: float) -> None:
    honest = coco_ap._EVALUATORS[name]

    def doctored(truth: Json, entries: list[Entry], kind: Kind) -> Curves:
        curves = honest(truth, entries, kind)
        precision = np.where(curves.precision > 0, curves.precision + amount, curves.precision)
        return Curves(precision=precision, recall=curves.recall)

    monkeypatch.setitem(coco_ap._EVALUATORS, name, doctored)


@pytest.mark.parametrize("name", FAST)
def test_an_evaluator_that_is_off_is_not_used(
    monkeypatch: pytest.MonkeyPatch, name: BackendName
) -> None:
    doctor(monkeypatch, name, 1e-6)
    run = score_many(name, copies=2)
    assert run.scoring.backend == "pycocotools"
    assert run.scoring.asked == name
    assert run.scoring.parity_largest_difference is not None
    assert 1e-6 < run.scoring.parity_largest_difference < 1e-3
    (remark,) = run.scoring.remarks
    assert "differs from pycocotools by" in remark
    assert twelve(run.figures) == twelve(score_many("pycocotools", copies=2).figures)


def test_auto_goes_on_to_the_next_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = coco_ap._EVALUATORS
    doctor(monkeypatch, first, 1e-6)
    run = score_many("auto")
    assert run.scoring.backend == second
    assert len(run.scoring.remarks) == 1
    doctor(monkeypatch, second, 1e-6)
    run = score_many("auto")
    assert run.scoring.backend == "pycocotools"
    assert len(run.scoring.remarks) == 2


def test_a_difference_below_the_tolerance_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor(monkeypatch, "hotcoco", TOLERANCE / 1000)
    assert score_many("hotcoco", copies=1).scoring.backend == "hotcoco"


def test_an_evaluator_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_truth: Json, _entries: list[Entry], _kind: Kind) -> Curves:
        raise RuntimeError

    monkeypatch.setitem(coco_ap._EVALUATORS, "hotcoco", fails)
    run = score_many("hotcoco", copies=1)
    assert run.scoring.backend == "pycocotools"
    assert run.scoring.parity_num_images is not None
    assert run.scoring.parity_largest_difference is None
    assert "failed on these detections" in run.scoring.remarks[0]


def test_an_evaluator_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coco_ap._PACKAGES, "hotcoco", "no-such-package")
    with pytest.raises(PrerequisiteError, match=r'pip install "hrnet-zoo\[coco-fast\]"'):
        score_many("hotcoco", copies=1)
    monkeypatch.setitem(coco_ap._PACKAGES, "faster", "no-such-package")
    assert score_many("auto").scoring.backend == "pycocotools"
