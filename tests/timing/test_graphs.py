"""Functions recorded once and replayed: when, under which settings, and with which answers.

What records them on a GPU is tested only where there is one.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fill import small_segmentor
from rows import detection_protocol
from support.trees import RunCli
from torch import Tensor

import hrnet_zoo.demo
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.detection.timed import TimedDetector
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING, TimedSegmentor
from hrnet_zoo.timing.graphs import CudaGraph, Frequent, GraphPerShape, PerShape
from hrnet_zoo.timing.inputs import TimedImage, image_from_file
from hrnet_zoo.timing.observations import Precision
from hrnet_zoo.timing.variants import DOCUMENTED, Recipe, recipes, settings_for
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, _ = load_zoo(hrnet_zoo.demo.MANIFEST).rows
IMAGES = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))
CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
RECORDED = Recipe(name="cudagraph", fast=True, engine="cudagraph")


class Recording:
    """Stands for a CUDA graph on a CPU: its input and results stay where they are.

    It computes again rather than replaying kernels.
    """

    made: list[Recording]

    def __init__(
        self,
        function: Callable[[Tensor], Any],
        example: Tensor,
        device: Any,
        beside: Recording | None = None,
    ) -> None:
        self.function = function
        self.memory: object = beside.memory if beside else object()
        self.input = example.to(device, copy=True)
        self.output = function(self.input)
        self.benchmark = torch.backends.cudnn.benchmark
        self.calls = 0
        Recording.made.append(self)

    def __call__(self, x: Tensor) -> Any:
        self.calls += 1
        self.input.copy_(x, non_blocking=True)
        for kept, new in zip(self.output, self.function(self.input), strict=True):
            kept.copy_(new)
        return self.output


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Let benches record on a CPU; return what they do record."""
    Recording.made = []
    monkeypatch.setattr("hrnet_zoo.timing.graphs.CudaGraph", Recording)
    return Recording.made


def noise(height: int, width: int, seed: int = 0) -> TimedImage:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return TimedImage(name=f"{seed}", content=b"", pixels=pixels)


def small_protocol(*, slide: bool = False) -> SegmentationProtocol:
    return SegmentationProtocol(
        scale=(120, 80),
        window=(64, 64) if slide else None,
        stride=(40, 40) if slide else None,
        normalisation=SEGMENTOR.setup.normalisation,
    )


def demo_detector() -> Detector:
    made = load_predictor(DETECTOR, hrnet_zoo.demo.MANIFEST.parent, checkpoint=None, device="cpu")
    assert isinstance(made.model, Detector)
    return made.model


def test_a_function_is_recorded_once_per_shape(recordings: list[Recording]) -> None:
    doubled = GraphPerShape(lambda x: [2 * x], CPU)
    for shape in ((1, 2), (3, 2), (1, 2)):
        x = torch.rand(shape)
        assert torch.equal(doubled(x)[0], 2 * x)
    assert [recording.input.shape for recording in recordings] == [(1, 2), (3, 2)]
    assert [recording.calls for recording in recordings] == [2, 1]


def test_only_the_shapes_used_last_stay_in_memory(recordings: list[Recording]) -> None:
    doubled = GraphPerShape(lambda x: [2 * x], CPU, keep=2)
    for side in (1, 2, 1, 3, 1, 2):
        assert doubled(torch.ones(side))[0].tolist() == [2.0] * side
    # The second one was dropped for the third, and is recorded anew when it comes back.
    assert [len(recording.input) for recording in recordings] == [1, 2, 3, 2]
    gone = [weakref.ref(recording) for recording in recordings]
    recordings.clear()
    assert [recording() is None for recording in gone] == [False, True, True, False]


