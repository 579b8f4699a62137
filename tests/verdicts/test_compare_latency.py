"""What compare says of latencies; its rank test and correction; how often it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_runs import (
    CHECKPOINT,
    W18,
    W48,
    input_of,
    latencies,
    machine_of,
    timed,
    write_timing,
)
from scipy import stats
from support.trees import RunCli

from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks.jackknife import standard_error
from hrnet_zoo.timing.observations import GpuState, TwinSamples
from hrnet_zoo.verdicts.comparison.accuracy import difference_test
from hrnet_zoo.verdicts.comparison.latency import compare_latencies, rank_test
from hrnet_zoo.verdicts.comparison.outcome import ComparisonOutcome
from hrnet_zoo.verdicts.comparison.pairing import holm
from hrnet_zoo.verdicts.comparison.sides import read_side

SLOW = latencies(200, 0.120, 1)
EQUAL = latencies(200, 0.100, 2)
USUAL = latencies(200, 0.100, 3)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return tmp_path / "head"


def answer(run_cli: RunCli, base: Path, head: Path) -> tuple[int, dict[str, Any]]:
    finished = run_cli("compare", base, head, "--format", "json")
    (comparison,) = json.loads(finished.out)["comparisons"]
    return finished.code, comparison


@pytest.mark.parametrize("digits", [1, 2, 8])
@pytest.mark.parametrize(("n", "m", "shift"), [(6, 9, 0.0), (30, 20, 0.5), (200, 300, 0.1)])
def test_rank_test_is_scipys(n: int, m: int, shift: float, digits: int) -> None:
    """Few digits make many ties."""
    rng = np.random.default_rng(n)
    first = [round(float(x), digits) for x in rng.normal(0, 1, n)]
    second = [round(float(x), digits) for x in rng.normal(shift, 1, m)]
    expected = stats.mannwhitneyu(first, second, method="asymptotic").pvalue
    assert rank_test(first, second) == pytest.approx(expected, rel=1e-12)
    assert rank_test(second, first) == pytest.approx(expected, rel=1e-12)


def test_rank_test_of_equal_samples() -> None:
    assert rank_test([0.1] * 10, [0.1] * 12) == 1.0


@pytest.mark.parametrize("count", [5, 25, 500])
@pytest.mark.parametrize("ratio", [0.5, 2.0, 3.5])
def test_test_of_a_difference_is_students(count: int, ratio: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, count)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    pairs = noise + ratio / np.sqrt(count)
    expected = stats.ttest_1samp(pairs, 0).pvalue
    means = (pairs.sum() - pairs) / (count - 1)
    p_value = difference_test(float(pairs.mean()), standard_error(means), count)
    assert p_value == pytest.approx(expected, rel=1e-9)


def test_test_of_a_difference_that_is_the_same_everywhere() -> None:
    assert difference_test(0.0, 0.0, 9) == 1
    assert difference_test(0.1, 0.0, 9) == 0


def test_correction_rejects_what_holm_rejects() -> None:
    """By its definition: step down through the p-values until one is too large."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p_values = dict(enumerate((rng.uniform(size=6) ** 4).tolist()))
        rejected: set[int] = set()
        for done, key in enumerate(sorted(p_values, key=p_values.__getitem__)):
            if p_values[key] >= 0.05 / (6 - done):
                break
            rejected.add(key)
        assert {key for key, p in holm(p_values).items() if p < 0.05} == rejected
    assert holm({}) == {}


@pytest.mark.parametrize(
    ("seconds", "outcome", "code"),
    [
        (EQUAL, "same", 0),
        (SLOW, "worse", 1),
        ([s / 2 for s in SLOW], "better", 0),
        ([1.025 * s for s in USUAL], "inconclusive", 0),  # certain, but too little to count
        (latencies(12, 0.102, 4, spread=0.3), "inconclusive", 0),
        (latencies(5, 0.120, 5), "inconclusive", 0),
    ],
)
def test_samples_decide(
    base: Path, head: Path, run_cli: RunCli, seconds: list[float], outcome: str, code: int
) -> None:
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", seconds))
    got, comparison = answer(run_cli, base, head)
    assert (got, comparison["outcome"]) == (code, outcome)
    assert comparison["base"] == pytest.approx(1000 * float(np.median(USUAL)))
    assert "samples" in comparison["basis"]


