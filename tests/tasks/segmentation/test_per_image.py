from __future__ import annotations

import numpy as np
import pytest

from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.jackknife import interval, upper_bound
from hrnet_zoo.tasks.scored import Interval
from hrnet_zoo.tasks.segmentation.confusion import (
    SegmentationScores,
    SparseCounts,
    reweighted,
    total,
)
from hrnet_zoo.tasks.segmentation.counting import count_pairs
from hrnet_zoo.zoo.manifest import load_zoo

NUM_CLASSES = 7


def images(count: int, seed: int = 0, wrong: float = 0.3) -> list[SparseCounts]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        label = rng.choice([0, 1, 2, 3, 4, 5, 6, 9, 255], (40, 50)).astype(np.uint8)
        noise = rng.integers(0, NUM_CLASSES, label.shape)
        right = (rng.uniform(size=label.shape) > wrong * rng.uniform(0.5, 1.5)) & (label < 7)
        prediction = np.where(right, label, noise).astype(np.uint8)
        made.append(SparseCounts.of(count_pairs(prediction, label, NUM_CLASSES)))
    return made


def plain_miou(sample: list[SparseCounts]) -> float:
    miou = SegmentationScores.of(total(sample, NUM_CLASSES)).miou
    assert miou is not None
    return miou


def miou_interval(sample: list[SparseCounts], whole: int | None = None) -> Interval | None:
    value_of = reweighted(sample, lambda s: s.miou)
    return interval(value_of, len(sample), whole, 512, corrects_bias=False)


def test_sparse_counts_lose_nothing() -> None:
    for image in images(5):
        again = SparseCounts.from_text(image.to_text())
        assert np.array_equal(again.dense(), image.dense())
        assert np.array_equal(SparseCounts.of(image.dense()).cells, image.cells)


def test_an_image_without_labels() -> None:
    empty = SparseCounts.of(np.zeros((NUM_CLASSES + 1, NUM_CLASSES), np.int64))
    assert SparseCounts.from_text(empty.to_text()).dense().sum() == 0
    assert SegmentationScores.of(empty.dense()).miou is None


def test_text_is_small() -> None:
    """A Cityscapes image meets perhaps 150 of the 380 pairs."""
    rng = np.random.default_rng(0)
    counts = np.zeros((20, 19), np.int64)
    counts.ravel()[rng.choice(380, 150, replace=False)] = rng.integers(1, 500_000, 150)
    assert len(SparseCounts.of(counts).to_text()) < 1000


def test_total_is_the_sum() -> None:
    made = images(6)
    expected = np.sum([image.dense() for image in made], axis=0)
    assert np.array_equal(total(made, NUM_CLASSES), expected)


def test_images_may_count_several_times_or_not_at_all() -> None:
    """Score the same images one by one, the ordinary way."""
    made = images(12)
    weights = np.random.default_rng(0).integers(0, 3, (20, 12)).astype(np.float64)
    values = reweighted(made, lambda s: s.miou)(weights)
    for draw, value in zip(weights.astype(int), values, strict=True):
        sample = [image for image, times in zip(made, draw, strict=True) for _ in range(times)]
        assert value == pytest.approx(plain_miou(sample), abs=1e-9)


def test_interval_holds_the_value_and_narrows_with_more_images() -> None:
    few, many = images(10), images(200)
    intervals = [miou_interval(few), miou_interval(many)]
    for sample, found in zip((few, many), intervals, strict=True):
        assert found is not None
        assert found.low < plain_miou(sample) < found.high
    assert intervals[0] is not None
    assert intervals[1] is not None
    assert intervals[1].high - intervals[1].low < (intervals[0].high - intervals[0].low) / 2


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = plain_miou(images(3000, seed=999))
    covered = 0
    for seed in range(60):
        found = miou_interval(images(40, seed=seed))
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 51 <= covered <= 60  # of a true 95 %, fewer are seen once in 400


def test_the_more_of_the_whole_was_seen_the_narrower_is_the_interval_for_it() -> None:
    sample = images(40)
    widths = []
    for whole in (4000, 80, 40):
        found = miou_interval(sample, whole)
        assert found is not None
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0] * np.sqrt((40 / 79) / (3960 / 3999)))
    assert widths[2] == 0, "nothing of it is left to be seen"


def test_interval_is_repeatable_and_needs_two_images() -> None:
    assert miou_interval(images(8)) == miou_interval(images(8))
    assert miou_interval(images(1)) is None


def test_classes_that_no_image_shows_may_be_all_right() -> None:
    """What a part tells of the whole: the classes that it shows, and nothing of the others."""
    task, row = TASKS["segmentation"], load_zoo().row("fcn_hr18_512x1024_40k_cityscapes")
    metric, counts = METRICS["miou"], np.zeros((20, 19), np.int64)
    counts[0, 0], counts[0, 1], counts[1, 1] = 60, 40, 40  # and nothing is class 2 to 18
    same = [SparseCounts.of(counts)] * 16
    shown = 100 * (60 / 100 + 40 / 80) / 2
    most = task.at_most(row.setup, metric, same, 0.99)
    assert most == pytest.approx((2 * shown + 17 * 100) / 19), "equal images tell it exactly"
    # That one of them was predicted somewhere says nothing of it.
    counts[0, 5] = 1
    most = task.at_most(row.setup, metric, [SparseCounts.of(counts)] * 16, 0.99)
    assert most == pytest.approx((2 * shown + 17 * 100) / 19, abs=0.1)
    assert task.at_most(row.setup, metric, same[:1], 0.99) is None


def test_an_upper_bound_grows_with_its_level_and_shrinks_with_what_was_seen() -> None:
    sample, value_of = images(40), reweighted(images(40), lambda s: s.miou)
    value, one_sided = plain_miou(sample), [0.9, 0.99, 0.999]
    bounds = [upper_bound(value_of, 40, 4000, 512, level) for level in one_sided]
    assert bounds == sorted(bounds, key=lambda b: b or 0.0)
    assert upper_bound(value_of, 40, 40, 512, 0.999) == pytest.approx(value)
    both = miou_interval(sample, 4000)
    assert both is not None
    assert upper_bound(value_of, 40, 4000, 512, 0.975) == pytest.approx(both.high)
