"""Top-k accuracy against upstream's."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from support.classification_goldens import FOLDER
from torch import Tensor

from hrnet_zoo.errors import UsageError
from hrnet_zoo.tasks.classification.top_k import (
    Ranking,
    at_most,
    best_classes,
    class_accuracies,
    require_k,
    reweighted,
    top_k_accuracy,
    wilson,
)

METRIC: dict[str, Any] = json.loads((FOLDER / "metric.json").read_text())


def scores_of(name: str) -> Tensor:
    case = METRIC["cases"][name]
    if name == "thousand":
        draws = np.random.Generator(np.random.PCG64(204)).random((40, 1000))
        scores = ((draws * draws) * (draws * draws)).astype(np.float32)
    else:
        scores = np.array(case["scores"], np.float32)
    assert hashlib.sha256(scores.tobytes()).hexdigest() == case["sha256_float32"]
    return torch.from_numpy(scores)


def rankings_of(name: str) -> list[Ranking]:
    best = best_classes(scores_of(name))
    labels = METRIC["cases"][name]["labels"]
    return [Ranking(label=label, best=b) for label, b in zip(labels, best, strict=True)]


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("name", METRIC["cases"])
def test_upstreams_cases(name: str, k: int) -> None:
    case = METRIC["cases"][name]
    value = top_k_accuracy(rankings_of(name), k)
    low, high = case["bounds"][f"top{k}"]
    assert value is not None
    assert low - 1e-9 <= value <= high + 1e-9
    # Scores of 0 tie, but they never count.
    if case["ties_at_label"] == 0 or name == "exact_zeros":
        assert value == pytest.approx(case[f"top{k}"], abs=1e-5)


@pytest.mark.parametrize("case", METRIC["full_set"], ids=lambda case: case[0])
def test_two_decimals_of_the_full_set(case: tuple[int, float, str, str]) -> None:
    hits, _, _, printed = case
    seen = [Ranking(label=0, best=(0,))] * hits + [Ranking(label=0, best=(1,))] * (50_000 - hits)
    value = top_k_accuracy(seen, 1)
    assert value is not None
    assert f"{value:.2f}" == printed


def test_equal_scores_go_by_class_number() -> None:
    scores = torch.tensor([[0.1, 0.3, 0.1, 0.3, 0.1, 0.1]])
    assert best_classes(scores) == [(1, 3, 0, 2, 4)]


def test_scores_of_zero_are_never_hits() -> None:
    logits = torch.tensor([[200.0, 0.0, 0.0, 0.0, 0.0]])
    assert best_classes(logits.softmax(dim=1)) == [(0,)]


def test_more_than_all_classes_are_refused() -> None:
    with pytest.raises(UsageError, match="Top-5 accuracy needs at least 5 classes"):
        require_k(5, 4)
    require_k(5, 5)


def test_nothing_has_no_accuracy() -> None:
    assert top_k_accuracy([], 1) is None


def test_accuracy_of_classes() -> None:
    seen = [
        Ranking(label=0, best=(0, 1)),
        Ranking(label=0, best=(1, 0)),
        Ranking(label=2, best=(1, 0)),
    ]
    assert class_accuracies(seen, 1, 3) == (50.0, None, 0.0)
    assert class_accuracies(seen, 2, 3) == (100.0, None, 0.0)


def test_text() -> None:
    for ranking in (Ranking(label=7, best=(3, 7, 1)), Ranking(label=0, best=())):
        assert Ranking.from_text(ranking.to_text()) == ranking
    for damaged in ("", "x", "1 2 2", "1 -2", "0 1 2 3 4 5 6"):
        with pytest.raises(ValueError, match=r"."):
            Ranking.from_text(damaged)


def made_up_rankings(right: int, wrong: int) -> list[Ranking]:
    return [Ranking(label=0, best=(0,))] * right + [Ranking(label=0, best=(1, 0))] * wrong


def test_images_may_count_several_times_or_not_at_all() -> None:
    weights = np.array([[1, 1, 1, 1], [0, 0, 0, 4], [4, 0, 0, 0], [0, 0, 0, 0]], np.float64)
    some = made_up_rankings(3, 1)
    np.testing.assert_allclose(reweighted(some, 1)(weights), [75.0, 0.0, 100.0, np.nan])
    np.testing.assert_allclose(reweighted(some, 2)(weights[:3]), [100.0, 100.0, 100.0])


def test_wilson_intervals_are_those_of_textbooks() -> None:
    found = wilson(15, 20, None)
    assert [found.low, found.high] == pytest.approx([53.13, 88.81], abs=0.01)
    all_right = wilson(16, 16, None)
    assert all_right.high == pytest.approx(100)
    assert all_right.low == pytest.approx(80.64, abs=0.01), "not 100: others may be wrong"
    widths = [i.high - i.low for i in (wilson(15, 20, n) for n in (None, 40, 20))]
    assert widths[0] > widths[1] > widths[2] == 0, "nothing is left to be seen"


def test_the_bound_of_a_share_is_exact() -> None:
    """So few hits have just the probability that is left."""
    bound = at_most(3, 10, 0.99) / 100
    below = sum(math.comb(10, k) * bound**k * (1 - bound) ** (10 - k) for k in range(4))
    assert below == pytest.approx(0.01)
    assert at_most(0, 64, 0.99) < 8
    assert at_most(64, 64, 0.99) == 100
