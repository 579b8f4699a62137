"""Verdicts on documented fps: exact machines, spoilt rows, and how often sound rows are accused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from fps_family import family_rates
from scipy import stats
from simulate_fps_model import Network, falsified, networks, simulate, verdicts

from hrnet_zoo.report.fps import fps_as_text
from hrnet_zoo.verdicts.fps.judging import (
    OUTLIERS,
    FpsJudgement,
    FpsVerdict,
    exit_code,
    findings,
    fit_documented_machines,
    judge_fps,
)
from hrnet_zoo.verdicts.fps.machine import (
    FpsRow,
    fit_machine,
    fit_most_ratios,
    fit_ratios,
    nonnegative_least_squares,
)

LAUNCH_S = {"Cityscapes": 200e-6, "ADE20K": 120e-6, "iSAID": 350e-6, "LoveDA": 210e-6}
SLOWDOWN = 1.7
PASCAL = "Pascal Context"
MEASURED_S = {
    "Cityscapes": (0.02, 0.04, 0.10),
    "ADE20K": (0.004, 0.007, 0.018),
    "iSAID": (0.008, 0.016, 0.042),
    "LoveDA": (0.011, 0.021, 0.053),
}
LAYERS = (200.0, 350.0, 350.0)


def exact_rows() -> list[FpsRow]:
    """Return rows that a machine documented without any noise but rounding."""
    rows = []
    for table, times in MEASURED_S.items():
        for i, (measured, layers) in enumerate(zip(times, LAYERS, strict=True)):
            seconds = math.hypot(LAUNCH_S[table] * layers, SLOWDOWN * measured)
            row = FpsRow(
                name=f"{table} {i}",
                source="mmsegmentation",
                table=table,
                documented_fps=Decimal(1 / seconds).quantize(Decimal("0.01")),
                measured_s=measured,
                layers=layers,
            )
            rows.append(row)
    return rows


EXACT = exact_rows()
NOISY = [
    replace(row, measured_s=row.measured_s * (1.02 if i % 2 else 0.98))
    for i, row in enumerate(EXACT)
]


def exact_readme() -> list[FpsRow]:
    """Return mmsegmentation's 21 rows that share a table, documented and timed without noise."""
    rows = []
    for network in networks(sources=["mmsegmentation"]):
        row = network.template
        if row.table == PASCAL:
            continue
        measured = network.multiply_adds / 2e12 + network.bytes_moved / 3e11
        seconds = math.hypot(150e-6 * row.layers, SLOWDOWN * measured)
        fps = Decimal(1 / seconds).quantize(Decimal("0.01"))
        rows.append(replace(row, documented_fps=fps, measured_s=measured))
    return rows


def outliers(judgements: Sequence[FpsJudgement]) -> set[str]:
    return {judgement.row.name for judgement in judgements if judgement.verdict in OUTLIERS}


def test_a_perfect_machine_is_found_and_all_rows_are_consistent() -> None:
    machine = fit_machine(EXACT, ("measured_s",))
    assert machine.launch_s == pytest.approx(LAUNCH_S, rel=1e-3)
    assert machine.slowdown == pytest.approx(SLOWDOWN, rel=1e-3)
    judgements = judge_fps(EXACT)
    assert [judgement.verdict for judgement in judgements] == [FpsVerdict.CONSISTENT] * 12
    assert all(abs(j.difference or 0) < 0.005 for j in judgements)
    assert exit_code(judgements) == 0


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("index", range(len(EXACT)))
def test_exactly_the_row_that_is_off_is_an_outlier(index: int, factor: float) -> None:
    judgements = judge_fps(falsified(EXACT, index, factor))
    wrong = judgements[index]
    assert outliers(judgements) == {EXACT[index].name}
    assert wrong.difference == pytest.approx(factor - 1, rel=0.03)
    assert wrong.verdict is (FpsVerdict.OUTLIER_FASTER if factor > 1 else FpsVerdict.OUTLIER_SLOWER)
    assert wrong.interval is not None
    assert wrong.implied_fps is not None
    assert wrong.interval[0] < wrong.implied_fps < wrong.interval[1]
    assert exit_code(judgements) == 1


def test_three_of_twelve_rows_can_be_wrong() -> None:
    rows = EXACT
    wrong = {1: 1.5, 4: 0.6, 8: 2.0}
    for index, factor in wrong.items():
        rows = falsified(rows, index, factor)
    assert outliers(judge_fps(rows)) == {EXACT[index].name for index in wrong}


