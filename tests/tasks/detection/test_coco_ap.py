from __future__ import annotations

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from support.slow_coco import slow_figures

from hrnet_zoo.datasets.coco_masks import as_rle
from hrnet_zoo.datasets.rle import decode_runs
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.tasks.detection import coco_ap
from hrnet_zoo.tasks.detection.coco_ap import (
    PROTOCOLS,
    TOLERANCE,
    BackendChoice,
    BackendName,
    CocoFigures,
    Curves,
    Entry,
    MaxDets,
    ProtocolName,
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
    return list(figures.twelve.values())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "kind"), CASES)
def test_figures_are_the_goldens(case: str, kind: Kind, backend: BackendName) -> None:
    run = score_detections(
        TRUTH, golden_results(case), kind, image_ids=IMAGE_IDS, protocol="mmdet", backend=backend
    )
    golden = STATS[f"{case}_maxdets_1000"]
    assert run.scoring.backend == backend
    assert twelve(run.figures) == pytest.approx([100 * v for v in golden["stats"]], abs=1e-9)
    expected = {int(k): None if v is None else 100 * v for k, v in golden["per_category"].items()}
    assert run.figures.per_category == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "kind"), CASES)
def test_figures_of_cocos_protocol_are_the_goldens(
    case: str, kind: Kind, backend: BackendName
) -> None:
    """pycocotools' own numbers of detections are 1, 10 and 100."""
    results = golden_results(case)
    run = score_detections(
        TRUTH, results, kind, image_ids=IMAGE_IDS, protocol="coco", backend=backend
    )
    golden = STATS[f"{case}_maxdets_100"]["stats"]
    assert run.scoring.backend == backend
    assert twelve(run.figures) == pytest.approx([100 * v for v in golden], abs=1e-9)
    assert list(run.figures.twelve)[6:9] == ["ar_1", "ar_10", "ar_100"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "kind"), CASES)
def test_inputs_are_left_alone_and_nothing_is_printed(
    case: str, kind: Kind, backend: BackendName, capfd: pytest.CaptureFixture[str]
) -> None:
    truth, results = copy.deepcopy(TRUTH), golden_results(case)
    before = copy.deepcopy(results)
    score_detections(truth, results, kind, image_ids=IMAGE_IDS, protocol="mmdet", backend=backend)
    assert (truth, results) == (TRUTH, before)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_found_is_zero_and_nothing_to_find_is_none(backend: BackendName) -> None:
    figures = score_detections(
        TRUTH, [], "bbox", image_ids=IMAGE_IDS, protocol="mmdet", backend=backend
    ).figures
    assert twelve(figures) == [0.0] * 12
    assert figures.per_category == {1: 0.0, 3: 0.0, 18: 0.0, 44: 0.0, 90: None}
    empty = TRUTH | {"annotations": []}
    results = golden_results("bbox")
    figures = score_detections(
        empty, results, "bbox", image_ids=IMAGE_IDS, protocol="mmdet", backend=backend
    ).figures
    assert twelve(figures) == [None] * 12


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_images_no_figures(backend: BackendName) -> None:
    run = score_detections(
        TRUTH, golden_results("bbox"), "bbox", image_ids=[], protocol="mmdet", backend=backend
    )
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
    of_some = score_detections(
        TRUTH, results, "bbox", image_ids=some, protocol="mmdet", backend=backend
    ).figures
    of_part = slow_figures(part, [r for r in results if r["image_id"] in some])
    assert of_some.twelve == pytest.approx(of_part, abs=1e-9)


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


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_the_definition(seed: int, protocol: ProtocolName) -> None:
    truth, results = random_case(seed)
    ids = [image["id"] for image in truth["images"]]
    figures = coco_figures(truth, results, "bbox", image_ids=ids, protocol=protocol)
    assert figures.ap is not None
    assert figures.ap > 1
    expected = slow_figures(truth, results, PROTOCOLS[protocol])
    assert figures.twelve == pytest.approx(expected, abs=1e-9)


