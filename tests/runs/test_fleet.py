"""Several devices share a run: the same numbers, and nothing lost when one of them is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.accuracy import read_record
from support.breaking import Breaking
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.errors import DatasetError, PrerequisiteError, UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.runs import fleet
from hrnet_zoo.runs.fleet import Fleet
from hrnet_zoo.runs.looking import Look
from hrnet_zoo.system.devices import resolve_devices
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = load_zoo(MANIFEST).rows
CLASSIFIER = ROWS[2]


def verified(run_cli: RunCli, row: Row, device: str, output: Path, *more: object) -> AccuracyRecord:
    finished = run_cli(
        "verify", row.name, "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--device", device,
        "--output", output, "--limit", 10, *more,
    )  # fmt: skip
    assert "Traceback" not in finished.err
    (path,) = output.rglob("*Z.json")
    return read_record(path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setup.task)
def test_several_devices_give_what_one_gives(tmp_path: Path, run_cli: RunCli, row: Row) -> None:
    alone = verified(run_cli, row, "cpu", tmp_path / "alone")
    shared = verified(run_cli, row, "cpu:0,1", tmp_path / "shared", "--worst", 1)
    assert shared.measurements == alone.measurements
    assert shared.dataset == alone.dataset
    assert sum(shared.images_by_device.values()) == 10
    assert list(shared.images_by_device) == ["cpu:0", "cpu:1"]
    assert shared.settings is not None
    assert shared.settings.device == "cpu:0, cpu:1"
    assert shared.remarks == []
    assert len(list((tmp_path / "shared").rglob("01_*.png"))) == 1


def looking_at_twelve() -> Fleet:
    """Return two processes for the first twelve images of the demo's classifier."""
    setup, task = CLASSIFIER.setup, TASKS[CLASSIFIER.setup.task]
    samples = task.open_data(setup, DATA_ROOT)
    look = Look(
        name=CLASSIFIER.name,
        setup=setup,
        metrics=["top1"],
        checkpoint=next((MANIFEST.parent / "checkpoints").glob("hrnet-w2s*.pth")),
        data_folder=DATA_ROOT,
        num_workers=1,
    )
    names = [samples.name_of(i) for i in range(12)]
    return Fleet(look, [torch.device("cpu", 0), torch.device("cpu", 1)], names)


def look_at_twelve(
    monkeypatch: pytest.MonkeyPatch, how: str, lost: int = 1
) -> tuple[Fleet, list[str], list[str]]:
    """Let two processes look at twelve images, one of which breaks; return it, wanted and found."""
    monkeypatch.setattr(fleet, "_work", Breaking(how, lost))
    with looking_at_twelve() as several:
        return several, list(several._index_of), [e.name for e in several.results(range(12))]


def test_images_may_come_in_several_rounds() -> None:
    with looking_at_twelve() as several:
        first = [result.name for result in several.results(range(8))]
        of_first = several.seconds
        second = [result.name for result in several.results(range(8, 12))]
        of_both = several.seconds
    assert len({*first, *second}) == sum(several.images_by_device.values()) == 12
    # Processes say what all of their images took, which must not be added twice.
    assert of_first.forward < of_both.forward < 2 * of_first.forward
    assert of_first.wall < of_both.wall


@pytest.mark.parametrize(
    ("how", "lost", "said"),
    [
        ("killed", 0, "its process ended by itself (killed by SIGKILL)"),
        ("full", 1, "cpu:1 ran out of memory on an image of 9 x 9 pixels"),
    ],
)
def test_the_others_do_the_images_of_a_lost_device(
    monkeypatch: pytest.MonkeyPatch, how: str, lost: int, said: str
) -> None:
    several, names, found = look_at_twelve(monkeypatch, how, lost)
    assert sorted(found) == names
    (remark,) = several.remarks
    assert remark.startswith(f"cpu:{lost} was lost after ")
    assert remark.endswith(f"{said}; the others did the rest")
    assert several.images_by_device[f"cpu:{1 - lost}"] >= 8
    # Pictures come from one that is left.
    assert [str(worker.device) for worker in several._workers] == [f"cpu:{1 - lost}"]
    assert several.in_this_process().device == torch.device("cpu")


def test_a_damaged_file_ends_the_run_on_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetError, match=r"a\.png cannot be decoded"):
        look_at_twelve(monkeypatch, "damaged")


def test_without_any_device_the_reasons_are_said(
    tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    record = verified(run_cli, CLASSIFIER, "cuda:0,1", tmp_path)
    assert record.status == "not_run"
    assert (record.reason or "").startswith("No device is left. cuda:")
    assert (record.reason or "").count("was lost after 0 images: The device cuda:") == 2


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("cuda:0,0", UsageError, "names a device twice"),
        ("cuda:0,9", PrerequisiteError, "no cuda:9. Leave it out, or use cuda:all"),
        ("cuda:0,x", UsageError, "is not a list of devices"),
        ("gpu:0,1", UsageError, "is not a list of devices"),
    ],
)
def test_devices_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], said: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(error, match=said):
        resolve_devices(name, Silent())


def test_all_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    found = resolve_devices("cuda:all", Silent())
    assert [str(device) for device in found] == ["cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(PrerequisiteError, match="torch sees no CUDA GPU here"):
        resolve_devices("cuda:all", Silent())


@pytest.mark.parametrize("command", ["time", "predict", "memory", "demo"])
def test_other_commands_stay_on_one_device(run_cli: RunCli, command: str) -> None:
    given = [] if command == "demo" else ["--zoo", MANIFEST, CLASSIFIER.name]
    given += ["x.png"] if command == "predict" else []
    finished = run_cli(command, *given, "--device", "cpu:0,1")
    assert finished.code == 2
    assert "use auto, cpu, cuda or cuda:N, one only here" in finished.err


def test_a_trace_is_of_one_device(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "verify", CLASSIFIER.name, "--zoo", MANIFEST, "--data-root", DATA_ROOT,
        "--device", "cpu:0,1", "--profile", tmp_path / "trace.json", "--output", tmp_path,
    )  # fmt: skip
    assert finished.code == 2
    assert "--profile traces one device" in finished.err