def test_thirty_percent_of_a_readmes_rows_can_be_wrong() -> None:
    """One row in each of six tables; the seventh is sound."""
    rows = exact_readme()
    wrong = {1: 1.5, 3: 0.6, 8: 2.0, 10: 1.7, 14: 0.5, 16: 0.7}
    for index, factor in wrong.items():
        rows = falsified(rows, index, factor)
    assert outliers(judge_fps(rows)) == {rows[index].name for index in wrong}


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_a_slower_machine_gives_the_same_verdicts(factor: float) -> None:
    rows = falsified(EXACT, 5, 1.4)
    slower = [replace(row, measured_s=factor * row.measured_s) for row in rows]
    for here, there in zip(judge_fps(rows), judge_fps(slower), strict=True):
        assert there.verdict is here.verdict
        assert there.implied_fps == pytest.approx(here.implied_fps, rel=1e-4)
        assert there.interval == pytest.approx(here.interval, rel=1e-3)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = falsified(EXACT, 5, 1.4)
    there = {judgement.row.name: judgement.implied_fps for judgement in judge_fps(rows[::-1])}
    for judgement in judge_fps(rows):
        assert there[judgement.row.name] == pytest.approx(judgement.implied_fps, rel=1e-4)


def test_the_machine_is_described_by_the_sound_rows() -> None:
    (machine,) = fit_documented_machines(falsified(EXACT, 5, 3.0)).values()
    assert machine.slowdown == pytest.approx(SLOWDOWN, rel=1e-3)
    assert machine.noise < 0.001
    assert fit_documented_machines(EXACT[:3]) == {}


def test_rates_are_found_where_the_time_measured_here_says_nothing() -> None:
    """A machine that is bound by launching everywhere: times follow the layers alone."""
    compute, memory = 6e12, 5e11
    chosen = [n for n in networks(sources=["mmsegmentation"]) if n.template.table != PASCAL]
    rows = []
    for network in chosen:
        parts = (
            150e-6 * network.template.layers,
            network.multiply_adds / compute,
            network.bytes_moved / memory,
        )
        row = replace(
            network.template,
            documented_fps=Decimal(1 / math.hypot(*parts)).quantize(Decimal("0.0001")),
            measured_s=20e-6 * network.template.layers,
            bytes_moved=network.bytes_moved,
        )
        rows.append(row)
    machine = fit_machine(rows, ("measured_s", "multiply_adds", "bytes_moved"))
    assert 1 / machine.multiply_add_s == pytest.approx(compute, rel=0.01)
    assert 1 / machine.byte_s == pytest.approx(memory, rel=0.02)
    assert outliers(judge_fps(falsified(rows, 4, 1.3))) == {rows[4].name}


def test_readmes_do_not_mix() -> None:
    other = [
        replace(
            row,
            name=f"other {row.name}",
            source="mmdetection",
            documented_fps=5 * row.documented_fps,
        )
        for row in EXACT
    ]
    assert outliers(judge_fps([*EXACT, *other])) == set()


def test_two_rows_give_their_ratio_and_no_verdict() -> None:
    judgements = judge_fps(EXACT[:2])
    assert [j.verdict for j in judgements] == [FpsVerdict.TOO_FEW_ROWS] * 2
    first, second = judgements
    assert first.ratios[0].to == EXACT[1].name
    assert first.ratios[0].documented == pytest.approx(
        float(EXACT[0].documented_fps / EXACT[1].documented_fps)
    )
    assert first.ratios[0].measured == pytest.approx(2.0)
    assert second.ratios[0].measured == pytest.approx(0.5)
    assert first.implied_fps is None
    assert exit_code(judgements) == 3


def test_one_row_says_nothing() -> None:
    (judgement,) = judge_fps(EXACT[:1])
    assert judgement.verdict is FpsVerdict.TOO_FEW_ROWS
    assert judgement.ratios == ()
    assert "1; 3 are needed" in judgement.reason


def test_one_table_of_three_is_too_few_to_know_the_noise() -> None:
    judgements = judge_fps(EXACT[:3])
    assert {judgement.verdict for judgement in judgements} == {FpsVerdict.TOO_FEW_ROWS}
    assert len(judgements[0].ratios) == 2
    assert exit_code([]) == 3


def test_a_table_with_two_rows_has_no_verdict_among_others_that_have() -> None:
    judgements = judge_fps([*EXACT[:9], *EXACT[10:]])
    assert [j.verdict for j in judgements].count(FpsVerdict.TOO_FEW_ROWS) == 2
    assert outliers(judgements) == set()
    assert exit_code(judgements) == 3


def test_few_printed_digits_are_no_fault() -> None:
    """At 0.1 images per second, printed with one decimal, rounding is larger than the noise."""
    rows = [
        replace(
            row,
            measured_s=200 * row.measured_s,
            documented_fps=(row.documented_fps / 200).quantize(Decimal("0.1")),
        )
        for row in EXACT
        if row.documented_fps > 10
    ]
    assert outliers(judge_fps(rows)) == set()