def crowded_case(seed: int) -> tuple[Json, list[Json]]:
    """Return images with 460, 140, 30 and no results, masks included; one shows nothing.

    The best results are mostly wrong, so that it matters how many count, and scores are equal in
    dozens. Masks of objects are polygons or lists of runs, and overlap.
    """
    rng = np.random.default_rng(seed)
    counts = {1: 460, 2: 140, 3: 30, 4: 0, 5: 30}
    truth: Json = {
        "images": [{"id": id_, "height": 150, "width": 170} for id_ in counts],
        "annotations": [],
        "categories": [{"id": id_, "name": str(id_)} for id_ in (2, 7, 9)],
    }
    results: list[Json] = []
    for image_id, num_results in counts.items():
        boxes = [random_box(rng) for _ in range(0 if image_id == 5 else 8)]
        for i, box in enumerate(boxes):
            x, y, w, h = box
            mask: Any = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            truth["annotations"].append(
                {
                    "id": 10 * image_id + i,
                    "image_id": image_id,
                    "category_id": 2 if i < 6 else 7,
                    "iscrowd": int(i == 5),
                    "area": 0.9 * w * h,
                    "bbox": box,
                    "segmentation": plain_runs(mask) if i % 2 else mask,
                }
            )
        for _ in range(num_results):
            is_near = bool(boxes) and rng.random() < 0.3
            box = random_box(rng)
            if is_near:
                near = boxes[rng.integers(len(boxes))] + rng.normal(0, 3, 4)
                box = [*near[:2].tolist(), *np.maximum(near[2:], 1).tolist()]
            x, y, w, h = box
            mask = plain_runs([[x, y, x + w, y, x + w, y + h, x, y + h]])
            results.append(
                {
                    "image_id": image_id,
                    "category_id": int(rng.choice([2, 2, 2, 7])),
                    "bbox": box,
                    "score": round(float(rng.uniform(0, 0.5 if is_near else 1)), 1),
                    "segmentation": as_rle(mask, (150, 170)),
                }
            )
    return truth, results


def random_box(rng: np.random.Generator) -> list[float]:
    return [float(v) for v in (*rng.uniform(0, 80, 2), *rng.uniform(6, 60, 2) ** 1.15)]


def plain_runs(polygons: list[list[float]]) -> Json:
    [runs] = decode_runs([as_rle(polygons, (150, 170))["counts"]])
    return {"size": [150, 170], "counts": runs.tolist()}


def by_pycocotools(
    truth: Json, results: list[Json], kind: Kind, protocol: ProtocolName
) -> list[float | None]:
    """Return the twelve as pycocotools itself sums them up, in percent."""
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = copy.deepcopy(truth)
        reference.createIndex()
        evaluator = COCOeval(reference, reference.loadRes(copy.deepcopy(results)), kind)
        if protocol == "mmdet":
            evaluator.params.maxDets = [100, 300, 1000]
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [None if value == -1 else 100 * float(value) for value in evaluator.stats]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", ["boxes", "masks", "masks without boxes"])
@pytest.mark.parametrize("seed", range(2))
def test_figures_are_pycocotools(seed: int, case: str, protocol: ProtocolName) -> None:
    truth, results = crowded_case(seed)
    kind: Kind = "bbox" if case == "boxes" else "segm"
    if case == "masks without boxes":
        results = [{k: v for k, v in entry.items() if k != "bbox"} for entry in results]
    expected = by_pycocotools(truth, results, kind, protocol)
    # It matters how many count; otherwise one protocol could pass for the other.
    fewest, _, most = expected[6:9]
    assert fewest is not None
    assert most is not None
    assert fewest < most
    ids = [image["id"] for image in truth["images"]]
    for backend in BACKENDS:
        run = score_detections(
            truth, results, kind, image_ids=ids, protocol=protocol, backend=backend
        )
        assert run.scoring.backend == backend
        assert twelve(run.figures) == pytest.approx(expected, abs=1e-9)


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
    return score_detections(
        truth, results, "bbox", image_ids=ids, protocol="mmdet", backend=backend
    )


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

    def doctored(truth: Json, entries: list[Entry], kind: Kind, max_dets: MaxDets) -> Curves:
        curves = honest(truth, entries, kind, max_dets)
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
    def fails(*_given: object) -> Curves:
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
