"""Bytes that operators move, and how busy a GPU was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hrnet_zoo.profiling import gpu_busy as busy_module
from hrnet_zoo.profiling.gpu_busy import covered, gpu_busy
from hrnet_zoo.profiling.sampling import Subject
from hrnet_zoo.profiling.traffic import bytes_moved
from hrnet_zoo.profiling.work import copy_gbs

CPU = torch.device("cpu")
PIXELS = 6 * 8


def test_the_bytes_of_a_small_network_are_those_counted_by_hand() -> None:
    conv = nn.Conv2d(3, 5, 3, padding=1)
    norm = nn.BatchNorm2d(5).eval()
    image = torch.rand(2, 3, 6, 8)

    def network() -> object:
        x = norm(conv(image))
        y = x.relu()
        y += x
        return y.view(2, 5, PIXELS).transpose(1, 2)[:, :10].softmax(dim=2)

    maps = 2 * 5 * PIXELS
    by_hand = {
        "convolution": 2 * 3 * PIXELS + (5 * 3 * 3 * 3 + 5) + maps,
        "BatchNorm": maps + 4 * 5 + maps,
        "ReLU": maps + maps,
        "sum in place": maps + maps + maps,
        "softmax of a part": 2 * 5 * 10 + 2 * 5 * 10,
    }
    assert bytes_moved(network) == 4 * sum(by_hand.values())


NUMBERS = torch.rand(4, 6)
TARGET = torch.zeros(4, 6)


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (lambda: NUMBERS.view(24)[2:].unsqueeze(0).detach(), 0),
        (lambda: NUMBERS.reshape(6, 4).contiguous().to(torch.float32).size(), 0),
        (lambda: torch.empty(9), 0),
        (lambda: NUMBERS.clone().unsqueeze_(0), 96 + 96),
        (lambda: NUMBERS.t().contiguous(), 96 + 96),
        (lambda: NUMBERS.to(torch.bfloat16), 96 + 48),
        (lambda: NUMBERS + NUMBERS[:, :1].expand(4, 6), 96 + 16 + 96),
        (lambda: torch.cat([NUMBERS, NUMBERS]), 96 + 96 + 192),
        (lambda: TARGET.copy_(NUMBERS), 96 + 96),
        (TARGET.zero_, 96),
        (TARGET.relu_, 96 + 96),
        (lambda: torch.add(NUMBERS, NUMBERS, out=TARGET), 96 + 96 + 96),
        (lambda: NUMBERS.argmax(dim=1), 96 + 32),
        (NUMBERS[0, 0].item, 4),
    ],
)
def test_every_kind_of_operator_moves_what_it_has_to(
    work: Callable[[], object], expected: int
) -> None:
    assert bytes_moved(work) == expected


def test_a_copy_takes_memory_and_not_caches() -> None:
    # Twice the fastest memory of today; caches of a few kilobytes would seem faster.
    assert 0.01 < copy_gbs(CPU) < 2000


@pytest.mark.parametrize(
    ("intervals", "length"),
    [
        ([], 0.0),
        ([(1, 3)], 2.0),
        ([(0, 1), (2, 4)], 3.0),
        ([(2, 4), (0, 1)], 3.0),
        ([(0, 2), (1, 3)], 3.0),
        ([(0, 10), (2, 3), (4, 12)], 12.0),
        ([(0, 1), (1, 2)], 2.0),
        ([(5, 5), (0, 1), (0, 1)], 1.0),
    ],
)
def test_kernels_of_several_streams_count_once(
    intervals: list[tuple[float, float]], length: float
) -> None:
    assert covered(intervals) == length


def test_the_question_of_a_busy_gpu_does_not_arise_on_a_cpu() -> None:
    assert gpu_busy(Subject(name="any", run=lambda: 1 / 0), CPU) is None


def test_only_kernels_and_copies_keep_a_gpu_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def event(kind: str, begin: int, end: int, *, annotation: bool = False) -> SimpleNamespace:
        return SimpleNamespace(
            device_type=SimpleNamespace(name=kind),
            time_range=SimpleNamespace(start=begin, end=end),
            is_user_annotation=annotation,
        )

    seen = [
        event("CPU", 0, 1_000_000),
        event("CUDA", 0, 1_000_000, annotation=True),
        event("CUDA", 100_000, 400_000),
        event("CUDA", 300_000, 500_000),
    ]
    clock = iter([0.0, 9.0, 20.0, 21.0])
    recorded = SimpleNamespace(events=lambda: seen)
    monkeypatch.setattr(busy_module, "profile", lambda **_options: nullcontext(recorded))
    monkeypatch.setattr(busy_module, "synchronised_time", lambda _device: next(clock))
    subject = Subject(name="any", run=lambda: None)
    assert gpu_busy(subject, torch.device("cuda", 0)) == pytest.approx(0.4)
    # Where nobody may look, nothing is said.
    seen.clear()
    clock = iter([0.0, 9.0, 20.0, 21.0])
    assert gpu_busy(subject, torch.device("cuda", 0)) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_large_products_keep_a_gpu_busy_and_small_ones_do_not() -> None:
    device = torch.device("cuda", 0)

    def products(side: int) -> float:
        a = torch.full((side, side), 0.5, device=device)
        busy = gpu_busy(Subject(name="", run=lambda: [a @ a for _ in range(50)]), device)
        assert busy is not None
        return busy

    assert products(8) < 0.7
    assert products(4096) > 0.9
