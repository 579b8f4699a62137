"""hrnet-zoo fps from timing records: which of them count, and which are left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli.test_fps_cli import JUDGED, W18, times
from support.trees import RunCli

from hrnet_zoo.records.files import new_record_path, write_record
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.timing.observations import (
    GpuState,
    InputTimed,
    MachineState,
    TwinSamples,
    VariantTimed,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GPU = "cuda:0 (NVIDIA H200)"
IDLE = GpuState(
    sm_clock_mhz=1980,
    max_sm_clock_mhz=1980,
    memory_clock_mhz=3201,
    temperature_c=40,
    throttle_reasons=[],
    other_processes=0,
)


FASTER = "faster_rcnn_hrnetv2p_w18_1x_coco"


def timed(name: str, seconds: Sequence[float]) -> VariantTimed:
    return VariantTimed(
        name=name,
        engine="torch",
        precision="fp32",
        description="",
        outcome="timed" if seconds else "unavailable",
        seconds=list(seconds),
    )


def save(
    folder: Path, name: str, seconds: Sequence[float], day: int = 0, **changes: object
) -> Path:
    """Write a record of a row on a GPU; ``changes`` replace fields."""
    began = BEGIN + timedelta(days=day)
    record = TimingRecord(
        row=name,
        task="segmentation",
        documented_fps=None,
        started_at=began,
        finished_at=began,
        device=GPU,
        num_threads=2,
        weights="filled",
        input=input_of(documented=True),
        sampling=None,
        variants=[timed("fast", [1e-5, 1e-5, 1e-5]), timed("documented", seconds)],
        machine=MachineState(
            num_processors=16, load_before=0, load_after=0, others=0,
            gpu_before=IDLE, gpu_after=IDLE,
        ),
        environment=Environment(cpu="Fast CPU", packages={"torch": "2.0"}),
    )  # fmt: skip
    path = new_record_path(folder, name, began, "timing")
    write_record(record.model_copy(update=changes), path)
    return path


def input_of(*, documented: bool) -> InputTimed:
    return InputTimed(
        images=["drawn"],
        image_size=(1024, 2048),
        network_input=(1024, 2048),
        scale=(2048, 1024),
        is_documented_scale=documented,
    )


def on_gpu(**changes: object) -> MachineState:
    """Return a machine whose GPU ended in another state."""
    return MachineState(
        num_processors=16, load_before=0, load_after=0, others=0,
        gpu_before=IDLE, gpu_after=IDLE.model_copy(update=changes),
    )  # fmt: skip


UNUSABLE: dict[str, dict[str, Any]] = {
    "an A/A run": {"variants": [], "twins": [TwinSamples(first_s=[1.0], second_s=[1.0])]},
    "timed as the later edition": {"edition": "later"},
    "the documented variant was not timed": {"variants": [timed("fast", [1.0])]},
    "not the documented scale": {"input": input_of(documented=False)},
    "the GPU was shared": {"machine": on_gpu(other_processes=1)},
    "the GPU was throttled": {"machine": on_gpu(throttle_reasons=["power cap"])},
    "the machine was shared": {"machine": on_gpu().model_copy(update={"others": 0.9})},
}


def seconds_per_image(out: str) -> dict[str, float]:
    return {entry["name"]: entry["seconds_per_image"] for entry in json.loads(out)}


def test_records_give_what_a_file_of_their_medians_gives(tmp_path: Path, run_cli: RunCli) -> None:
    entries = times(*JUDGED)
    for entry in entries:
        seconds = entry["seconds_per_image"]
        save(tmp_path / "records", entry["name"], [9 * seconds, seconds, 0.9 * seconds])
    file = tmp_path / "times.json"
    file.write_text(json.dumps(entries))
    by_file = run_cli("fps", file, "--format", "json")
    by_records = run_cli("fps", "--records", tmp_path / "records", "--format", "json")
    assert by_records.code == by_file.code == 0
    assert json.loads(by_records.out) == json.loads(by_file.out)
    assert f"times of {len(entries)} rows" in by_records.err
    assert "left out" not in by_records.err


def test_of_a_detector_loading_counts_as_it_did_for_the_readme(run_cli: RunCli) -> None:
    both = [timed("documented", [1.0, 1.0, 1.0]), timed("documented-loading", [3.0, 3.0, 3.0])]
    save(Path("reports/records"), FASTER, [1.0], variants=both)
    finished = run_cli("fps", "--format", "json")
    assert seconds_per_image(finished.out) == {FASTER: 3.0}


def test_the_latest_record_counts_and_the_default_folder_is_that_of_time(run_cli: RunCli) -> None:
    folder = Path("reports/records")
    save(folder, W18, [2.0, 2.0, 2.0], day=2)
    save(folder, W18, [1.0, 1.0, 1.0], day=1)
    new_record_path(folder, W18, BEGIN + timedelta(days=3), "timing")  # of a run that goes on
    finished = run_cli("fps", "--format", "json")
    assert finished.code == 3  # one row is too few for a verdict
    assert seconds_per_image(finished.out) == {W18: 2.0}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_unusable_records_are_left_out(tmp_path: Path, run_cli: RunCli, reason: str) -> None:
    save(tmp_path, W18, [1.0], day=2, **UNUSABLE[reason])
    finished = run_cli("fps", "--records", tmp_path)
    assert finished.code == 3
    assert f"holds no usable record of documented times: {reason} (1)." in finished.err
    save(tmp_path, W18, [0.5], day=1)
    finished = run_cli("fps", "--records", tmp_path, "--format", "json")
    assert seconds_per_image(finished.out) == {W18: 0.5}
    assert f"records left out: {reason} (1)" in finished.err


@pytest.mark.parametrize(
    "machine",
    [
        on_gpu(throttle_reasons=["application clocks"], other_processes=None),
        on_gpu().model_copy(update={"gpu_clocks_lowered_by": ["display clocks"], "others": 0.8}),
    ],
)
def test_clocks_that_somebody_set_are_no_reason_to_leave_a_record_out(
    tmp_path: Path, run_cli: RunCli, machine: MachineState
) -> None:
    save(tmp_path, W18, [0.5], machine=machine)
    finished = run_cli("fps", "--records", tmp_path, "--format", "json")
    assert seconds_per_image(finished.out) == {W18: 0.5}


@pytest.mark.parametrize(
    "other",
    [
        {"device": "cuda:0 (Tesla V100)"},
        {"device": "cpu"},
        {"environment": Environment(cpu="Slow CPU", packages={"torch": "2.0"})},
        {"environment": Environment(cpu="Fast CPU", packages={"torch": "1.9"})},
        {"keeps_freed_memory": True},
    ],
    ids=str,
)
def test_machines_do_not_mix(tmp_path: Path, run_cli: RunCli, other: dict[str, Any]) -> None:
    save(tmp_path, W18, [1.0], day=1, **other)
    save(tmp_path, W18.replace("40k", "80k"), [1.0], day=2, **other)
    save(tmp_path, W18, [0.5], day=3)
    finished = run_cli("fps", "--records", tmp_path, "--format", "json")
    assert seconds_per_image(finished.out) == {W18: 0.5}
    assert f"on {GPU}, Fast CPU, torch 2.0\n" in finished.err
    assert finished.err.count("left out, another machine: ") == 1


def test_no_records_and_two_sources_are_explained(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("fps", "--records", tmp_path / "none")
    assert finished.code == 3
    assert 'Time rows with "hrnet-zoo time"' in finished.err
    finished = run_cli("fps", tmp_path / "times.json", "--records", tmp_path)
    assert finished.code == 2
    assert "not both" in finished.err
