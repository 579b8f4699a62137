from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from hrnet_zoo.doctor import torch_build
from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.torch_build import Cuda, cuda, cudnn, tf32

OLD_DRIVER = Cuda(
    built_for="13.0",
    usable=False,
    num_gpus=2,
    driver="535.104.05",
    refusal="RuntimeError: The NVIDIA driver on your system is too old (found version 12020)",
)


def test_a_driver_too_old_is_told_with_both_versions_and_what_to_do() -> None:
    finding = cuda(OLD_DRIVER, "auto")
    assert finding.state is State.BROKEN
    assert "built for CUDA 13.0, which wants driver 580 or newer" in finding.found
    assert "2 GPUs with driver 535.104.05" in finding.found
    assert "too old (found version 12020)" in finding.found
    assert "Update the NVIDIA driver to 580 or newer, or install a torch" in str(finding.remedy)


def test_a_cuda_of_the_future_is_no_surprise() -> None:
    finding = cuda(dataclasses.replace(OLD_DRIVER, built_for="14.1"), "auto")
    assert "Update the NVIDIA driver to one of its time" in str(finding.remedy)


def test_a_driver_that_is_new_enough_is_not_blamed() -> None:
    facts = dataclasses.replace(
        OLD_DRIVER, driver="580.95.05", refusal="RuntimeError: system not yet initialized"
    )
    finding = cuda(facts, "auto")
    assert finding.state is State.BROKEN
    assert "system not yet initialized" in finding.found
    assert "The driver is new enough" in str(finding.remedy)


def test_who_asked_for_the_cpu_can_do_with_an_old_driver() -> None:
    assert cuda(OLD_DRIVER, "cpu").state is State.NOTE


@pytest.mark.parametrize(
    ("facts", "state", "said"),
    [
        (Cuda(built_for=None, usable=False, num_gpus=0), State.FINE, "there is no NVIDIA GPU"),
        (Cuda(built_for="12.8", usable=False, num_gpus=0), State.FINE, "there is no NVIDIA GPU"),
        (Cuda(built_for=None, usable=False, num_gpus=1), State.NOTE, "but there is a GPU"),
        (
            Cuda(built_for="12.8", usable=False, num_gpus=1, visible=""),
            State.NOTE,
            'CUDA_VISIBLE_DEVICES="" hides a GPU',
        ),
        (
            Cuda(built_for="12.8", usable=True, num_gpus=1, driver="570.1"),
            State.FINE,
            "built for CUDA 12.8, driver 570.1; sees a GPU",
        ),
    ],
)
def test_other_builds(facts: Cuda, state: State, said: str) -> None:
    finding = cuda(facts, "auto")
    assert finding.state is state
    assert said in finding.found


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build  (x)",
    ],
)
def test_linux_tells_the_driver_where_nvml_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    (tmp_path / "version").write_text(f"{line}\nGCC version:  gcc version 12.2.0\n")
    monkeypatch.setattr(torch_build, "_PROC_DRIVER", tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    facts = torch_build.cuda_here()
    assert (facts.num_gpus, facts.driver) == (1, "535.104.05")
    assert facts.refusal


@pytest.mark.parametrize(
    ("version", "said"), [(92400, "9.24.0"), (91002, "9.10.2"), (8902, "8.9.2")]
)
def test_versions_of_cudnn(version: int, said: str) -> None:
    assert cudnn(version, None, needed=True).found == said


def test_another_cudnn_than_torchs_counts_where_there_is_a_gpu() -> None:
    failure = "RuntimeError: cuDNN version incompatibility"
    assert cudnn(None, failure, needed=True).state is State.BROKEN
    finding = cudnn(None, failure, needed=False)
    assert finding.state is State.NOTE
    assert "LD_LIBRARY_PATH" in str(finding.remedy)


def test_tf32_from_outside_is_a_note() -> None:
    assert tf32({}, "none", "tf32").state is State.FINE
    finding = tf32({"NVIDIA_TF32_OVERRIDE": "1"}, "none", "tf32")
    assert (finding.state, finding.found) == (State.NOTE, "NVIDIA_TF32_OVERRIDE=1")
    assert "Unset NVIDIA_TF32_OVERRIDE" in str(finding.remedy)
