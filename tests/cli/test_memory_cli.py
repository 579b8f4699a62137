"""The command line of memory, and its verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.stored_runs import memory_of
from support.trees import RunCli

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.memory.peaks import MeasuredPeak
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.runs import memory as row_memory
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.verdicts.memory import MemoryVerdict, judge_memory
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
ITS_TWIN = "fcn_hr18s_512x1024_80k_cityscapes"
MASK = "mask_rcnn_hrnetv2p_w18_1x_coco"
FIELDS = {
    "name",
    "documented_train_memory_gb",
    "predicted_train_memory_gb",
    "measured_train_memory_gb",
    "inference_peak_gib",
    "how",
}


@pytest.fixture
def predictions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The next predictions in GiB, instead of the real ones, which take a while."""
    queue: list[float] = []
    monkeypatch.setattr(row_memory, "predicted_peak", lambda _: int(queue.pop(0) * GIB))
    return queue


def test_json_says_what_is_documented_predicted_and_how(
    run_cli: RunCli, predictions: list[float]
) -> None:
    predictions += [1.66, 0.5]
    finished = run_cli("memory", NAME, "--device", "cpu", "--format", "json")
    assert finished.code == 0
    [row] = json.loads(finished.out)
    assert row.keys() >= FIELDS
    assert row["documented_train_memory_gb"] == 1.7
    assert row["predicted_train_memory_gb"] == 1.66
    assert row["measured_train_memory_gb"] is None
    assert (row["inference_peak_gib"], row["inference_peak_is"]) == (0.5, "predicted")
    assert row["verdict"] == "consistent"
    assert (row["how"]["samples_per_gpu"], row["how"]["size_hw"]) == (2, [512, 1024])
    assert len(row["how"]["assumptions"]) > 3


def test_every_row_leaves_a_record(run_cli: RunCli, predictions: list[float]) -> None:
    predictions += [1.66, 0.5]
    arguments = ("memory", NAME, ITS_TWIN, "--device", "cpu", "--output", "mine")
    rows = json.loads(run_cli(*arguments, "--format", "json").out)
    first, second = (read_record(Path(row["record"])) for row in rows)
    assert isinstance(first, MemoryRecord)
    assert (first.row, first.device, first.documented) == (NAME, "cpu", "1.7")
    assert (first.training.predicted, first.training.measured) == (int(1.66 * GIB), None)
    assert first.environment.packages["torch"]
    assert second.row == ITS_TWIN
    assert [r.row for r in read_records(Path("mine"), MemoryRecord)] == [NAME, ITS_TWIN]
    listed = run_cli("records", "list", "--records", "mine")
    assert listed.code == 0
    assert "predicted 1.66 GiB" in listed.out
    shown = run_cli("records", "show", NAME, "--records", "mine")
    assert "consistent with the table" in shown.out
    assert run_cli("report", "tables", "--records", "mine").code == 0


