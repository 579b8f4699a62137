"""What timings say of the machine, and how they are kept and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.timings import (
    all_could_be_run,
    remarks,
    timing_as_text,
    timings_as_json,
)
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.timing.machine_state import Watch
from hrnet_zoo.timing.observations import (
    Agreement,
    GpuState,
    InputTimed,
    MachineState,
    SamplingUsed,
    TwinSamples,
    VariantTimed,
    Work,
)

CPU = torch.device("cpu")


@pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="only Linux tells")
def test_the_work_of_others_is_seen() -> None:
    busy = "import time\nend = time.time() + 60\nwhile time.time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", busy]) as other:
        try:
            watch = Watch(CPU)
            time.sleep(0.8)
            state = watch.state()
        finally:
            other.kill()
    assert state.num_processors >= 1
    assert state.others is not None
    # The other process may have had to share a processor with still others.
    assert 0.2 < state.others < state.num_processors + 0.5


def test_too_short_a_look_says_nothing_about_others() -> None:
    state = Watch(CPU).state()
    assert state.others is None
    assert state.gpu_not_read is None


class FakeNvml:
    """As much of nvidia-ml-py as is used, with a GPU that is hot and shared."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0
    NVML_PERF_POLICY_POWER, NVML_PERF_POLICY_THERMAL = 0, 1
    NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_FOUND, NVML_ERROR_DRIVER_NOT_LOADED = 3, 6, 9
    NVML_ERROR_GPU_IS_LOST, NVML_ERROR_RESET_REQUIRED, NVML_ERROR_GPU_NOT_FOUND = 15, 16, 28

    class NVMLError(Exception):
        def __init__(self, text: str, value: int) -> None:
            super().__init__(text)
            self.value = value

    def __init__(
        self, *, broken: bool = False, processes: Sequence[int] = (), reasons: int = 0
    ) -> None:
        self._broken = broken
        self._processes = processes
        self.reasons = reasons
        self.uuids = {"GPU-1-2": "GPU"}
        self.held_back_ns = {0: 10**12, 1: 0}
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.is_lost = False

    def nvmlInit(self) -> None:  # noqa: N802 - the library's name
        self.asked.append(("nvmlInit", ()))
        if self._broken:
            msg = "Driver Not Loaded"
            raise self.NVMLError(msg, self.NVML_ERROR_DRIVER_NOT_LOADED)

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802 - likewise
        if uuid not in self.uuids:
            msg = "Not Found"
            raise self.NVMLError(msg, self.NVML_ERROR_NOT_FOUND)
        return self.uuids[uuid]

    def nvmlDeviceGetViolationStatus(self, _gpu: str, policy: int) -> object:  # noqa: N802
        return SimpleNamespace(violationTime=self.held_back_ns[policy])

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlShutdown": None,
            "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": "GPU",
            "nvmlDeviceGetClockInfo": 1200,
            "nvmlDeviceGetMaxClockInfo": 1980,
            "nvmlDeviceGetCurrentClocksThrottleReasons": self.reasons,
            "nvmlDeviceGetComputeRunningProcesses": [
                SimpleNamespace(pid=number) for number in self._processes
            ],
        }

        def call(*arguments: object) -> object:
            self.asked.append((name, arguments))
            if self.is_lost:
                msg = "GPU is lost"
                raise self.NVMLError(msg, self.NVML_ERROR_GPU_IS_LOST)
            if name not in answers:
                msg = "Not Supported"
                raise self.NVMLError(msg, self.NVML_ERROR_NOT_SUPPORTED)
            return answers[name]

        return call

    def times_asked(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _device: SimpleNamespace(uuid="1-2")
    )
    return torch.device("cuda", 0)


