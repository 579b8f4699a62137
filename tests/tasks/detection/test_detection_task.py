"""From what is kept of images to the numbers of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.coco_matches import CATEGORY_IDS, MadeUp, made_up

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.detection.metrics import CocoMetric
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.tasks.scored import Scored
from hrnet_zoo.zoo.manifest import load_zoo

TASK = TASKS["detection"]
SETUP = load_zoo(MANIFEST).row("fcos_hrnetv2p_w5s_gn-head_360x540_1500_scenes").setup
"""Of 36 images and four classes: houses, trees, cars and persons."""
BOTH = [metric for metric in METRICS.values() if isinstance(metric, CocoMetric)]


def results_of(case: MadeUp) -> dict[str, ImageResult]:
    """Return what an evaluation leaves, as an interrupted one reads it again."""
    kinds = {metric.evidence: case.matches(metric.kind) for metric in BOTH}
    found = {}
    for i, (image_id, detections) in enumerate(case.found.items()):
        counted: dict[str, Any] = {"single": detections} | {k: kinds[k][i] for k in kinds}
        read = {name: TASK.from_text(name, TASK.to_text(each)) for name, each in counted.items()}
        found[f"{image_id:03}"] = ImageResult(name=f"{image_id:03}", digest="d", counted=read)
    return found


def score(case: MadeUp, results: Mapping[str, ImageResult]) -> dict[str, Scored]:
    samples: Any = SimpleNamespace(
        ground_truth=case.truth,
        category_ids=CATEGORY_IDS,
        image_ids=lambda: {f"{image_id:03}": image_id for image_id in case.found},
    )
    return TASK.score(SETUP, samples, BOTH, results, ScoreOptions(), Silent())


def with_persons(seed: int, num_images: int) -> MadeUp:
    """Return made-up images with an object of every class; without it, persons are lacking."""
    case = made_up(seed, (12,) * num_images)
    case.truth["annotations"][0]["category_id"] = CATEGORY_IDS[-1]
    return case


def test_what_is_kept_tells_all_that_evaluators_say_without_annotations() -> None:
    case = with_persons(0, 36)
    results = results_of(case)
    scored = score(case, results)
    assert scored["box_ap"].value != scored["mask_ap"].value
    for metric in BOTH:
        reference = scored[metric.name]
        assert reference.scoring is not None
        kept = [results[name].counted[metric.evidence] for name in sorted(results)]
        again = TASK.scored(SETUP, metric, kept)
        assert again == reference.model_copy(update={"scoring": None})
        assert len(again.figures) == 12
        assert [each.name for each in again.classes] == ["house", "tree", "car", "person"]


@pytest.mark.parametrize(("num_images", "groups", "population"), [(36, 36, None), (30, 20, 36)])
def test_ap_has_an_interval(num_images: int, groups: int, population: int | None) -> None:
    case = with_persons(1, num_images)
    for scored in score(case, results_of(case)).values():
        assert scored.value is not None
        assert scored.interval is not None
        assert scored.interval.low < scored.value < scored.interval.high
        assert scored.interval.method == "jackknife"
        assert (scored.interval.groups, scored.interval.population) == (groups, population)


def test_a_part_that_lacks_a_class_has_no_interval() -> None:
    case = made_up(2, (12,) * 30)
    scored = score(case, results_of(case))["box_ap"]
    assert scored.interval is None
    assert scored.no_interval == "none of these images shows person"
    whole = made_up(2, (12,) * 36)
    assert score(whole, results_of(whole))["box_ap"].interval is not None


def test_evaluators_that_do_not_agree_with_what_was_matched_are_a_mistake_of_ours() -> None:
    case = with_persons(3, 36)
    results = results_of(case)
    for result in results.values():
        matches = result.counted["bbox"]
        result.counted["bbox"] = replace(matches, matched=np.zeros_like(matches.matched))
    with pytest.raises(RuntimeError, match=r"adds up to a box AP of 0.0, but pycocotools computes"):
        score(case, results)
