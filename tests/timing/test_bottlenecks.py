"""Bytes that operators move, and how busy a GPU was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hrnet_zoo.system.devices import synchronised_time
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.timing import bottlenecks
from hrnet_zoo.timing.bottlenecks import (
    bytes_moved,
    copy_gbs,
    covered,
    gpu_busy_seconds,
    observe,
    peak_gflops,
)
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.sampling import SamplingRule, Subject, sample
from hrnet_zoo.timing.variants import DOCUMENTED

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


def largest_cache() -> int:
    """Return the bytes of this machine's largest cache, as far as Linux tells."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max(
        (int(size.read_text().strip().removesuffix("K")) * 1024 for size in sizes), default=0
    )


def test_a_copy_is_too_large_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = 0

    def count(work: Callable[[], object], _device: torch.device) -> float:
        nonlocal copied
        copied = bytes_moved(work)
        return 0.25

    monkeypatch.setattr(bottlenecks, "_shortest", count)
    assert copy_gbs(CPU) == pytest.approx(copied / 0.25 / 1e9)
    # 32 MiB share a cache on most machines of today; some servers have more.
    assert copied > max(2 * 32 * 2**20, largest_cache())


def test_products_are_of_numbers_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    products = []

    def look(work: Callable[[], torch.Tensor], _device: torch.device) -> float:
        products.append(work())
        return 0.5

    monkeypatch.setattr(bottlenecks, "_shortest", look)
    for precision in ("fp32", "bf16"):
        convolution = 2 * 9 * 256**2 * 64**2
        assert peak_gflops(CPU, precision) == pytest.approx(convolution / 0.5 / 1e9)
    for product in products:
        assert product.float().std() > 1
    # The same ones in every run and precision.
    assert torch.allclose(products[0], products[2].float(), atol=3)


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
    assert gpu_busy_seconds(Subject(name="any", run=lambda: 1 / 0), CPU) is None


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
    recorded = SimpleNamespace(events=lambda: seen)
    monkeypatch.setattr(bottlenecks, "profile", lambda **_options: nullcontext(recorded))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    # 0.4 seconds in five runs.
    subject = Subject(name="any", run=lambda: None)
    assert gpu_busy_seconds(subject, torch.device("cuda", 0)) == pytest.approx(0.08)
    # Where nobody may look, nothing is said.
    seen.clear()
    assert gpu_busy_seconds(subject, torch.device("cuda", 0)) is None


def test_how_busy_a_gpu_was_does_not_depend_on_what_recording_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bottlenecks, "gpu_busy_seconds", lambda _subject, _device: 0.08)
    subject = Subject(name="any", run=lambda: None)

    def share(seconds: list[float]) -> float | None:
        return observe(DOCUMENTED, subject, seconds, CPU, Silent()).gpu_busy

    assert share([0.09, 0.1, 0.5]) == 0.8
    assert share([0.07]) == 1.0


@pytest.mark.gpu
def test_large_products_keep_a_gpu_busy_and_small_ones_do_not() -> None:
    device = torch.device("cuda", 0)

    def products(side: int) -> float:
        a = torch.full((side, side), 0.5, device=device)
        subject = Subject(name="", run=lambda: [a @ a for _ in range(50)])
        sampling = sample(
            [subject], SamplingRule(limit_s=1), clock=lambda: synchronised_time(device)
        )
        busy = gpu_busy_seconds(subject, device)
        assert busy is not None
        return busy / median(sampling.samples[""].seconds)

    assert products(8) < 0.7
    assert products(4096) > 0.9
