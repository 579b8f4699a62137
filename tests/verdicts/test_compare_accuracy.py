"""What compare says of accuracies, and how often it is wrong."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_runs import (
    CHECKPOINT,
    ELSEWHERE,
    FASTER,
    PROTOCOL,
    W18,
    W48,
    dataset_of,
    images,
    miou,
    write_images,
    write_run,
)
from scipy import stats
from support.coco_matches import made_up
from support.trees import RunCli

from hrnet_zoo.records.accuracy import (
    AccuracyAsked,
    AccuracyRecord,
    EngineUsed,
    Measurement,
    Settings,
)
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.journal import content_of_lines
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
from hrnet_zoo.verdicts.comparison.accuracy import compare_accuracies
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.sides import read_side
from hrnet_zoo.verdicts.evidence import Evidence

pytestmark = pytest.mark.usefixtures("taken_as_sound")

MANY = 400_000
"""Pixels of an image with which other errors of the same rate move the mIoU by less than 0.1."""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return tmp_path / "head"


def answers(run_cli: RunCli, base: Path, head: Path, *options: str) -> tuple[int, dict[str, Any]]:
    finished = run_cli("compare", base, head, "--format", "json", *options)
    content = json.loads(finished.out)
    assert content["exit_code"] == finished.code
    return finished.code, content


def answer(run_cli: RunCli, base: Path, head: Path) -> tuple[int, dict[str, Any]]:
    code, content = answers(run_cli, base, head)
    (comparison,) = content["comparisons"]
    return code, comparison


@pytest.mark.parametrize(
    ("wrong", "outcome", "code"),
    [(0.3, "same", 0), (0.32, "worse", 1), (0.28, "better", 0)],
)
def test_images_decide(
    base: Path, head: Path, run_cli: RunCli, wrong: float, outcome: str, code: int
) -> None:
    write_run(base, value=images(60, 1, 0.3))
    write_run(head, value=images(60, 1, wrong))
    got, comparison = answer(run_cli, base, head)
    assert (got, comparison["outcome"]) == (code, outcome)
    assert "60 images" in comparison["basis"]
    if outcome != "same":
        low, high = comparison["interval"]
        assert low < comparison["difference"] < high
        assert comparison["difference"] == comparison["head"] - comparison["base"]


def test_interval_is_that_of_images_left_out_in_turn(base: Path, head: Path) -> None:
    """Leave them out one by one in both runs, and score the others the ordinary way."""
    runs = [images(9, 2, 0.3), images(9, 2, 0.33, errors=1)]
    for folder, run in zip((base, head), runs, strict=True):
        write_run(folder, value=run)
    (comparison,) = compared(base.parent)
    before, after = ([miou([*run[:i], *run[i + 1 :]]) for i in range(9)] for run in runs)
    differences = np.subtract(after, before)
    error = np.sqrt(8 / 9 * ((differences - differences.mean()) ** 2).sum())
    change = miou(runs[1]) - miou(runs[0])
    ends = [change - stats.t.ppf(0.975, 8) * error, change + stats.t.ppf(0.975, 8) * error]
    assert comparison.interval == pytest.approx(ends, abs=1e-9)


def with_misses(matches: list[Matches], share: float) -> list[Matches]:
    """Return the same detections, of which some of those that found an object found none."""
    rng = np.random.default_rng(0)
    kept = [rng.random(len(each.scores)) >= share for each in matches]
    return [
        replace(each, matched=each.matched & found[:, None, None])
        for each, found in zip(matches, kept, strict=True)
    ]


@pytest.mark.parametrize(("share", "outcome", "code"), [(0.0, "same", 0), (0.1, "worse", 1)])
def test_images_decide_of_detections_too(
    base: Path, head: Path, run_cli: RunCli, share: float, outcome: str, code: int
) -> None:
    matches = made_up(0, (20,) * 30).matches("bbox")
    write_run(base, FASTER, matches, metric="box_ap")
    write_run(head, FASTER, with_misses(matches, share), metric="box_ap", environment=ELSEWHERE)
    got, comparison = answer(run_cli, base, head)
    assert (got, comparison["outcome"]) == (code, outcome)
    assert "30 images" in comparison["basis"]
    if share:
        low, high = comparison["interval"]
        assert low < comparison["difference"] < high < 0


def test_detections_alone_tell_no_ap(base: Path, head: Path, run_cli: RunCli) -> None:
    """Runs of before matches were kept are compared by their values."""
    matches = made_up(0, (20,) * 5).matches("bbox")
    path = write_run(base, FASTER, matches, metric="box_ap").with_suffix(".images.jsonl")
    lines = [{"name": f"image {n}", "results": {"single": "0 boxes x"}} for n in range(5)]
    path.write_bytes(content_of_lines([{"format": 3}, *lines]))
    write_run(head, FASTER, matches, metric="box_ap")
    got, comparison = answer(run_cli, base, head)
    assert (got, comparison["outcome"]) == (0, "same")
    assert "values, no interval" in comparison["basis"]


def test_noise_of_another_machine_is_no_regression(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, value=images(30, 3, 0.3, pixels=MANY))
    write_run(head, value=images(30, 3, 0.3, 1, MANY), environment=ELSEWHERE)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "inconclusive")
    assert 0.005 < abs(comparison["difference"]) < 0.1
    low, high = comparison["interval"]
    assert low < 0 < high


@pytest.mark.parametrize("cpu", ["A CPU", "Another"])
def test_a_mistake_in_one_image_is_a_regression(
    base: Path, head: Path, run_cli: RunCli, cpu: str
) -> None:
    """Other images would not show it; these do, and nothing else than a mistake explains it."""
    before = images(40, 8, 0.1)
    broken = type(before[0]).of(np.roll(before[0].dense(), 1, axis=1))
    write_run(base, value=before)
    write_run(
        head, value=[broken, *before[1:]], environment=ELSEWHERE.model_copy(update={"cpu": cpu})
    )
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (1, "worse")
    low, high = comparison["interval"]
    assert low < comparison["difference"] < -0.1 < high
    assert "others might not show it" in comparison["basis"]


def test_a_few_pixels_are_no_difference(base: Path, head: Path, run_cli: RunCli) -> None:
    """As on another processor: one pixel of a hundred images is another class."""
    before = images(100, 4, 0.3)
    counts = before[0].dense()
    counts[0, 0] -= 1
    counts[0, 1] += 1
    write_run(base, value=before)
    write_run(head, value=[type(before[0]).of(counts), *before[1:]])
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "same")
    assert comparison["difference"] != 0


def test_false_alarms_are_seldom(tmp_path: Path) -> None:
    """Eight rows with the noise of another machine; any alarm is promised in 5 % of comparisons.

    So few draws see a rate of 30 % (in 9 of 10 cases), and let one of 15 % pass (in 2 of 3).
    """
    alarms, trials = 0, 25
    for trial in range(trials):
        folder = tmp_path / str(trial)
        for row in range(8):
            seed = 1000 * trial + row
            before, after = (images(25, seed, 0.3, errors, MANY) for errors in (0, 1))
            write_run(folder / "base", f"row{row}", before)
            write_run(folder / "head", f"row{row}", after, environment=ELSEWHERE)
        comparisons = compared(folder)
        assert all(abs(c.difference or 0) < 0.1 for c in comparisons)
        outcomes = [c.outcome for c in comparisons]
        assert outcomes.count(ComparisonOutcome.SAME) == 0, "nothing was tested"
        alarms += ComparisonOutcome.WORSE in outcomes or ComparisonOutcome.BETTER in outcomes
    # 5 % of 25 are 1.25; five or more would come by chance in 0.7 % of such draws.
    assert alarms <= 4


def test_a_certain_difference_may_be_too_small_to_count(tmp_path: Path) -> None:
    """Four tenths of a point, where the table prints no decimals."""
    write_run(tmp_path / "base", value=images(100, 9, 0.3))
    write_run(tmp_path / "head", value=images(100, 9, 0.3028))
    (comparison,) = compared(tmp_path, decimals=0)
    assert comparison.interval is not None
    assert comparison.interval[0] < -0.5 < comparison.interval[1] < 0
    assert comparison.outcome is ComparisonOutcome.INCONCLUSIVE
    (comparison,) = compared(tmp_path, decimals=1)
    assert comparison.outcome is ComparisonOutcome.WORSE


def compared(folder: Path, decimals: int = 2) -> list[Comparison]:
    return compare_accuracies(
        read_side(folder / "base").accuracies,
        read_side(folder / "head").accuracies,
        ["miou"],
        lambda *_: decimals,
        lambda *_: Evidence(),
    )


@pytest.mark.parametrize(
    ("row", "metric", "difference", "cpu", "outcome", "code"),
    [
        (W18, "miou", -0.004, "A CPU", "same", 0),
        (W18, "miou", -0.006, "A CPU", "worse", 1),
        (W18, "miou", -0.006, "Another", "inconclusive", 0),
        (W18, "miou", +0.006, "A CPU", "better", 0),
        (FASTER, "box_ap", -0.04, "A CPU", "same", 0),  # the README prints one decimal
        (FASTER, "box_ap", -0.06, "A CPU", "worse", 1),
        (FASTER, "box_ap", -0.09, "Another", "inconclusive", 0),
        (FASTER, "box_ap", -0.11, "Another", "worse", 1),
    ],
)
def test_without_images_values_decide(
    base: Path,
    head: Path,
    run_cli: RunCli,
    row: str,
    metric: Any,
    difference: float,
    cpu: str,
    outcome: str,
    code: int,
) -> None:
    packages = {"torch": "2.8", "hrnet-zoo": "0.2"}
    write_run(base, row, 40.0, metric=metric)
    environment = Environment(cpu=cpu, packages=packages)
    write_run(head, row, 40.0 + difference, metric=metric, environment=environment)
    got, comparison = answer(run_cli, base, head)
    assert (got, comparison["outcome"]) == (code, outcome)
    assert "values, no interval" in comparison["basis"]
    assert comparison["interval"] is None


UNLIKE: dict[str, dict[str, Any]] = {
    "other images or labels": {"dataset": dataset_of(5, fingerprint="g")},
    "5 images, then 4": {"dataset": dataset_of(4)},
    "other data: cityscapes, then voc": {"dataset": dataset_of(5, name="voc")},
    "which data": {"dataset": None},
    f"other weights: SHA-256 {'a' * 64}, then SHA-256 {'b' * 64}": {
        "checkpoint": CHECKPOINT.model_copy(update={"sha256": "b" * 64})
    },
    f"then SHA-256 {'b' * 64}, stored as float16": {
        "checkpoint": CHECKPOINT.model_copy(
            update={"sha256": "b" * 64, "converted": {"float16": 3}}
        )
    },
    "which weights": {"checkpoint": None},
    "another engine: torch, then openvino": {
        "settings": Settings(
            device="cpu",
            engine=EngineUsed(name="openvino"),
            dtype="float32",
            tf32=False,
            cudnn_benchmark=False,
            cudnn_deterministic=True,
            memory_format="channels_last",
            num_threads=1,
            num_workers=None,
        )
    },
    "another test protocol": {
        "measurements": [
            Measurement(
                metric="miou", value=60.0, protocol=PROTOCOL.model_copy(update={"flip": True})
            )
        ]
    },
}


@pytest.mark.parametrize("reason", UNLIKE)
def test_what_is_of_other_things_is_not_compared(
    base: Path, head: Path, run_cli: RunCli, reason: str
) -> None:
    write_run(base)
    write_run(head, value=60.0, **UNLIKE[reason])
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert reason in comparison["basis"]


def test_the_newest_comparable_run_of_base_counts(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, value=71.0, day=0)
    write_run(base, value=70.0, day=1)
    write_run(base, value=50.0, day=2, dataset=dataset_of(3))  # verify --limit 3
    write_run(base, value=None, day=3, status="error", measurements=[])
    write_run(head, value=70.0)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"], comparison["base"]) == (0, "same", 70.0)


@pytest.mark.parametrize("status", ["started", "interrupted", "not_run", "error"])
def test_a_run_that_failed_is_no_regression(
    base: Path, head: Path, run_cli: RunCli, status: str
) -> None:
    write_run(base)
    write_run(head, day=1)
    write_run(head, day=2, status=status, measurements=[], reason="the disk\nis full")
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "failed")
    assert comparison["basis"] == "the disk\nis full"
    assert comparison["head"] is None


def test_a_run_that_failed_before_it_knew_its_metrics(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    write_run(base)
    write_run(head, status="error", measurements=[], asked=AccuracyAsked())
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "failed")
    assert "the run failed" in comparison["basis"]


def test_a_value_that_is_no_number_is_a_failure(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base)
    write_run(head, value=None)
    assert answer(run_cli, base, head)[0] == 3


def test_missing_and_new_rows(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, W18)
    write_run(head, W48)
    code, content = answers(run_cli, base, head)
    outcomes = {c["row"]: c["outcome"] for c in content["comparisons"]}
    assert (code, outcomes) == (3, {W18: "missing", W48: "new"})
    assert answers(run_cli, base, head, "--row", W48)[0] == 0


def test_a_failed_run_of_another_metric_does_not_count(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    write_run(base)
    write_run(head, day=0)
    failed: dict[str, Any] = {"status": "error", "measurements": []}
    write_run(head, day=1, metric="miou_ms_flip", **failed)
    code, content = answers(run_cli, base, head)
    outcomes = {c["metric"]: c["outcome"] for c in content["comparisons"]}
    assert (code, outcomes) == (3, {"miou_ms_flip": "failed", "miou": "same"})
    assert answers(run_cli, base, head, "--metrics", "miou")[0] == 0


def test_a_regression_is_told_though_another_run_failed(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    write_run(base, W18)
    write_run(base, W48)
    write_run(head, W18, 60.0)
    code, content = answers(run_cli, base, head)
    assert code == 1
    assert [c["outcome"] for c in content["comparisons"]] == ["worse", "missing"]


def test_editions_are_not_mixed(base: Path, head: Path, run_cli: RunCli) -> None:
    row = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"
    write_run(base, row, 35.0, metric="box_ap", edition="readme")
    write_run(head, row, 35.0, metric="box_ap", edition="readme", day=0)
    write_run(head, row, 20.0, metric="box_ap", edition="later", day=1)
    code, content = answers(run_cli, base, head)
    outcomes = {c["edition"]: c["outcome"] for c in content["comparisons"]}
    assert (code, outcomes) == (0, {"later": "new", "readme": "same"})


def test_damaged_images_are_no_regression(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, value=images(20, 5, 0.3))
    path = write_run(head, value=images(20, 5, 0.5)).with_suffix(".images.jsonl")
    path.write_bytes(path.read_bytes()[:-10])
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert str(path) in comparison["basis"]


@pytest.mark.parametrize("count", [19, 20])
def test_images_of_another_run_are_not_believed(
    base: Path, head: Path, run_cli: RunCli, count: int
) -> None:
    write_run(base, value=images(20, 6, 0.3))
    path = write_run(head, value=images(20, 6, 0.3)).with_suffix(".images.jsonl")
    write_images(path, "miou", images(count, 6, 0.6))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert str(path) in comparison["basis"]


LINES: dict[str, Any] = {
    "the name is a list": {"name": ["image 0"]},
    "the results are a number": {"name": "image 0", "results": 3},
    "the result of a protocol is a number": {"name": "image 0", "results": {"single": 3}},
    "the counts of version 1 are a number": {"name": "image 0", "counts": 3},
    "the counts of a metric are a number": {"name": "image 0", "counts": {"miou": 3}},
    "there are no results": {"name": "image 0"},
    "the line is a list": ["name"],
    "the line is a number": 3,
    "too many classes": {"name": "image 0", "results": {"single": "99999999 c-muN"}},
    "no number of classes": {"name": "image 0", "results": {"single": "c-muN"}},
    "no code": {"name": "image 0", "results": {"single": "7 \N{SNOWMAN}"}},
}


@pytest.mark.parametrize("line", LINES)
def test_lines_of_another_shape_are_damage(
    base: Path, head: Path, run_cli: RunCli, line: str
) -> None:
    """With right checksums: somebody, or another version, wrote them."""
    made = images(5, 5, 0.3)
    write_run(base, value=made)
    path = write_run(head, value=made).with_suffix(".images.jsonl")
    lines = path.read_bytes().splitlines()
    text = json.dumps(LINES[line]).encode()
    lines[1] = b"%08x %s" % (zlib.crc32(text), text)
    path.write_bytes(b"\n".join([*lines, b""]))
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert str(path) in comparison["basis"]


def test_another_number_of_classes_is_no_regression(
    base: Path, head: Path, run_cli: RunCli
) -> None:
    made = images(5, 5, 0.3)
    wider = [SparseCounts.of(np.pad(image.dense(), ((0, 1), (0, 1)))) for image in made]
    path = write_run(base, value=made)
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    value = record.measurements[0].value
    write_run(
        head, value=wider, measurements=[Measurement(metric="miou", value=value, protocol=PROTOCOL)]
    )
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert "19 and 20 classes" in comparison["basis"]


@pytest.mark.parametrize("count", [3, 11])
def test_the_last_of_the_runs_of_one_second_counts(
    base: Path, head: Path, run_cli: RunCli, count: int
) -> None:
    write_run(base, value=70.0)
    for number in range(count, 1, -1):
        path = write_run(head, value=70.0 if number == count else 50.0)
        path.rename(path.with_name(f"{path.stem}-{number}.json"))
    write_run(head, value=50.0)
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (0, "same")
    assert comparison["head_record"].endswith(f"Z-{count}.json")


def test_a_value_that_was_edited_is_noticed(base: Path, head: Path, run_cli: RunCli) -> None:
    write_run(base, value=images(20, 7, 0.3))
    edited = Measurement(metric="miou", value=9.0, protocol=PROTOCOL)
    write_run(head, value=images(20, 7, 0.3), measurements=[edited])
    code, comparison = answer(run_cli, base, head)
    assert (code, comparison["outcome"]) == (3, "not_comparable")
    assert "does not add up" in comparison["basis"]
