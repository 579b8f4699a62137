"""What is copied to a GPU comes from pinned memory, and so does what comes back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

import hrnet_zoo.demo
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing import bottlenecks, transfers
from hrnet_zoo.timing.inputs import image_from_file
from hrnet_zoo.timing.transfers import Download
from hrnet_zoo.timing.variants import DOCUMENTED, Recipe
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = load_zoo(hrnet_zoo.demo.MANIFEST).rows
IMAGE = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))[0]
CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
FAST = Recipe(name="fast", fast=True)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let ordinary memory stand for pinned memory; return a list of the bytes of each piece."""
    pieces: list[int] = []

    def allocate(size: int) -> Tensor:
        pieces.append(size)
        return torch.empty(size, dtype=torch.uint8)

    def pin(tensor: Tensor) -> Tensor:
        pieces.append(tensor.nbytes)
        return tensor.clone()

    monkeypatch.setattr(transfers, "_pinned", allocate)
    monkeypatch.setattr(Tensor, "pin_memory", pin)
    return pieces


def test_results_come_back_through_memory_that_is_used_again(
    pinned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[torch.device] = []
    stream = SimpleNamespace(synchronize=lambda: waited.append(CUDA))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: stream)
    download = Download(CUDA, pinned=True)
    results = (
        [torch.rand(3, 4), torch.arange(5), torch.rand(2, 3).t() > 0.5],
        [torch.rand(2, 4), torch.arange(3), torch.rand(0, 7) > 0.5],
        [torch.rand(9, 4), torch.arange(5), torch.rand(1, 6) > 0.5],
    )
    for tensors in results:
        for array, tensor in zip(download(*tensors), tensors, strict=True):
            assert array.dtype == tensor.numpy().dtype
            assert np.array_equal(array, tensor.numpy())
    # Only what is larger than all before it needs more memory.
    assert [size for size in pinned if size] == [48, 40, 6, 144]
    assert waited == [CUDA] * 3


def test_on_a_cpu_and_in_the_documented_way_nothing_is_pinned(pinned: list[int]) -> None:
    for download in (Download(CPU, pinned=True), Download(CUDA, pinned=False)):
        (array,) = download(torch.ones(3))
        assert array.tolist() == [1, 1, 1]
    assert pinned == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.task)
def test_inputs_are_pinned_as_upstream_does_and_always_for_fast_variants(
    row: Row, pinned: list[int]
) -> None:
    networks = TASKS[row.task].networks
    bench = networks.timed(
        row.setup, networks.build(row.setup), [image_from_file(IMAGE)], None, CPU
    )
    bench.batch(0, FAST)
    assert pinned == []
    bench._device = CUDA
    given = bench.batch(0, FAST)
    assert pinned == [given.nbytes]
    assert given.is_contiguous(memory_format=torch.channels_last)
    bench.batch(0, DOCUMENTED)
    assert len(pinned) == (1 if row.task == "detection" else 2)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.task)
def test_inputs_are_not_waited_for(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = TASKS[row.task].networks
    bench = networks.timed(
        row.setup, networks.build(row.setup), [image_from_file(IMAGE)], None, CPU
    )
    to, asked = Tensor.to, []

    def move(tensor: Tensor, *arguments: object, **more: object) -> Tensor:
        if arguments == (CPU,):
            asked.append(more)
        return to(tensor, *arguments, **more)  # type: ignore[call-overload, no-any-return]

    variant = bench.variant(DOCUMENTED)
    monkeypatch.setattr(Tensor, "to", move)
    variant.run()
    assert asked == [{"non_blocking": True}]


def test_both_rates_of_uploads_are_measured_on_a_gpu(
    pinned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("peak_gflops", "copy_gbs"):
        monkeypatch.setattr(bottlenecks, name, lambda *_: 1.0)
    monkeypatch.setattr(bottlenecks, "_shortest", lambda work, _device: work() is None or 0.5)
    zeros = torch.zeros_like
    monkeypatch.setattr(torch, "zeros_like", lambda like, device: zeros(like))  # noqa: ARG005
    work = bottlenecks.measure_work(lambda: None, [], CUDA, Silent())
    assert work is not None
    assert work.pinned_upload_gbs == work.pageable_upload_gbs == round(2**25 / 0.5e9, 3)
    assert pinned == [2**25]
    work = bottlenecks.measure_work(lambda: None, [], CPU, Silent())
    assert work is not None
    assert work.pinned_upload_gbs is work.pageable_upload_gbs is None
