"""The studies of bench/studies in their quick form: what they claim, with few draws.

A bound that a test holds is one that a share as claimed breaks in less than one of a thousand runs
with other seeds, by the binomial distribution; the seeds are always the same.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from scipy.stats import binom
from test_docs import ROOT


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "bench" / "studies"))
    return importlib.import_module


def least(share: float, draws: int) -> float:
    """Return the share of draws that a true share falls below once in a thousand times."""
    return float(binom.ppf(0.001, draws, share)) / draws


def test_intervals_of_miou_hold_that_of_all_images(study: Any) -> None:
    miou = study("coverage_miou")
    size, now, before = miou.SIZES[0], list[bool](), list[bool]()
    rng = miou.np.random.default_rng(0)
    for seed in range(5):
        areas = miou.made_up(*size, seed)
        truth = miou.value_of(areas)
        for part in miou.parts(areas, 64, 40):
            held = miou.holds_now(part, 500, truth)
            now += [] if held is None else [held]
        before += [miou.held_before(part, truth, rng) for part in miou.parts(areas, 32, 8)]
    assert len(now) >= 100
    assert sum(now) / len(now) >= least(0.92, len(now))
    assert sum(before) / len(before) < least(0.92, len(before)), "that is why it went"


def test_intervals_of_ap_hold_that_of_all_images(study: Any) -> None:
    ap = study("coverage_ap")
    images = ap.made_up(400, seed=0)
    truth, draws = ap.value_of(images), 20
    held = [
        ap.holds([images[i] for i in ap.random_order(400, seed)[:100]], 400, truth)[1]
        for seed in range(draws)
    ]
    assert sum(held) / draws >= least(0.92, draws)


@pytest.mark.parametrize("share", [0.78, 0.95])
def test_intervals_of_top1_hold_that_of_all_images(study: Any, share: float) -> None:
    draws = 200
    before, jackknife, now, too_low = study("coverage_top1").row(share, 32, draws)
    assert now >= least(0.93, draws)
    assert too_low <= 1 - least(0.9975, draws)
    if share == 0.95:
        assert max(before, jackknife) < least(0.92, draws), "that is why it is Wilson's"


def test_a_quick_run_stops_where_something_is_wrong(study: Any) -> None:
    stops = study("quick_stops")
    draws = 60
    for size in stops.SIZES:
        of_gap = stops.table(size, draws)
        stopped = {gap: [at for at in all_stops if at] for gap, all_stops in of_gap.items()}
        assert 1 - len(stopped["0 points"]) / draws >= least(0.99, draws)
        assert stopped["broken"] == [16] * draws
        assert len(stopped["10 points"]) == draws
        assert len(stopped["0 points"]) < len(stopped["3 points"]) < draws