def test_a_machine_that_drifts_must_differ_by_more(base: Path, head: Path, run_cli: RunCli) -> None:
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", [*latencies(100, 0.100, 6), *latencies(100, 0.112, 7)]))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "inconclusive")
    assert comparison["minimum_effect"] > 10


def gpu(**changes: object) -> Any:
    idle = GpuState(
        sm_clock_mhz=1980,
        max_sm_clock_mhz=1980,
        memory_clock_mhz=3201,
        temperature_c=40,
        throttle_reasons=[],
        other_processes=0,
    )
    return machine_of(0.0).model_copy(update={"gpu_after": idle.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (machine_of(others=0.7), "the machine was shared"),
        (gpu(other_processes=1), "shared"),
        (gpu(throttle_reasons=["power cap"]), "throttled"),
    ],
)
def test_a_disturbed_machine_shows_no_regression(
    base: Path, head: Path, run_cli: RunCli, machine: Any, reason: str
) -> None:
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", SLOW), machine=machine)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "inconclusive")
    assert reason in comparison["basis"]


UNLIKE: dict[str, dict[str, Any]] = {
    "other weights: filled, then SHA-256": {"weights": "published", "checkpoint": CHECKPOINT},
    "another processor": {"environment": Environment(cpu="Another")},
    "another precision": {"variants": [timed("fast", SLOW, precision="bf16")]},
    "another engine": {"variants": [timed("fast", SLOW, engine="openvino")]},
}


@pytest.mark.parametrize("reason", UNLIKE)
def test_other_conditions_are_not_compared(
    base: Path, head: Path, run_cli: RunCli, reason: str
) -> None:
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", SLOW), **UNLIKE[reason])
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert reason in comparison["basis"]


OTHERS: dict[str, dict[str, Any]] = {
    "latency (fast, batch 8)": {"variants": [timed("fast", SLOW, batch=8)]},
    "latency (fast, cuda:0 (GPU))": {"device": "cuda:0 (GPU)"},
    "latency (fast, 2 threads)": {"num_threads": 2},
    "latency (fast, 512 x 256)": {"input": input_of((256, 512))},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_numbers_do_not_hide_a_regression(
    base: Path, head: Path, run_cli: RunCli, name: str
) -> None:
    """A machine times a row in several ways; each counts for itself, under a name of its own."""
    for folder, samples in ((base, USUAL), (head, SLOW)):
        write_timing(folder, timed("fast", samples), day=0)
        write_timing(folder, timed("fast", EQUAL), day=1, **OTHERS[name])
    finished = run_cli("compare", base, head, "--format", "junit")
    assert finished.code == 1
    cases = ElementTree.fromstring(finished.out).findall("*/testcase")
    assert [case.find("failure") is not None for case in cases] == [True, False]
    names = [case.attrib["name"] for case in cases]
    assert names[1] == name
    assert names[0] != name


@pytest.mark.parametrize("name", OTHERS)
def test_what_was_timed_otherwise_is_missing(
    base: Path, head: Path, run_cli: RunCli, name: str
) -> None:
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", SLOW), **OTHERS[name])
    finished = run_cli("compare", base, head, "--format", "json")
    outcomes = [c["outcome"] for c in json.loads(finished.out)["comparisons"]]
    assert (finished.code, outcomes) == (3, ["missing", "new"])


def test_base_on_the_same_machine_counts(base: Path, head: Path, run_cli: RunCli) -> None:
    write_timing(base, timed("fast", USUAL), day=0)
    write_timing(base, timed("fast", SLOW), day=1, environment=Environment(cpu="Another"))
    write_timing(head, timed("fast", EQUAL))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "same")


