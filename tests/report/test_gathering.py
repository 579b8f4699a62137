"""Which run counts, what is left out, and what histories keep."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from made_up_zoo import write_zoo
from verdicts.test_verdicts import ROW, measurement, record

from hrnet_zoo.records.accuracy import AccuracyAsked, AccuracyRecord
from hrnet_zoo.records.files import write_record
from hrnet_zoo.report.html.chart_drawing import DOCUMENTED, HERE, delta_points, row_points
from hrnet_zoo.report.html.details import SHOWN, class_tables, spark, thinned
from hrnet_zoo.report.html.gathering import Claim, Gathered, gather, verdict_counts
from hrnet_zoo.report.html.worst import worst_pictures
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.scored import ClassFigures, Interval
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.manifest import load_zoo

pytestmark = pytest.mark.usefixtures("taken_as_sound")

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def gathered(folder: Path, *records: AccuracyRecord) -> Gathered:
    """Write records, one a day, and gather them."""
    for day, made in enumerate(records):
        started = made.model_copy(update={"started_at": BEGIN + timedelta(days=day)})
        write_record(started, folder / made.row / f"{day}.json")
    return gather(load_zoo(), folder)


def claim_of(found: Gathered, metric: str = "miou", edition: str = "readme") -> Claim:
    (claim,) = [
        claim
        for claim in found.claims
        if (claim.row.name, claim.metric, claim.row.edition) == (ROW.name, metric, edition)
    ]
    return claim


def record_with(value: float, **changes: Any) -> AccuracyRecord:
    return record(measurement(value), **changes)


@pytest.mark.parametrize(
    ("records", "counting", "verdict"),
    [
        ([record_with(77.2), record_with(77.25)], 1, Verdict.MATCH),
        ([record_with(77.2), record_with(70.0)], 1, Verdict.MISMATCH_WORSE),
        # Nothing that cannot be compared stands before what can.
        ([record_with(77.2), record_with(77.2, images=10)], 0, Verdict.MATCH),
        ([record_with(77.2), record_with(77.2, status="error")], 0, Verdict.MATCH),
        ([record_with(77.2, images=10), record(status="interrupted")], 0, Verdict.NOT_COMPARABLE),
    ],
)
def test_the_latest_comparable_run_counts(
    tmp_path: Path, records: list[AccuracyRecord], counting: int, verdict: Verdict
) -> None:
    claim = claim_of(gathered(tmp_path, *records))
    assert claim.judgement.verdict is verdict
    assert claim.run is claim.runs[counting]
    assert claim.record is not None
    assert claim.record.started_at == BEGIN + timedelta(days=counting)


def test_a_run_that_failed_counts_for_what_it_was_asked(tmp_path: Path) -> None:
    failed = record(status="error", reason="out of memory", asked=AccuracyAsked(metrics=["miou"]))
    found = gathered(tmp_path, failed)
    assert claim_of(found).judgement.verdict is Verdict.ERROR
    assert claim_of(found).judgement.reason == "out of memory"
    assert claim_of(found, "miou_ms_flip").judgement.verdict is Verdict.NOT_RUN


@pytest.mark.parametrize("metrics", [3, [["miou"]], {"miou": 1}, ["of another version"]])
def test_old_arguments_that_are_not_metrics_do_no_harm(tmp_path: Path, metrics: object) -> None:
    old = record(status="error").model_dump(mode="json", exclude={"asked", "kind"})
    path = tmp_path / ROW.name / "1.json"
    path.parent.mkdir()
    path.write_text(json.dumps(old | {"schema_version": 1, "arguments": {"metrics": metrics}}))
    found = gather(load_zoo(), tmp_path)
    assert found.num_records == 1
    assert claim_of(found).runs == ()


def test_every_documented_accuracy_has_one_verdict(tmp_path: Path) -> None:
    found = gathered(tmp_path, record_with(77.2))
    counts = verdict_counts(found.claims)
    columns = sum(
        sum(c in METRICS and METRICS[c].protocol is not None for c in t.columns.values())
        * len(found.zoo.rows_of(t))
        for t in found.zoo.tables
    )
    assert sum(counts.values()) == len(found.claims) == columns
    assert counts[Verdict.MATCH] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_a_problem_and_in_no_chart(tmp_path: Path, value: float) -> None:
    made = record_with(77.2).model_dump(mode="json")
    made["measurements"][0]["value"] = value
    made["measurements"][0]["interval"] = {
        "low": -value, "high": value, "level": 0.95, "resamples": 9,
    }  # fmt: skip
    path = tmp_path / ROW.name / "1.json"
    path.parent.mkdir()
    path.write_text(json.dumps(made))
    found = gather(load_zoo(), tmp_path)
    claim = claim_of(found)
    assert claim.judgement.verdict is Verdict.NOT_RUN
    assert [problem.path for problem in found.problems] == [f"{ROW.name}/1.json"]
    assert delta_points(found.claims) == []


def test_a_record_of_an_unknown_row_or_edition_is_a_problem(tmp_path: Path) -> None:
    unknown = record_with(77.2, row="fcn_hr18_512x1024_40k_cityscape")
    no_later = record_with(77.2, edition="later")
    found = gathered(tmp_path, unknown, no_later)
    assert found.num_records == 0
    reasons = [problem.reason for problem in found.problems]
    assert "Close: fcn_hr18_512x1024_40k_cityscapes" in reasons[0]
    assert "has no later edition" in reasons[1]


def test_accuracy_is_measured_only_where_it_can_be_compared(tmp_path: Path) -> None:
    part = gathered(tmp_path / "part", record_with(50.0, images=10))
    full = gathered(tmp_path / "full", record_with(77.3))
    for found, value, source in ((part, 77.19, DOCUMENTED), (full, 77.3, HERE)):
        (point,) = [point for point in row_points(found) if point.row == ROW.name]
        assert (point.accuracy, point.accuracy_is) == (value, source)


def test_differences_have_the_interval_of_the_record(tmp_path: Path) -> None:
    interval = Interval(low=76.5, high=78.0, level=0.95, resamples=1000)
    made = measurement(77.3).model_copy(update={"interval": interval})
    (point,) = delta_points(gathered(tmp_path, record(made)).claims)
    assert (point.delta, point.low, point.high) == (0.11, -0.69, 0.81)
    assert point.tolerance == 0.105


def test_a_long_history_keeps_its_ends_and_its_changes(tmp_path: Path) -> None:
    values = [77.2] * 100
    values[40] = 70.0
    claim = claim_of(gathered(tmp_path, *map(record_with, values)))
    shown = thinned(claim.runs, claim.run)
    assert len(shown) == SHOWN
    assert shown == sorted(shown, key=lambda run: run.started_at)
    assert (shown[0], shown[-1]) == (claim.runs[0], claim.runs[-1])
    assert {claim.runs[40], claim.runs[41]} <= set(shown)
    assert len(claim.runs) == 100
    assert [run is claim.run for run in shown].count(True) == 1
    drawn = spark(shown)
    assert drawn is not None
    assert drawn.lowest == pytest.approx(-7.19)
    assert drawn.points.count(",") == SHOWN


def test_a_short_history_is_whole(tmp_path: Path) -> None:
    claim = claim_of(gathered(tmp_path, *[record_with(77.2)] * SHOWN))
    assert thinned(claim.runs, claim.run) == list(claim.runs)


def test_class_scores_are_shaded_from_lowest_to_highest(tmp_path: Path) -> None:
    scores = {"road": 98.0, "rider": 40.0, "train": None, "car": 69.0}
    classes = [
        ClassFigures(name=n, figures={"iou": s, "accuracy": None}) for n, s in scores.items()
    ]
    made = record(measurement(77.2).model_copy(update={"classes": classes}))
    (table,) = class_tables(gathered(tmp_path, made).claims)
    assert table.columns == [("hr18_512x1024_40k", ROW.name)]
    shades = {name: cells[0] for name, cells in table.lines}
    assert shades == {
        "road": ("98.0", 9), "rider": ("40.0", 0), "train": ("-", None), "car": ("69.0", 5),
    }  # fmt: skip


def test_data_that_differ_between_full_runs_are_marked(tmp_path: Path) -> None:
    first, second, part = record_with(77.2), record_with(77.2), record_with(77.2, images=10)
    assert second.dataset is not None
    other = second.dataset.model_copy(update={"fingerprint": "1" * 64})
    second = second.model_copy(update={"dataset": other})
    seen = gathered(tmp_path, first, second, part, first).fingerprints
    assert [(f.num_images, f.runs.count, f.is_odd_one) for f in seen] == [
        (500, 2, True), (500, 1, True), (10, 1, False),
    ]  # fmt: skip


def test_pictures_beyond_the_budget_are_counted_not_shown(tmp_path: Path) -> None:
    write_zoo(tmp_path, runs=1)
    found = gather(load_zoo(), tmp_path)
    saved = len(list(tmp_path.glob("*/*.worst/*.png")))
    everything = worst_pictures(tmp_path, found.claims, budget=10**8)
    assert (len(everything.pictures), everything.num_left_out) == (saved, 0)
    none = worst_pictures(tmp_path, found.claims, budget=10)
    assert (none.pictures, none.num_left_out) == ([], saved)


def test_speeds_are_of_one_machine_and_known_rows(tmp_path: Path) -> None:
    write_zoo(tmp_path, runs=1, pictures=False)
    paths = sorted(tmp_path.glob("*/timings/*.json"))
    timing = json.loads(paths[0].read_text())
    paths[1].write_text(json.dumps(timing | {"row": "nothing"}))
    timing["variants"][0]["seconds"] = [0.0] * 20
    paths[2].write_text(json.dumps(timing))
    paths[3].write_text("")
    found = gather(load_zoo(), tmp_path)
    assert len(found.speeds) == len(paths) - 3
    assert {problem.path for problem in found.problems} == {
        path.relative_to(tmp_path).as_posix() for path in paths[1:3]
    }
    assert found.speeds[timing["row"]].path == paths[0].relative_to(tmp_path).as_posix()