def test_an_interrupted_run_leaves_nothing(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(row_memory, "predicted_peak", stop)
    assert run_cli("memory", NAME, "--device", "cpu").code == 130
    assert list(Path("reports").glob("**/*.json")) == []


def test_text_states_the_tolerance_and_the_assumptions(
    run_cli: RunCli, predictions: list[float]
) -> None:
    predictions += [1.66, 0.5]
    out = run_cli("memory", NAME, "--device", "cpu").out
    assert "consistent with the table" in out
    assert "0.88-1.02" in out
    assert "that of 6 other segmentors of w18_small is off by as much" in out
    assert "cross entropy" in out
    assert "one image or window of 1024 x 2048" in out


def test_rows_that_train_alike_are_predicted_once(
    run_cli: RunCli, predictions: list[float]
) -> None:
    predictions += [1.66, 0.5]
    finished = run_cli("memory", NAME, ITS_TWIN, "--device", "cpu", "--format", "json")
    rows = json.loads(finished.out)
    assert [row["predicted_train_memory_gb"] for row in rows] == [1.66, 1.66]
    # The second has an empty cell: one that is documented is enough for an answer.
    assert [row["verdict"] for row in rows] == ["consistent", "not_documented"]
    assert finished.code == 0


def test_outside_the_tolerance(run_cli: RunCli, predictions: list[float]) -> None:
    predictions += [1.45, 0.5]
    finished = run_cli("memory", NAME, "--device", "cpu")
    assert finished.code == 1
    assert "outside the tolerance" in finished.out


def test_nothing_to_compare_with(run_cli: RunCli, predictions: list[float]) -> None:
    predictions += [1.6, 0.5]
    finished = run_cli("memory", ITS_TWIN, "--device", "cpu")
    assert finished.code == 3
    assert "not documented" in finished.out


def test_a_detector_says_what_is_made_up(run_cli: RunCli, predictions: list[float]) -> None:
    predictions += [6.7, 0.4]
    finished = run_cli("memory", MASK, "--device", "cpu", "--format", "json")
    [row] = json.loads(finished.out)
    assert (row["inference_peak_gib"], row["inference_peak_is"]) == (0.4, "predicted")
    said = " ".join(row["how"]["assumptions"])
    for assumption in ("512 regions", "128 of them positive", "93 annotated", "800 x 1344"):
        assert assumption in said
    assert row["how"]["size_hw"] == [800, 1344]
    said = " ".join(row["how"]["inference_assumptions"])
    for assumption in ("1000 regions", "100 objects", "800 x 1344"):
        assert assumption in said


def test_a_gpu_that_is_not_there_gives_no_prediction(run_cli: RunCli) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    finished = run_cli("memory", NAME, "--device", "cuda")
    assert finished.code == 3
    assert "no CUDA GPU" in finished.err


@pytest.mark.parametrize("arguments", [[], [NAME, "--all"]])
def test_names_or_all(run_cli: RunCli, arguments: list[str]) -> None:
    assert run_cli("memory", *arguments).code == 2


def test_a_measurement_counts_before_the_prediction_and_more_strictly() -> None:
    row, record = load_zoo().row(NAME), memory_of(NAME, predicted_gib=1.6)
    assert judge_memory(row, record).verdict is MemoryVerdict.CONSISTENT
    peaks = {"predicted": int(1.7 * GIB), "measured": int(1.6 * GIB)}
    training = record.training.model_copy(update=peaks)
    judged = judge_memory(row, record.model_copy(update={"training": training}))
    assert judged.verdict is MemoryVerdict.OUTSIDE
    assert judged.ratio == pytest.approx(1.6 / 1.7)


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("hrnet_zoo.system.devices.require_usable", lambda _device: None)
    monkeypatch.setattr(row_memory, "describe_device", lambda _device: "cuda:0 (a GPU)")
    monkeypatch.setattr(row_memory, "describe_environment", lambda _variables: Environment())


@pytest.mark.usefixtures("pretended_gpu")
def test_on_a_gpu_both_numbers_are_shown(
    run_cli: RunCli, predictions: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions += [1.66, 0.5]
    peak = MeasuredPeak(allocated=int(1.72 * GIB), tensors=int(1.6875 * GIB), reserved=2 * GIB)
    peaks = iter([peak] * 2)
    monkeypatch.setattr(row_memory, "measured_peak", lambda *_: next(peaks))
    finished = run_cli("memory", NAME, "--format", "json")
    [row] = json.loads(finished.out)
    assert row["measured_train_memory_gb"] == row["inference_peak_gib"] == 1.72
    assert (row["inference_peak_is"], row["inference_reserved_gib"]) == ("measured", 2.0)
    assert row["predicted_train_memory_gb"] == 1.66
    assert row["measured_train_tensors_gib"] == pytest.approx(1.6875, abs=1e-3)
    shown = run_cli("records", "show", NAME)
    assert "of what was measured, tensors held 1.68" in shown.out
    assert "made it 0.03" in shown.out


@pytest.mark.parametrize(
    ("tensors", "measured", "verdict"),
    [
        (None, 1.90, MemoryVerdict.OUTSIDE),  # as an old record says it
        (1.70, 1.90, MemoryVerdict.CONSISTENT),
        (1.75, 1.90, MemoryVerdict.CONSISTENT),
        (1.76, 1.90, MemoryVerdict.OUTSIDE),
        (1.50, 1.66, MemoryVerdict.CONSISTENT),
        (1.50, 1.64, MemoryVerdict.OUTSIDE),
    ],
)
def test_the_documented_value_may_lie_between_tensors_and_all_that_was_allocated(
    tensors: float | None, measured: float, verdict: MemoryVerdict
) -> None:
    row, record = load_zoo().row(NAME), memory_of(NAME)
    peaks = {"measured": int(measured * GIB), "tensors": tensors and int(tensors * GIB)}
    training = record.training.model_copy(update=peaks)
    judged = judge_memory(row, record.model_copy(update={"training": training}))
    assert judged.verdict is verdict
    assert ("cuDNN" in judged.describe_tolerance()) == (tensors is not None)


def test_each_row_is_shown_when_it_is_done(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = [1.66, 0.5]

    def predicted(_: object) -> int:
        if not queue:
            raise KeyboardInterrupt
        return int(queue.pop(0) * GIB)

    monkeypatch.setattr(row_memory, "predicted_peak", predicted)
    finished = run_cli("memory", NAME, MASK, "--device", "cpu")
    assert finished.code == 130
    titles, _, line = finished.out.splitlines()
    assert line.split()[:3] == [NAME, "1.7", "1.660"]
    assert line.index("1.660") + 5 == titles.index("predicted") + len("predicted")
    assert MASK not in finished.out


@pytest.mark.usefixtures("pretended_gpu")
def test_a_row_that_does_not_fit_the_gpu_is_predicted_still(
    run_cli: RunCli, predictions: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object) -> MeasuredPeak:
        msg = "it does not fit"
        raise PrerequisiteError(msg)

    predictions += [1.66, 0.5]
    monkeypatch.setattr(row_memory, "measured_peak", too_large)
    finished = run_cli("memory", NAME)
    assert finished.code == 3
    assert "not measured: it does not fit" in finished.out
    assert "1.660" in finished.out


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from hrnet_zoo.cli import main\n"
        "sys.argv = ['hrnet-zoo', 'memory', '--help']\nmain()"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert finished.returncode == 0