@pytest.mark.parametrize(
    "seconds", ["1e400", "NaN", "Infinity", "-1", "0", "-0.0", "1e306", "1e-306"]
)
@pytest.mark.parametrize("field", ["seconds", "warm_up_s"])
def test_what_is_no_latency_is_a_damaged_file(
    base: Path, head: Path, run_cli: RunCli, seconds: str, field: str
) -> None:
    variant = timed("fast", USUAL, warm_up_s=[0.125])
    for number, folder in enumerate((base, head)):
        write_timing(folder, timed("fast", EQUAL), day=0)
        path = write_timing(folder, variant, day=1 + number)
    first = "0.125" if field == "warm_up_s" else str(USUAL[0])
    path.write_text(path.read_text().replace(first, seconds))
    finished = run_cli("compare", base, head, "--format", "json")
    assert finished.code == 3
    content = json.loads(finished.out)
    assert str(path) in content["problems"][0]
    assert [c["outcome"] for c in content["comparisons"]] == ["same"]


def test_a_variant_that_cannot_be_timed_any_more(base: Path, head: Path, run_cli: RunCli) -> None:
    write_timing(base, timed("fast", USUAL), timed("openvino", []))
    write_timing(head, timed("fast", []), timed("openvino", []))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "failed")
    assert "not installed" in comparison["basis"]


def test_missing_and_new_rows(base: Path, head: Path, run_cli: RunCli) -> None:
    write_timing(base, timed("fast", USUAL), row=W18)
    write_timing(head, timed("fast", USUAL), row=W48)
    twins = [TwinSamples(first_s=[1.0], second_s=[1.0])]
    write_timing(head, row=W18, twins=twins)
    finished = run_cli("compare", base, head, "--format", "json")
    outcomes = {c["row"]: c["outcome"] for c in json.loads(finished.out)["comparisons"]}
    assert (finished.code, outcomes) == (3, {W18: "missing", W48: "new"})


def test_a_run_that_was_killed(base: Path, head: Path, run_cli: RunCli) -> None:
    """Its file is empty. What ran after it stands for itself."""
    write_timing(base, timed("fast", USUAL))
    write_timing(head, timed("fast", EQUAL), day=1)
    (head / W18 / "timings" / "20251231T000000Z.json").touch()
    assert answer(run_cli, base, head)[0] == 0
    killed = head / W18 / "timings" / "20260201T000000Z.json"
    killed.touch()
    finished = run_cli("compare", base, head, "--format", "json")
    assert finished.code == 3
    assert str(killed) in json.loads(finished.out)["problems"][0]


def test_false_alarms_stay_below_what_is_promised(tmp_path: Path) -> None:
    """Thirty noisy variants, timed twice: any alarm in at most 1 % of comparisons."""
    alarms = 0
    for trial in range(60):
        for number, side in enumerate(("base", "head")):
            variants = [
                timed(f"v{i}", latencies(20, 0.1, 7919 * trial + 101 * i + number, spread=0.2))
                for i in range(30)
            ]
            write_timing(tmp_path / str(trial) / side, *variants)
        sides = [read_side(tmp_path / str(trial) / side).timings for side in ("base", "head")]
        outcomes = [c.outcome for c in compare_latencies(*sides)]
        assert len(outcomes) == 30
        alarms += ComparisonOutcome.WORSE in outcomes or ComparisonOutcome.BETTER in outcomes
    assert alarms <= 2


def test_editions_are_not_mixed(base: Path, head: Path, run_cli: RunCli) -> None:
    """They are other networks' files; both sides are filled alike here, so nothing else differs."""
    write_timing(base, timed("fast", USUAL), day=0)
    write_timing(base, timed("fast", USUAL), day=1, edition="later")
    write_timing(head, timed("fast", SLOW), day=0)
    write_timing(head, timed("fast", EQUAL), day=1, edition="later")
    finished = run_cli("compare", base, head, "--format", "json")
    outcomes = {c["edition"]: c["outcome"] for c in json.loads(finished.out)["comparisons"]}
    assert (finished.code, outcomes) == (1, {"readme": "worse", "later": "same"})
    assert "latency (fast) (later)" in run_cli("compare", base, head).out
    assert run_cli("compare", base, head, "--edition", "later").code == 0
