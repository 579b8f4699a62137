"""What compare says of latencies; its rank test and correction; how often it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import latency_false_alarms
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
from hrnet_zoo.verdicts.comparison.pairing import holm

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
    assert comparison["base"] == pytest.approx(1000 * timed("fast", USUAL).latency_s)
    assert "samples" in comparison["basis"] or "processes" in comparison["basis"]


def test_one_process_on_a_machine_that_drifts_says_too_little(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    write_timing(base, timed("fast", USUAL, processes=1))
    drifting = [*latencies(100, 0.100, 6), *latencies(100, 0.112, 7)]
    write_timing(head, timed("fast", drifting, processes=1))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "inconclusive")
    assert "depend on each other" in comparison["basis"]


def gpu(clock: int | None = 1980, **changes: object) -> Any:
    idle = GpuState(
        sm_clock_mhz=1980,
        max_sm_clock_mhz=1980,
        memory_clock_mhz=3201,
        temperature_c=40,
        throttle_reasons=[],
        other_processes=0,
    )
    seen = {"gpu_after": idle.model_copy(update=changes), "gpu_clock_mhz": clock}
    return machine_of(0.0).model_copy(update=seen)


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


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (gpu(clock=1410), "ran at 1980 MHz, then at 1410 MHz"),
        (gpu(other_processes=None), "other processes computed on the GPU could not be told"),
        (machine_of(0.0).model_copy(update={"gpu_not_read": "NVML: no"}), "not read (NVML: no)"),
        (machine_of(0.0), "the state of the GPU was not read"),
        (gpu(clock=None), "the clocks of the GPU were not read"),
    ],
)
def test_on_a_gpu_that_may_have_been_disturbed_nothing_is_worse(
    base: Path, head: Path, run_cli: RunCli, machine: Any, reason: str
) -> None:
    write_timing(base, timed("fast", USUAL), device="cuda:0 (A)", machine=gpu())
    write_timing(head, timed("fast", SLOW), device="cuda:0 (A)", machine=machine)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "inconclusive")
    assert reason in comparison["basis"]


@pytest.mark.parametrize(
    ("device", "machine", "reason"),
    [
        ("cuda:0 (B)", gpu(), "another GPU: cuda:0 (A), then cuda:0 (B)"),
        ("cuda:0 (A)", gpu(throttle_reasons=["application clocks"]), "other clocks set: none"),
    ],
)
def test_another_gpu_or_other_clocks_are_not_compared(
    base: Path, head: Path, run_cli: RunCli, device: str, machine: Any, reason: str
) -> None:
    write_timing(base, timed("fast", USUAL), device="cuda:0 (A)", machine=gpu())
    write_timing(head, timed("fast", SLOW), device=device, machine=machine)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert reason in comparison["basis"]


def test_on_an_undisturbed_gpu_what_is_slower_is_worse(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    write_timing(base, timed("fast", USUAL), device="cuda:0 (A)", machine=gpu())
    write_timing(head, timed("fast", SLOW), device="cuda:0 (A)", machine=gpu(clock=1965))
    assert answer(run_cli, base, head)[0] == 1


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
    "latency (fast, cuda:0)": {"device": "cuda:0 (GPU)"},
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


def test_what_failed_before_and_after_is_not_news(base: Path, head: Path, run_cli: RunCli) -> None:
    for folder in (base, head):
        write_timing(folder, timed("fast", USUAL), day=0)
        write_timing(folder, timed("fast", []), day=1)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "failed_as_before")
    assert run_cli("compare", base, head, "--fail-on", "failed-as-before").code == 3


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


@pytest.mark.parametrize(("processes", "at_most"), [(1, 14), (3, 14), (5, 14)])
def test_unchanged_rows_seldom_raise_an_alarm(processes: int, at_most: int) -> None:
    """Thirty rows whose processes differ by 1 %: 5 % of 100 comparisons; 15 have p = 1e-4 then."""
    _, alarm = latency_false_alarms.rates(latency_false_alarms.now, processes, 0.01, 0.0, 100)
    assert 100 * alarm <= at_most


def test_a_row_that_became_slower_is_found() -> None:
    """One of thirty by 10 %, three processes a side: nine of ten; below 30 of 40 has p 0.001."""
    found, _ = latency_false_alarms.rates(latency_false_alarms.now, 3, 0.01, 0.10, 40)
    assert 40 * found >= 30


@pytest.mark.parametrize(
    ("slower", "outcome"), [(1.0, "inconclusive"), (1.029, "inconclusive"), (1.08, "worse")]
)
def test_one_process_a_side_must_differ_by_more_than_processes_do(
    base: Path, head: Path, run_cli: RunCli, slower: float, outcome: str
) -> None:
    """As in all old records: beyond sqrt(2) times 1.96 % at least, were it only this one row."""
    steady = latencies(200, 0.1, 1, spread=0.04)
    write_timing(base, timed("fast", steady, processes=1))
    write_timing(head, timed("fast", [slower * s for s in steady[::-1]], processes=1))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (int(outcome == "worse"), outcome)
    assert "1 % unchanged (stated; time --aa measures it)" in comparison["basis"]


def twins_of(spread: float, count: int = 8) -> list[TwinSamples]:
    rng = np.random.default_rng(0)
    made = [latencies(20, float(0.1 * np.exp(rng.normal(0, spread))), i) for i in range(2 * count)]
    pairs = zip(made[::2], made[1::2], strict=True)
    return [TwinSamples(first_s=a, second_s=b, separate=True) for a, b in pairs]


@pytest.mark.parametrize(("spread", "outcome"), [(0.001, "worse"), (0.05, "inconclusive")])
def test_an_aa_run_says_how_much_processes_differ(
    base: Path, head: Path, run_cli: RunCli, spread: float, outcome: str
) -> None:
    write_timing(base, timed("fast", USUAL, processes=1))
    write_timing(head, timed("fast", [1.08 * s for s in USUAL[::-1]], processes=1), day=1)
    write_timing(head, day=0, twins=twins_of(spread))
    _, comparison = answer(run_cli, base, head)
    assert comparison["outcome"] == outcome
    assert "--aa, 8 pairs" in comparison["basis"]


def test_the_very_same_samples_are_the_same(base: Path, head: Path, run_cli: RunCli) -> None:
    for folder in (base, head):
        write_timing(folder, timed("fast", USUAL, processes=1))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "same")


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
