from __future__ import annotations

import dataclasses

import pytest
import torch

from hrnet_zoo.doctor import gpus
from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.gpus import Gpu, gpu, nvml
from hrnet_zoo.system.wording import GIB

H200 = Gpu(device="cuda:0", name="NVIDIA H200", capability=(9, 0), free=139 * GIB, total=140 * GIB)


def test_a_gpu_that_computes_is_one_line() -> None:
    (finding,) = gpu(H200, wanted=True)
    assert finding.state is State.FINE
    assert finding.found == "NVIDIA H200, sm_90; computes; 139.0 of 140.0 GiB free"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_gpu_that_does_not_compute_is_broken_if_it_was_asked_for(wanted: bool) -> None:
    failing = dataclasses.replace(H200, failure="no kernel image is available")
    (finding,) = gpu(failing, wanted=wanted)
    assert finding.state is (State.BROKEN if wanted else State.NOTE)
    assert finding.found == "NVIDIA H200, sm_90: no kernel image is available"


def test_a_slice_and_other_programs_are_told() -> None:
    mig = dataclasses.replace(H200, name="NVIDIA H200 MIG 1g.18gb", free=4 * GIB, total=16 * GIB)
    _, sliced, memory = gpu(mig, wanted=True)
    assert (sliced.name, sliced.state) == ("cuda:0 MIG", State.NOTE)
    assert (memory.name, memory.state) == ("cuda:0 memory", State.NOTE)
    assert "12.0 GiB are in use" in memory.found


def test_nvml() -> None:
    assert nvml("cuda:0", None).state is State.FINE
    finding = nvml("cuda:0", "NVML: Driver/library version mismatch")
    assert finding.state is State.NOTE
    assert 'pip install "hrnet-zoo[gpu]"' in str(finding.remedy)


@pytest.mark.parametrize(("device", "name"), [("cpu", "--device cpu"), ("auto", "--device auto")])
def test_without_a_gpu_the_cpu_is_fine(
    monkeypatch: pytest.MonkeyPatch, device: str, name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (finding,) = gpus.check(device)
    assert (finding.name, finding.state, finding.found) == (name, State.FINE, "the CPU")


def test_a_gpu_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    (finding,) = gpus.check("cuda:3")
    assert finding.state is State.BROKEN
    assert 'The device "cuda:3" was asked for' in finding.found
