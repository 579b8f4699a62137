from __future__ import annotations

import numpy as np
import pytest

from hrnet_zoo.tasks.jackknife import interval
from hrnet_zoo.tasks.scored import Interval
from hrnet_zoo.tasks.segmentation.confusion import (
    SegmentationScores,
    SparseCounts,
    reweighted,
    total,
)
from hrnet_zoo.tasks.segmentation.counting import count_pairs

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
    return interval(reweighted(sample, lambda s: s.miou), len(sample), whole, 512)


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