def test_a_gpu_tells_what_slows_it_down(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = FakeNvml(processes=[-1, os.getpid()], reasons=0x1 | 0x4 | 0x40)
    monkeypatch.setitem(sys.modules, "pynvml", hot)
    machine = Watch(pretended_gpu).state()
    assert machine.gpu_not_read is None
    assert machine.gpu_before == machine.gpu_after
    assert machine.gpu_after == GpuState(
        sm_clock_mhz=1200,
        max_sm_clock_mhz=1980,
        memory_clock_mhz=1200,
        temperature_c=None,
        throttle_reasons=["power cap", "thermal (hardware)"],
        other_processes=1,
    )


@pytest.mark.parametrize(
    ("processes", "others"),
    [([os.getpid()], 0), ([-2, os.getpid(), -1], 2), ([-1], None), ([], None)],
)
def test_other_processes_are_counted_only_where_this_one_is_seen(
    pretended_gpu: torch.device,
    monkeypatch: pytest.MonkeyPatch,
    processes: list[int],
    others: int | None,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(processes=processes))
    state = Watch(pretended_gpu).state().gpu_before
    assert state is not None
    assert state.other_processes == others


def test_a_gpu_that_is_throttled_for_a_while_only_is_noticed(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml(processes=[os.getpid()])
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr("hrnet_zoo.timing.machine_state._BETWEEN_LOOKS", 0.01)
    looks = "nvmlDeviceGetCurrentClocksThrottleReasons"
    with Watch(pretended_gpu) as watch:
        # While samples are taken nobody asks for it: a thread looks.
        for reasons in (0x4, 0x2, 0):
            nvml.reasons, before = reasons, nvml.times_asked(looks)
            until(lambda before=before: nvml.times_asked(looks) >= before + 2)  # type: ignore[misc]
        machine = watch.state()
        asked = nvml.times_asked(looks)
        time.sleep(0.05)
        assert nvml.times_asked(looks) == asked
    assert machine.throttled_by == ["power cap"]
    assert machine.clocks_set_by == ["application clocks"]
    assert machine.gpu_clock_mhz == 1200
    assert nvml.times_asked("nvmlInit") == nvml.times_asked("nvmlShutdown") == 1
    said = " ".join(remarks(record(machine=machine)))
    assert "the GPU was throttled: power cap" in said
    assert "the GPU's clocks were set below its highest: application clocks" in said


def until(happened: Callable[[], bool]) -> None:
    """Wait for a thread."""
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_thread_that_looks_ends_with_what_it_looks_at(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    with suppress(KeyboardInterrupt), Watch(pretended_gpu):
        assert "watch" in [thread.name for thread in threading.enumerate()]
        raise KeyboardInterrupt
    assert "watch" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(("held_back_s", "throttled_by"), [(2.5, ["thermal"]), (0.002, [])])
def test_the_seconds_that_limits_took_are_counted(
    pretended_gpu: torch.device,
    monkeypatch: pytest.MonkeyPatch,
    held_back_s: float,
    throttled_by: list[str],
) -> None:
    nvml, now = FakeNvml(processes=[os.getpid()]), 100.0
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr("hrnet_zoo.timing.machine_state.time.monotonic", lambda: now)
    watch = Watch(pretended_gpu)
    now += 10
    nvml.held_back_ns[1] += int(held_back_s * 1e9)
    machine = watch.state()
    assert machine.gpu_held_back_s == {"power cap": 0.0, "thermal": held_back_s}
    assert machine.watched_s == 10
    assert machine.throttled_by == throttled_by
    said = " ".join(remarks(record(machine=machine)))
    assert f"lowered the GPU's clocks in 10 s of timing: thermal {held_back_s} s" in said


def test_a_part_of_a_gpu_is_found_and_its_clocks_are_those_of_the_whole(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml(processes=[os.getpid()])
    nvml.uuids = {"MIG-1-2": "part"}
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    machine = Watch(pretended_gpu).state()
    assert machine.gpu_not_read is None
    assert machine.gpu_after is not None
    assert (machine.gpu_after.sm_clock_mhz, machine.gpu_after.other_processes) == (1200, 0)
    asked = {name: arguments[0] for name, arguments in nvml.asked if arguments}
    assert asked["nvmlDeviceGetDeviceHandleFromMigDeviceHandle"] == "part"
    assert asked["nvmlDeviceGetComputeRunningProcesses"] == "part"
    assert asked["nvmlDeviceGetClockInfo"] == asked["nvmlDeviceGetTemperature"] == "GPU"


def test_a_gpu_that_vanishes_meanwhile_says_so_and_costs_nothing(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with Watch(pretended_gpu) as watch:
        nvml.is_lost = True
        machine = watch.state()
    assert machine.gpu_before is not None
    assert machine.gpu_after is None
    assert machine.gpu_not_read == "NVML: GPU is lost"
    said = " ".join(remarks(record(machine=machine)))
    assert "processes of the GPU were not read: NVML: GPU is lost" in said


def test_a_gpu_whose_processes_are_hidden_says_so() -> None:
    gpu = GpuState(
        sm_clock_mhz=1, max_sm_clock_mhz=2, memory_clock_mhz=1, temperature_c=90,
        throttle_reasons=[], other_processes=None,
    )  # fmt: skip
    machine = record().machine.model_copy(update={"gpu_before": gpu, "gpu_after": gpu})
    assert remarks(record(machine=machine)) == [
        "whether other processes computed on the GPU could not be told"
    ]
    assert machine.trouble is None
    assert machine.unknown == "whether other processes computed on the GPU could not be told"


def test_a_gpu_that_cannot_be_read_is_said_so(
    pretended_gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(broken=True))
    with Watch(pretended_gpu) as watch:
        machine = watch.state()
    assert machine.gpu_not_read == "NVML: Driver Not Loaded"
    monkeypatch.setitem(sys.modules, "pynvml", None)
    machine = Watch(pretended_gpu).state()
    assert machine.gpu_before is machine.gpu_after is None
    assert "hrnet-zoo[gpu]" in (machine.gpu_not_read or "")


def record(**changes: Any) -> TimingRecord:
    seconds = [0.02 + 0.0001 * (i % 7) for i in range(40)]
    documented = VariantTimed(
        name="documented",
        engine="torch",
        precision="fp32",
        description="",
        outcome="timed",
        is_warm=True,
        seconds=seconds,
    )
    fast = documented.model_copy(
        update={
            "name": "fast",
            "seconds": [s / 2 for s in seconds],
            "agreement": Agreement(share=1.0, num_compared=4, largest_logit_difference=1e-5),
        }
    )
    return TimingRecord(
        row="fcn_hr18s_512x1024_40k_cityscapes",
        task="segmentation",
        documented_fps="23.74",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        finished_at=datetime(2026, 1, 1, tzinfo=UTC),
        device="cuda:0 (H200)",
        num_threads=1,
        weights="published",
        input=InputTimed(
            images=["a.png"],
            image_size=(1024, 2048),
            network_input=(1024, 2048),
            scale=(2048, 1024),
            is_documented_scale=True,
        ),
        sampling=SamplingUsed(limit_s=60, precision=0.005, stopped_by="precision", elapsed_s=9),
        variants=[documented, fast],
        machine=MachineState(num_processors=2, load_before=0, load_after=0.0, others=0.0),
    ).model_copy(update=changes)


def test_the_text_shows_median_interval_speed_up_and_the_documented_fps() -> None:
    text = timing_as_text(record(), Path("r.json"))
    line = next(line for line in text.splitlines() if line.startswith("  fast"))
    for part in ("10.15", "98.52", "2.000 (2.000 to 2.000)", "100.0000%, logits within 1e-05"):
        assert part in line
    assert "documented fps: 23.74, measured by the authors on a V100; not comparable" in text
    assert remarks(record()) == []
    assert all_could_be_run(record())


def test_the_text_says_on_a_cpu_how_many_threads_there_were_and_how_they_waited() -> None:
    set_ = Environment(variables={"GOMP_SPINCOUNT": "1000", "PYTORCH_X": "1"})
    text = timing_as_text(record(device="cpu", environment=set_), Path("r.json"))
    assert " on cpu, 1 thread, GOMP_SPINCOUNT=1000: input 2048 x 1024" in text


def test_the_text_counts_the_images_of_a_batch() -> None:
    documented, fast = record().variants
    batched = fast.model_copy(update={"batch": 4})
    text = timing_as_text(record(variants=[documented, batched]), Path("r.json"))
    line = next(line for line in text.splitlines() if line.startswith("  fast"))
    for part in ("10.15", "394.1", "8.000 (8.000 to 8.000)"):
        assert part in line


def test_a_throttled_or_shared_gpu_says_so() -> None:
    gpu = GpuState(
        sm_clock_mhz=1, max_sm_clock_mhz=2, memory_clock_mhz=1, temperature_c=90,
        throttle_reasons=["power cap"], other_processes=2,
    )  # fmt: skip
    machine = record().machine.model_copy(update={"gpu_after": gpu, "others": 1.5})
    said = " ".join(remarks(record(machine=machine)))
    for part in ("throttled: power cap", "shared: other processes computing on it: 2", "1.5 of 2"):
        assert part in said


def test_a_machine_that_drifts_or_stays_cold_says_so() -> None:
    documented, fast = record().variants
    slower = documented.model_copy(
        update={"seconds": [0.02 + 0.001 * i for i in range(40)], "is_warm": False}
    )
    said = " ".join(remarks(record(variants=[slower, fast])))
    assert "changed its speed meanwhile (documented)" in said
    assert "still warming up when sampling began, as far as one can tell: documented" in said


def test_samples_that_depend_on_each_other_are_said_to() -> None:
    documented, fast = record().variants
    waves = documented.model_copy(
        update={"seconds": [0.02 + 0.0001 * (i // 5 % 2) + 1e-6 * (i % 5) for i in range(40)]}
    )
    (remark,) = remarks(record(variants=[waves, fast]))
    assert remark.startswith("samples depend on each other (documented), so that fewer count")


def test_an_aa_run_says_how_much_processes_differ() -> None:
    pairs = [(0.100, 0.102), (0.102, 0.100), (0.100, 0.102)]
    twins = [
        TwinSamples(first_s=[first] * 8, second_s=[second] * 9, separate=True)
        for first, second in pairs
    ]
    found = record(variants=[], sampling=None, twins=twins)
    text = timing_as_text(found, Path())
    # Of logarithms: ln(1.02) / sqrt(2); Student's 3.18 for three pairs times ln(1.02).
    assert "in 6 processes: their medians differ by 1.40% (standard deviation)" in text
    assert "less than 6.5% between two single processes means nothing here" in text
    (row,) = json.loads(timings_as_json([(found, Path())], {}))
    assert row["twins"]["between_processes"] == pytest.approx(0.0140, abs=1e-4)
    assert row["twins"]["false_alarms"] is None
    assert all_could_be_run(found)
    short = TwinSamples(first_s=[0.1] * 8, second_s=[0.1] * 5, separate=True)
    few = record(variants=[], sampling=None, twins=[*twins, short])
    assert not all_could_be_run(few)
    assert "1 pairs had fewer than 6 rounds: pass more --limit-seconds" in timing_as_text(
        few, Path()
    )


def test_more_false_alarms_than_chance_allows_are_called_noise() -> None:
    slow, fast = [0.02] * 10, [0.01] * 10
    same = TwinSamples(first_s=fast, second_s=fast)
    other = TwinSamples(first_s=slow, second_s=fast)
    calm = record(variants=[], sampling=None, twins=[same] * 19 + [other])
    assert "1 of 20 pairs seem to differ; up to 3 would by chance" in timing_as_text(calm, Path())
    assert "only noise" not in timing_as_text(calm, Path())
    loud = record(variants=[], sampling=None, twins=[same] * 16 + [other] * 4)
    assert "only noise" in timing_as_text(loud, Path())


WORK = Work(multiply_adds=10**9, peak_gflops=200, copy_gbs=40)


def limits(work: Work = WORK, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Return what text and JSON say of a variant that takes 20 ms, thus makes 100 GFLOP/s."""
    documented, _ = record().variants
    variant = documented.model_copy(update={"seconds": [0.02] * 9, **changes})
    timed = record(variants=[variant], work=work)
    text = timing_as_text(timed, Path("r.json"))
    (row,) = json.loads(timings_as_json([(timed, Path("r.json"))], {}))
    return text, row["variants"][0]


def test_a_gpu_that_waits_makes_a_variant_launch_bound() -> None:
    text, shown = limits(gpu_busy=0.41, bytes_moved=400_000_000)
    assert (
        "\n  documented: launch-bound: the GPU was busy for 41 % of the time, 100 GFLOP/s (50 % of "
        "the ceiling), 20 GB/s (50 % of the ceiling)\n"
    ) in text
    assert shown["limit"] == "launch-bound"
    assert shown["gpu_busy"] == 0.41
    # The host decodes the image meanwhile; there is nothing to launch.
    assert limits(gpu_busy=0.41, name="documented-loading")[1]["limit"] == "host-bound"


@pytest.mark.parametrize("gpu_busy", [0.97, None])
def test_the_nearer_ceiling_is_the_limit(gpu_busy: float | None) -> None:
    text, shown = limits(gpu_busy=gpu_busy, bytes_moved=300_000_000)
    assert shown["limit"] == "compute-bound"
    assert "documented: compute-bound: " in text
    assert "100 GFLOP/s (50 % of the ceiling), 15 GB/s (38 % of the ceiling)" in text
    assert shown["gflops"] == pytest.approx(100)
    assert shown["gflops_share"] == pytest.approx(0.5)
    text, shown = limits(gpu_busy=gpu_busy, bytes_moved=700_000_000)
    assert shown["limit"] == "memory-bound"
    assert "documented: memory-bound: " in text
    assert shown["gbs"] == pytest.approx(35)
    assert shown["gbs_share"] == pytest.approx(0.875)


def test_far_from_both_ceilings_neither_is_blamed() -> None:
    slow = Work(multiply_adds=10**9, peak_gflops=1000, copy_gbs=400)
    text, shown = limits(slow, bytes_moved=700_000_000)
    assert shown["limit"] is None
    assert (
        "documented: far from both ceilings: 100 GFLOP/s (10 % of the ceiling), 35 GB/s (9 " in text
    )


def test_fused_operators_get_no_bytes_per_second() -> None:
    text, shown = limits(name="compile", engine="compile")
    assert "\n  compile: 100 GFLOP/s (50 % of the ceiling)\n" in text
    assert "no GB/s of compile: " in text
    assert shown["limit"] is shown["gbs"] is shown["gbs_share"] is None


def test_half_precision_has_a_ceiling_of_its_own() -> None:
    half: dict[str, Any] = {"name": "fast-bf16", "precision": "bf16", "bytes_moved": 400_000_000}
    text, shown = limits(**half)
    assert "\n  fast-bf16: 100 GFLOP/s, 20 GB/s (50 % of the ceiling)\n" in text
    assert shown["limit"] is shown["gflops_share"] is None
    text, shown = limits(WORK.model_copy(update={"other_gflops": {"bf16": 800.0}}), **half)
    assert "FP32 200 GFLOP/s, BF16 800, a large copy 40 GB/s" in text
    assert "fast-bf16: memory-bound: 100 GFLOP/s (12 % of the ceiling), 20 GB/s (50 %" in text
    assert shown["gflops_share"] == pytest.approx(0.125)


def test_uploads_are_shown_where_they_were_measured() -> None:
    rates = {"pinned_upload_gbs": 24.6, "pageable_upload_gbs": 8.1}
    text, _ = limits(WORK.model_copy(update=rates))
    assert "40 GB/s, an upload from pinned memory 24.6 GB/s, an upload from pageable me" in text
    assert "upload" not in limits()[0]


def test_a_batch_counts_as_many_multiply_adds_and_its_own_bytes() -> None:
    shown = limits(batch=2, bytes_moved=400_000_000)[1]
    assert shown["gflops"] == pytest.approx(200)
    assert shown["gbs"] == pytest.approx(20)


def test_a_record_from_before_bytes_were_counted_is_still_shown() -> None:
    timed = record(work=WORK)
    old = timed.model_dump(mode="json", exclude={"work": {"copy_gbs", "other_gflops"}})
    for variant in old["variants"]:
        del variant["bytes_moved"], variant["gpu_busy"]
    text = timing_as_text(TimingRecord.model_validate_json(json.dumps(old)), Path("r.json"))
    assert "rough ceilings: FP32 200 GFLOP/s\n" in text
    assert "documented: 99 GFLOP/s (49 % of the ceiling)\n" in text


def test_a_record_without_the_later_fields_is_read(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    old = json.loads(record().model_dump_json())
    for field in ("edition", "trained", "keeps_freed_memory"):
        del old[field]
    path.write_text(json.dumps(old))
    assert read_record(path) == record()


def test_a_record_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "row" / "timings" / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text(record().model_dump_json())
    assert [read.row for read in read_records(tmp_path, TimingRecord)] == [record().row]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 3}))
    with pytest.raises(RecordError, match="newer hrnet-zoo"):
        read_record(path)
