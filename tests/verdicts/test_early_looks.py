"""What looks of verify --quick lead to, and whether edits of them are found."""

from __future__ import annotations

from typing import Any

import pytest
from support.stored_runs import ROW as NAME
from support.stored_runs import record_of

from hrnet_zoo.records.accuracy import AccuracyAsked, EarlyLook, Measurement
from hrnet_zoo.records.images_file import ImageLine, ImagesFile
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.classification.top_k import Ranking
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.scored import Interval
from hrnet_zoo.verdicts.accuracy import Judgement, Verdict, exit_code, judge
from hrnet_zoo.verdicts.early_looks import contradicted_looks
from hrnet_zoo.zoo.manifest import load_zoo

ROW = load_zoo().row(NAME)  # documented: 73.86
CLASSIFIER = next(row for row in load_zoo().rows if row.task == "classification")
METRIC: Metric = next(m for m in TASKS["classification"].metrics if m.name == "top1")


def look(num_images: int, at_most: float | None) -> EarlyLook:
    return EarlyLook(num_images=num_images, value=70.0, at_most=at_most, level=0.998)


def quick(*looks: EarlyLook, value: float = 70.0, found: int = 500, **more: Any) -> Judgement:
    asked = AccuracyAsked(metrics=["miou"], quick=True, seed=5)
    return judged(asked, looks[-1].num_images, found, value, looks=list(looks), **more)


def judged(
    asked: AccuracyAsked, num_images: int, found: int, value: float, **more: Any
) -> Judgement:
    made = record_of(miou=value, asked=asked)
    assert made.dataset is not None
    images = {"num_images": num_images, "num_images_found": found}
    changes = {
        "dataset": made.dataset.model_copy(update=images),
        "measurements": [made.measurements[0].model_copy(update=more)],
    }
    return judge(ROW, made.model_copy(update=changes), "miou")


def test_a_bound_below_all_that_would_match_refutes() -> None:
    interval = Interval(low=68.0, high=72.0, level=0.95, method="jackknife", population=500)
    judgement = quick(look(16, 78.0), look(32, 73.75), interval=interval)
    assert judgement.verdict is Verdict.MISMATCH_WORSE
    for said in (
        "refuted after 32 images: with 99.8% confidence all 500 have at most 73.75",
        "95% interval 68.00 to 72.00",
        "32 of 500 images were evaluated, drawn at random with seed 5",
    ):
        assert said in judgement.reason
    assert exit_code([judgement]) == 1


@pytest.mark.parametrize("value", [70.0, 73.86, 99.0])
def test_nothing_is_confirmed_however_close(value: float) -> None:
    judgement = quick(look(16, None), look(256, 73.76), value=value)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.startswith("not refuted after 256 images: all 500 have at most 73.76")
    assert exit_code([judgement]) == 3


def test_classes_that_no_image_shows_are_said() -> None:
    judgement = quick(look(16, 70.0), no_interval="no pixel of these images is labelled train")
    assert judgement.verdict is Verdict.MISMATCH_WORSE
    assert (
        "no pixel of these images is labelled train: taken for found perfectly" in judgement.reason
    )


def test_too_few_images_refute_nothing() -> None:
    judgement = quick(look(16, None))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "too few to tell anything" in judgement.reason


def test_a_part_of_what_is_left_of_a_data_set_refutes_nothing() -> None:
    judgement = quick(look(16, 20.0), found=499)
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "those that are missing were not left out at random" in judgement.reason


def test_a_random_part_is_judged_by_its_interval_and_the_tolerance() -> None:
    def part(high: float) -> Judgement:
        interval = Interval(low=70.0, high=high, level=0.95, method="jackknife", population=500)
        return judged(AccuracyAsked(limit=50, seed=5), 50, 500, 72.0, interval=interval)

    assert part(73.76).verdict is Verdict.INCONCLUSIVE
    assert "95% interval of all 500 70.00 to 73.76 includes" in part(73.76).reason
    assert part(73.74).verdict is Verdict.NOT_COMPARABLE
    assert "drawn at random with seed 5" in part(73.74).reason


def images_file() -> ImagesFile:
    """Three of four images are right, both of the first two."""
    names = ["c", "a", "d", "b"]
    texts = [Ranking(label=0, best=(k,)).to_text() for k in (0, 0, 1, 0)]
    lines = {
        name: ImageLine(name=name, results={METRIC.evidence: text})
        for name, text in zip(names, texts, strict=True)
    }
    return ImagesFile(
        sha256="", size_bytes=0, header={}, images=lines, records=[], segments=[], looks=names,
        ended=None,
    )  # fmt: skip


def with_looks(*looks: tuple[int, float, float]) -> Measurement:
    made = [
        EarlyLook(num_images=n, value=value, at_most=most, level=0.995) for n, value, most in looks
    ]
    return Measurement(metric="top1", value=75.0, looks=made)


RIGHT = ((2, 100.0, 100.0), (4, 75.0, 100 * 0.995**0.25))
"""Three of four or fewer are right with 1 - p^4, which the bound makes 0.005."""


def test_looks_follow_from_their_images() -> None:
    assert list(contradicted_looks(CLASSIFIER, with_looks(*RIGHT), images_file())) == []


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (((2, 99.0, 100.0), RIGHT[1]), "the value of top1 after 2 images is 99.0, not 100.0"),
        (((2, 100.0, 60.0), RIGHT[1]), "the bound of top1 after 2 images is 60.0, not 100.0"),
        (((3, 100.0, 100.0), RIGHT[1]), "the value of top1 after 3 images"),
        ((RIGHT[0],), "its looks at top1 have [2] images, and its images file 4"),
        ((), "its looks at top1 have [] images"),
        (((0, 100.0, 100.0), RIGHT[1]), "its looks at top1 have [0, 4] images"),
        (((-2, 100.0, 100.0), RIGHT[1]), "its looks at top1 have [-2, 4] images"),
    ],
)
def test_edited_looks_are_found(looks: tuple[tuple[int, float, float], ...], said: str) -> None:
    found = list(contradicted_looks(CLASSIFIER, with_looks(*looks), images_file()))
    assert any(said in each for each in found), found


def test_records_without_looks_need_none() -> None:
    file = images_file()
    file = ImagesFile(**{**vars(file), "looks": []})
    assert list(contradicted_looks(CLASSIFIER, with_looks(), file)) == []


def test_names_of_other_images() -> None:
    file = ImagesFile(**{**vars(images_file()), "looks": ["a", "b", "c", "x"]})
    (found,) = contradicted_looks(CLASSIFIER, with_looks(*RIGHT), file)
    assert "lists other images" in found