def test_all_costs_can_be_zero() -> None:
    assert nonnegative_least_squares(np.ones((3, 2)), -np.ones(3)).tolist() == [0, 0]


def test_ratios_are_fitted_by_geometric_mean_and_by_median() -> None:
    column = np.array([1.0, 1.02, 1.3, 4.0, 0.98])
    (mean,) = fit_ratios(column[:, None])
    (most,) = fit_most_ratios(column[:, None], 1)
    assert mean == pytest.approx(1 / stats.gmean(column), rel=1e-4)
    assert most == pytest.approx(1 / np.median(column), rel=1e-4)


def compute_bound(chosen: Sequence[Network]) -> list[FpsRow]:
    return [
        replace(
            network.template,
            measured_s=network.multiply_adds / 2e11 + network.bytes_moved / 2e10,
        )
        for network in chosen
    ]


def test_documented_times_alone_give_the_compute_rate_of_a_v100() -> None:
    """Whose data sheet says 15.7 TFLOP/s, two of which are a multiply-add."""
    rows = [n.template for n in networks(sources=["mmsegmentation"]) if n.template.table != PASCAL]
    machine = fit_machine(rows, ("multiply_adds",), robust=True)
    misses = [abs(math.log(machine.seconds(row) / row.documented_s)) for row in rows]
    assert 0.6 <= 2 / machine.multiply_add_s / 15.7e12 <= 0.8
    assert np.mean(misses) == pytest.approx(0.027, abs=0.001)


def test_the_documented_rows_agree_on_a_machine_without_launch_costs() -> None:
    """A CPU, say: W48 takes five times W18, where documented times are nearly equal."""
    judged = judge_fps(compute_bound(networks()))
    assert outliers(judged) == set()
    without = [j.row.table for j in judged if j.verdict is FpsVerdict.TOO_FEW_ROWS]
    assert set(without) == {"Pascal Context", "Cascade R-CNN", "Hybrid Task Cascade (HTC)"}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("fcn_hr18_512x512_80k_potsdam", "29.25"), ("faster_rcnn_hrnetv2p_w40_1x_coco", "6.2")],
)
def test_a_misprint_in_the_documented_rows_is_found(name: str, wrong: str) -> None:
    rows = [
        replace(row, documented_fps=Decimal(wrong)) if row.name == name else row
        for row in compute_bound(networks())
    ]
    assert outliers(judge_fps(rows)) == {name}


def test_false_alarms_and_power_on_random_machines() -> None:
    rates = simulate(networks(sources=["mmsegmentation"]), draws=60, factors=(0.5, 1.5))
    assert rates.judged == pytest.approx(21 / 22, abs=0.01)
    assert rates.false_alarms <= 0.03
    assert rates.found[0.5] >= 0.9
    assert rates.found[1.5] >= 0.6
    assert rates.found_beside[0.5] <= 0.05
    assert rates.found_beside[1.5] <= 0.05


def test_a_whole_table_of_sound_rows_seldom_has_a_finding() -> None:
    """In 6 % of 300 draws, by the study: more than 10 of 60 have p 0.001. An outlier: in 24 %."""
    rates = family_rates(networks(sources=["mmsegmentation"]), 60, (2.0,))
    assert 60 * rates.alarms <= 10
    assert rates.alarms <= rates.alarms_before / 2
    assert rates.found[2.0] >= 0.8


def test_an_outlier_that_many_rows_explain_is_a_note() -> None:
    for factor in np.geomspace(1.02, 1.5, 60):
        judgements = judge_fps(falsified(NOISY, 5, float(factor)))
        if outliers(judgements) and not findings(judgements):
            break
    assert outliers(judgements) == {NOISY[5].name}
    assert findings(judgements) == []
    assert exit_code(judgements) == 0
    text = fps_as_text(judgements, [], {})
    assert "outliers: 1 of 12 rows, at 1% each; sound rows have as many" in text
    wrong = judge_fps(falsified(NOISY, 5, 2.0))
    assert [finding.row.name for finding in findings(wrong)] == [NOISY[5].name]
    assert exit_code(wrong) == 1
    assert f"beyond what 12 sound rows mostly have (95%): {NOISY[5].name}" in fps_as_text(
        wrong, [], {}
    )


@pytest.mark.parametrize("chosen", ["detection", "three tables"])
def test_false_alarms_stay_below_five_percent_with_fewer_rows(chosen: str) -> None:
    if chosen == "detection":
        rows = networks(sources=["mmdetection"])
    else:
        rows = networks(tables=["Cityscapes", "ADE20K", "Pascal VOC 2012 + Aug"])
    assert simulate(rows, draws=80).false_alarms <= 0.05


def test_verdicts_do_not_depend_on_chance() -> None:
    rows = compute_bound(networks())
    assert verdicts(rows) == verdicts(rows)
