"""A device that cannot be used, and memory that does not suffice: explained, never a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.trees import RunCli

import hrnet_zoo.demo
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import is_out_of_memory, resolve_device
from hrnet_zoo.tasks.detection import evaluation as evaluated_detection
from hrnet_zoo.tasks.detection import timed as detection
from hrnet_zoo.tasks.segmentation import evaluation as segmentation
from hrnet_zoo.tasks.segmentation import timed as timed_segmentation
from hrnet_zoo.timing import inputs
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, _ = (row.name for row in load_zoo(hrnet_zoo.demo.MANIFEST).rows)
DEMO = ("--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cpu", "--output", "records")
BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be"


def failing(error: Exception) -> Callable[..., object]:
    def fail(*_arguments: object, **_options: object) -> object:
        raise error

    return fail


@pytest.fixture
def busy_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a GPU on which nothing can be allocated."""
    allocate = torch.empty

    @functools.wraps(allocate)
    def empty(*size: int, device: torch.device | None = None) -> torch.Tensor:
        if device == torch.device("cuda", 0):
            raise RuntimeError(BUSY)
        return allocate(*size, device=device)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "empty", empty)


@pytest.mark.usefixtures("busy_gpu")
@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_busy_gpu_is_explained_and_not_replaced(name: str) -> None:
    with pytest.raises(
        PrerequisiteError, match=r"cuda:0 cannot be used: .* busy or unavailable\. Another process"
    ):
        resolve_device(name)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.usefixtures("busy_gpu")
@pytest.mark.parametrize("command", ["time", "memory"])
def test_commands_on_a_busy_gpu_end_with_one_sentence(run_cli: RunCli, command: str) -> None:
    finished = run_cli(command, SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda:0")
    assert finished.code == 3
    assert "The device cuda:0 cannot be used: CUDA error: CUDA-capable" in finished.err
    assert "Traceback" not in finished.err


def numpy_without_memory() -> Exception:
    with pytest.raises(MemoryError) as raised:
        np.empty(2**60, dtype=np.uint8)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("std::bad_alloc"),
        cv2.error("OpenCV(4.10) alloc.cpp: error: (-4:Insufficient memory) Failed to allocate 9"),
        MemoryError(),
        numpy_without_memory(),
    ],
    ids=str,
)
def test_running_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED"),
        PrerequisiteError("cpu ran out of memory on an input of 9 x 9 pixels"),  # explained already
    ],
    ids=str,
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (inputs, "_draw"),
        (timed_segmentation, "resize_keep_ratio"),
        (timed_segmentation, "to_network_input"),
        (detection, "resize_keep_ratio"),
        (detection, "padded_input"),
    ],
)
def test_making_a_timed_image_ready_without_memory_names_the_size(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, module: object, function: str
) -> None:
    monkeypatch.setattr(module, function, failing(numpy_without_memory()))
    name = DETECTOR if module is detection else SEGMENTOR
    finished = run_cli("time", name, *DEMO, "--scale", "640x320", "--limit-seconds", 0.5)
    assert finished.code == 3
    assert "Main memory ran out while images for a box of 640 x 320 pixels" in finished.err
    assert not list(Path("records").rglob("*.json"))


def test_an_image_that_no_file_can_hold_is_not_drawn(run_cli: RunCli) -> None:
    finished = run_cli("time", SEGMENTOR, *DEMO, "--scale", "99999x99999")
    assert finished.code == 3
    assert "An image of 99999 x 66666 pixels would have to be drawn" in finished.err


@pytest.mark.parametrize(
    ("name", "module", "stage"),
    [
        (SEGMENTOR, segmentation, "resized_images"),
        (DETECTOR, evaluated_detection, "resize_keep_ratio"),
    ],
)
def test_decoding_without_memory_says_so(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, name: str, module: object, stage: str
) -> None:
    monkeypatch.setattr(module, stage, failing(numpy_without_memory()))
    finished = run_cli(
        "verify", name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root", hrnet_zoo.demo.DATA_ROOT,
        "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert finished.code == 3
    said = finished.err + finished.out
    assert "Main memory ran out while image 1 of the data set was decoded" in said


@pytest.mark.parametrize("stage", ["class_scores", "count_pairs"])
def test_an_evaluation_without_memory_names_the_image(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    error = RuntimeError("CUDA error: out of memory")
    monkeypatch.setattr(segmentation, stage, failing(error))
    finished = run_cli(
        "verify", SEGMENTOR, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--device", "cpu", "--limit", 1,
    )  # fmt: skip
    assert finished.code == 3
    assert "cpu ran out of memory on an image of 270 x 180 pixels" in finished.err + finished.out