def test_the_graphs_of_a_function_compute_in_the_same_memory(recordings: list[Recording]) -> None:
    first, second = GraphPerShape(lambda x: [x], CPU, keep=1), GraphPerShape(lambda x: [x], CPU)
    for side in (1, 2, 3):
        first(torch.ones(side))
    second(torch.ones(1))
    pools = [recording.memory for recording in recordings]
    assert pools[0] is pools[1] is pools[2]
    # The graphs of two variants take turns, and must not write over each other's results.
    assert pools[3] is not pools[0]


def test_engines_are_kept_for_few_shapes_too() -> None:
    made = []

    def make(example: Tensor) -> Callable[[Tensor], Tensor]:
        made.append(len(example))
        return torch.neg

    negated = PerShape(make)
    for side in (1, 2, 3, 4, 1, 5, 1, 2):
        negated(torch.ones(side))
    assert made == [1, 2, 3, 4, 5, 2]


class FakeCuda:
    """As much of torch.cuda as recording needs; ending a failed recording raises, as torch does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.current = self.before = SimpleNamespace(wait_stream=lambda _other: None)
        self.waited = 0
        self.recorded: list[tuple[object, object]] = []
        fakes = {
            "device": lambda _device: nullcontext(),
            "Stream": lambda: SimpleNamespace(wait_stream=lambda _other: None),
            "current_stream": lambda: self.current,
            "stream": self.stream,
            "set_stream": lambda stream: setattr(self, "current", stream),
            "synchronize": self.synchronize,
            "CUDAGraph": lambda: SimpleNamespace(pool=lambda: "memory"),
            "graph": self.graph,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(torch.cuda, name, fake)

    def synchronize(self) -> None:
        self.waited += 1

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(
        self, _graph: object, *, pool: object, stream: Any, capture_error_mode: str
    ) -> Iterator[None]:
        # Threads that send the next image must not break a recording.
        assert capture_error_mode == "thread_local"
        self.recorded.append((pool, stream))
        self.current = stream
        try:
            yield
        except RuntimeError:
            msg = "operation failed due to a previous error during capture"
            raise RuntimeError(msg)  # noqa: B904 - nor does torch say from what
        self.current = self.before


@pytest.mark.parametrize("calls_before_failure", [0, 3, None])
def test_a_recording_that_fails_leaves_the_process_as_it_was(
    monkeypatch: pytest.MonkeyPatch, calls_before_failure: int | None
) -> None:
    cuda = FakeCuda(monkeypatch)
    calls = 0

    def reads_back(x: Tensor) -> Tensor:
        nonlocal calls
        if calls == calls_before_failure:
            msg = "operation not permitted when stream is capturing"
            raise RuntimeError(msg)
        calls += 1
        return x

    fails = calls_before_failure is not None
    reason = pytest.raises(RuntimeError, match="not permitted when stream is capturing")
    with reason if fails else nullcontext():
        CudaGraph(reads_back, torch.ones(2), CPU)
    assert cuda.current is cuda.before
    assert cuda.waited == 1


def test_a_graph_beside_another_has_its_memory_and_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Torch's allocator would give the memory of one stream to no other.
    cuda = FakeCuda(monkeypatch)
    first = CudaGraph(torch.neg, torch.ones(2), CPU)
    CudaGraph(torch.neg, torch.ones(3), CPU, beside=first)
    CudaGraph(torch.neg, torch.ones(3), CPU)
    (no_pool, stream), second, (other_pool, other_stream) = cuda.recorded
    assert no_pool is other_pool is None
    assert second == ("memory", stream)
    assert other_stream is not stream


def test_images_share_a_recording_if_inputs_and_sizes_are_equal(
    recordings: list[Recording],
) -> None:
    # The first three are resized to one shape, but labels are given at their own sizes.
    images = [noise(80, 120), noise(160, 240, 1), noise(80, 120, 2), noise(80, 100, 3)]
    bench = TimedSegmentor(small_segmentor(), images, small_protocol(), CPU)
    variant = bench.variant(RECORDED)
    assert recordings == []
    agreement = variant.agree()
    assert agreement.share >= 0.9999
    assert agreement.num_compared == 2 * 80 * 120 + 160 * 240 + 80 * 100
    assert [recording.calls for recording in recordings] == [2, 1, 1]
    labels, expected = variant.run(), bench.variant(DOCUMENTED).run()
    assert len(recordings) == 3
    assert isinstance(labels, np.ndarray)
    assert isinstance(expected, np.ndarray)
    assert labels.dtype == np.uint8
    assert labels.shape == (1, 80, 120)
    assert (labels == expected).mean() >= 0.9999


def test_all_windows_of_a_batch_are_one_recording(recordings: list[Recording]) -> None:
    images = [noise(80, 120)]
    bench = TimedSegmentor(small_segmentor(), images, small_protocol(slide=True), CPU)
    recipe = Recipe(name="", fast=True, engine="cudagraph", precision="bf16", batch=2)
    variant = bench.variant(recipe)
    assert variant.agree().share > 0.9
    labels = variant.run()
    assert isinstance(labels, np.ndarray)
    assert labels.shape == (2, 80, 120)
    assert [recording.input.shape for recording in recordings] == [(2, 3, 80, 120)]
    assert recordings[0].input.is_contiguous(memory_format=torch.channels_last)


def test_recordings_are_made_under_the_settings_of_their_variant(
    recordings: list[Recording],
) -> None:
    segmentation = TimedSegmentor(small_segmentor(), [noise(80, 120)], small_protocol(), CPU)
    detection = TimedDetector(
        demo_detector(),
        [image_from_file(IMAGES[0])],
        detection_protocol(DETECTOR, with_masks=True),
        CPU,
    )
    for bench in (segmentation, detection):
        bench.variant(RECORDED).agree()
        variant = bench.variant(RECORDED)
        with settings_for(RECORDED)():
            variant.run()
    assert not torch.backends.cudnn.benchmark
    # The detector that agreed is the one that runs; a segmentor's graph holds its argmax as well.
    assert [recording.benchmark for recording in recordings] == [True] * 3


def test_a_recorded_detector_finds_the_same_in_every_image(recordings: list[Recording]) -> None:
    images = [image_from_file(path) for path in IMAGES[:2]]
    bench = TimedDetector(
        demo_detector(), images, detection_protocol(DETECTOR, with_masks=True), CPU
    )
    agreement = bench.variant(RECORDED).agree()
    assert agreement.num_compared > 10
    assert agreement.share >= 0.99
    (recording,) = recordings
    assert recording.calls == 2
    # What is recorded ends with the neck: five levels of one width.
    assert len({level.shape[1] for level in recording.output}) == 1
    assert len(recording.output) == 5


def test_recorded_variants_have_names_of_their_own() -> None:
    names = [r.name for r in recipes(SEGMENTATION_TIMING, ["torch", "cudagraph"], ["fp32", "bf16"])]
    assert names == ["documented", "fast", "fast-bf16", "cudagraph", "cudagraph-bf16"]


@pytest.mark.gpu
def test_a_cuda_graph_follows_its_input() -> None:
    layer = torch.nn.Conv2d(3, 4, 3).to(CUDA)

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        y = layer(x)
        return y, y.argmax(dim=1)

    images = [torch.rand(2, 3, 20, 30) for _ in range(3)]
    with torch.inference_mode():
        graph = CudaGraph(function, images[0], CUDA)
        for image in images:
            expected, place = function(image.to(CUDA))
            values, largest = graph(image)
            assert torch.allclose(values, expected, atol=1e-3)
            assert (largest == place).float().mean() > 0.99
        kept = graph(images[0])[0]
        before = kept.clone()
        assert not torch.equal(graph(images[1])[0], before)
        assert kept.data_ptr() == graph(images[2])[0].data_ptr()


@pytest.mark.gpu
@pytest.mark.parametrize("slide", [False, True])
@pytest.mark.parametrize(
    ("precision", "batch", "least"),
    [("fp32", 1, 0.9999), ("fp32", 3, 0.9999), ("bf16", 1, 0.9), ("fp16", 2, 0.9)],
)
def test_a_cuda_graph_of_a_segmentor_agrees(
    slide: bool, precision: Precision, batch: int, least: float
) -> None:
    images = [noise(80, 120), noise(160, 240, 1), noise(80, 100, 2)]
    bench = TimedSegmentor(small_segmentor(), images, small_protocol(slide=slide), CUDA)
    recipe = Recipe(name="", fast=True, engine="cudagraph", precision=precision, batch=batch)
    variant = bench.variant(recipe)
    assert variant.agree().share >= least
    with settings_for(recipe)():
        labels = variant.run()
    with settings_for(DOCUMENTED)():
        expected = bench.variant(DOCUMENTED).run()
    assert isinstance(labels, np.ndarray)
    assert isinstance(expected, np.ndarray)
    assert labels.dtype == np.uint8
    assert (labels == expected).mean() >= least


@pytest.mark.gpu
def test_a_cuda_graph_of_a_detector_agrees() -> None:
    images = [image_from_file(path) for path in IMAGES[:2]]
    bench = TimedDetector(
        demo_detector(), images, detection_protocol(DETECTOR, with_masks=True), CUDA
    )
    assert bench.variant(RECORDED).agree().share >= 0.99


@pytest.mark.gpu
@pytest.mark.parametrize("row", [SEGMENTOR.name, DETECTOR.name])
def test_cuda_graphs_are_timed(run_cli: RunCli, row: str) -> None:
    finished = run_cli(
        "time", row, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cuda", "--weights",
        "published", "--image", IMAGES[0], "--engine", "cudagraph", "--precision", "fp32",
        "--precision", "fp16", "--limit-seconds", 2, "--output", "records", "--format", "json",
        "--processes", 1,
    )  # fmt: skip
    assert finished.code == 0, finished.out + finished.err
    (timed,) = json.loads(finished.out)
    variants = {variant["name"]: variant for variant in timed["variants"]}
    assert variants["cudagraph"]["agreement"] >= 0.99
    assert "CUDA graph" in variants["cudagraph"]["description"]
    assert variants["cudagraph-fp16"]["samples"] > 0


def test_what_is_rare_is_just_called_and_what_repeats_is_recorded() -> None:
    recorded: list[int] = []

    def record(function: Callable[[Tensor], Tensor], *_: object) -> Callable[[Tensor], Tensor]:
        def call(x: Tensor) -> Tensor:
            recorded.append(x.shape[-1])
            return function(x)

        return call

    doubled = Frequent(lambda x: 2 * x, CPU, record)
    for width in (5, 3, 3, 3, 3, 3, 5, 3):
        assert torch.equal(doubled(torch.ones(1, width)), torch.full((1, width), 2.0))
    assert recorded == [3, 3]
    # Sixteen shapes are recorded, and none of them twice to make room for another.
    for width in range(100, 130):
        for _ in range(6):
            doubled(torch.ones(1, width))
    assert len(set(recorded)) == len(doubled.recorded) == 16
    assert 3 in recorded


def test_a_gpu_that_cannot_record_says_how_to_go_on() -> None:
    def record(*_: object) -> Callable[[Tensor], Tensor]:
        def fail(_x: Tensor) -> Tensor:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nTry")

        return fail

    doubled = Frequent(lambda x: 2 * x, CPU, record)
    for _ in range(4):
        assert doubled(torch.ones(1, 3, 4)).max() == 2
    with pytest.raises(
        PrerequisiteError,
        match=r"of 4 x 3 pixels cannot be recorded as a CUDA graph: CUDA error: operation not "
        r"permitted when stream is capturing\. Go on with --no-graphs; what is done is kept",
    ):
        doubled(torch.ones(1, 3, 4))
