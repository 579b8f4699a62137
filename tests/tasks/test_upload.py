"""Images on their way to a GPU, one image ahead."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rows import detect_in_images, detection_protocol, evaluate_images, single_protocol
from support.trees import make_cityscapes
from torch import Tensor

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.tasks import evaluation, upload
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS
from hrnet_zoo.tasks.upload import Arrays, GpuLink, Receive, sent_ahead, upload_ahead
from hrnet_zoo.zoo.manifest import load_zoo

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)
NORMALISATION = Normalisation(
    mean=(123.0, 116.0, 103.0), std=(58.0, 57.0, 57.4), channel_order="bgr"
)
ROW = "fcn_hr18s_512x1024_40k_cityscapes"
DETECTOR = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"

Images = list[NDArray[np.uint8]]


def send_now(arrays: Arrays) -> Receive:
    """Send arrays to the CPU itself."""
    copies = [torch.from_numpy(array.copy()) for array in arrays]
    return lambda: copies


def images(count: int, *, grow: bool = False) -> list[Images]:
    """Return ``count`` images, each with labels and a smaller copy, of varied sizes."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        height, width = (5 + i, 7 + i) if grow else rng.integers(3, 12, 2).tolist()
        made.append([
            rng.integers(0, 256, shape, np.uint8)
            for shape in ((height, width), (height, width, 3), (2, height, 3))
        ])  # fmt: skip
    return made


def assert_same(received: Sequence[Tensor], expected: Images) -> None:
    assert len(received) == len(expected)
    for tensor, array in zip(received, expected, strict=True):
        assert tensor.dtype == torch.uint8
        assert np.array_equal(tensor.cpu().numpy(), array)


def test_what_arrives_is_what_was_decoded_in_order() -> None:
    sets = images(9, grow=True)
    received = list(sent_ahead(iter(range(9)), lambda i: sets[i], send_now))
    assert [item for item, _ in received] == list(range(9))
    for i, tensors in received:
        assert_same(tensors, sets[i])


def test_the_next_image_is_sent_while_one_is_computed_and_no_more_are_taken() -> None:
    sent, taken = threading.Semaphore(0), []

    def items() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    def send(arrays: Arrays) -> Receive:
        sent.release()
        return send_now(arrays)

    results = sent_ahead(items(), lambda _: [np.zeros(3, np.uint8)], send)
    for computed in range(5):
        assert next(results)[0] == computed
        for _ in range(2 if computed == 0 else 1):
            assert sent.acquire(timeout=10), "the next image was not sent"
        assert taken == list(range(computed + 2))


def test_an_error_in_decoding_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        msg = "damaged"
        raise DatasetError(msg)

    results = sent_ahead(items(), lambda _: [np.zeros(3, np.uint8)], send_now)
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DatasetError, match="damaged"):
        next(results)
    assert not upload_threads()


def upload_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("upload")]


def test_stopping_early_leaves_no_thread_and_closes_the_decoding() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.set()

    results = sent_ahead(items(), lambda _: [np.zeros(3, np.uint8)], send_now)
    next(results)
    assert upload_threads()
    del results
    gc.collect()
    assert not upload_threads()
    assert closed.is_set()


def test_on_a_cpu_arrays_pass_as_they_are_and_none_is_taken_early() -> None:
    sets, taken = images(3), []

    def items() -> Iterator[int]:
        for i in range(3):
            taken.append(i)
            yield i

    for i, arrays in upload_ahead(items(), lambda i: sets[i], CPU):
        assert arrays is sets[i]
        assert taken == list(range(i + 1))
        assert not upload_threads()


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> GpuLink:
    """A link without a GPU; memory is only said to be pinned."""
    plain = torch.empty
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: None)
    monkeypatch.setattr(torch, "empty", lambda shape, dtype, **_: plain(shape, dtype=dtype))
    return GpuLink(GPU)


def test_pinned_memory_holds_arrays_of_any_layout(link: GpuLink) -> None:
    [[labels, image, wide]] = images(1)
    for array in (
        labels,
        np.asfortranarray(image),
        image[::-1, ::2],
        wide.T,
        np.array(7, np.uint8),
    ):
        array.setflags(write=False)
        assert np.array_equal(link._pinned(array).numpy(), array)


def test_pinned_memory_that_cannot_be_had_is_explained(
    link: GpuLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(*_: object, **__: object) -> Tensor:
        msg = "the kernel refuses"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch, "empty", empty)
    with pytest.raises(PrerequisiteError, match=r"3 MiB of pinned .* \(the kernel refuses\)"):
        link.send([np.zeros((1024, 1024, 3), np.uint8)])


def test_a_full_gpu_is_explained(link: GpuLink, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(arrays: Arrays) -> Receive:
        del arrays
        raise torch.OutOfMemoryError

    monkeypatch.setattr(link, "send", send)
    monkeypatch.setattr(upload, "GpuLink", lambda _: link)
    results = upload_ahead(iter([1]), lambda _: [np.zeros(3, np.uint8)], GPU)
    with pytest.raises(PrerequisiteError, match="cuda:0 ran out of memory when the next image"):
        next(results)


def test_normalising_a_tensor_is_normalising_the_array() -> None:
    [[_, image, _]] = images(1)
    tensor = torch.from_numpy(image.copy())
    expected = to_network_input(image, NORMALISATION, CPU)
    assert torch.equal(to_network_input(tensor, NORMALISATION, CPU), expected)
    assert np.array_equal(tensor.numpy(), image), "it was written over"


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what lets evaluations on the CPU send their images."""

    def begin() -> None:
        monkeypatch.setattr(
            evaluation,
            "upload_ahead",
            lambda items, arrays_of, _: sent_ahead(items, arrays_of, send_now),
        )

    return begin


def counted(root: Path, device: torch.device) -> list[tuple[str, str, list[list[int]]]]:
    """Evaluate a network whose labels are the image's brightness, under two protocols."""
    single = replace(single_protocol(load_zoo().row(ROW)), scale=(128, 64))
    protocols = {"single": single, "ms_flip": replace(single, ratios=MS_FLIP_RATIOS, flip=True)}
    dataset = of_kind(LabelImages)["cityscapes"].open(root)
    steps = torch.linspace(-2, 2, 19, device=device)[None, :, None, None]
    return [
        (result.name, metric, counts.dense().tolist())
        for result in evaluate_images(
            lambda x: -(x.mean(dim=1, keepdim=True) - steps).abs(),
            dataset,
            range(len(dataset)),
            protocols,
            num_workers=2,
            device=device,
            seconds=StageSeconds(),
        )
        for metric, counts in result.counted.items()
    ]


class MeanDetector(Detector):
    """Finds one object, at coordinates that tell images apart."""

    def dense(self, image: Tensor) -> Tensor:
        return image

    def detections(
        self, dense: Tensor, geometry: ImageGeometry, *, score_threshold: float, with_masks: bool
    ) -> Detections:
        del score_threshold, with_masks
        image = dense
        means = image[..., : geometry.size[0], : geometry.size[1]].double().mean(dim=(2, 3)).float()
        boxes = torch.cat([means, image[:, 0, 5, 7:8]], dim=1)
        labels = torch.zeros(1, dtype=torch.int64, device=image.device)
        return Detections(boxes=boxes, scores=means[:, 0], labels=labels)

    def run_all_parts(self, image: Tensor) -> object:
        raise NotImplementedError


def detected(device: torch.device) -> list[tuple[str, list[list[float]]]]:
    dataset = of_kind(CocoInstances)["scenes_boxes"].open(DATA_ROOT)
    return [
        (found.name, found.counted["single"].boxes.tolist())
        for found in detect_in_images(
            MeanDetector(),
            dataset,
            range(5),
            detection_protocol(load_zoo().row(DETECTOR), with_masks=False),
            num_workers=2,
            device=device,
            seconds=StageSeconds(),
        )
    ]


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    make_cityscapes(tmp_path, size=(32, 64), count=3)
    return tmp_path


def test_segmentation_counts_the_same_when_images_are_sent(
    cityscapes: Path, sending: Callable[[], None]
) -> None:
    expected = counted(cityscapes, CPU)
    assert len(expected) == 6
    assert len({str(counts) for _, _, counts in expected}) > 3
    sending()
    assert counted(cityscapes, CPU) == expected


def test_detectors_find_the_same_when_images_are_sent(sending: Callable[[], None]) -> None:
    expected = detected(CPU)
    assert len({str(boxes) for _, boxes in expected}) == 5
    sending()
    assert detected(CPU) == expected


@pytest.mark.gpu
def test_a_gpu_receives_every_byte_although_it_is_busy() -> None:
    sets = images(40, grow=True)
    sets += [[np.random.default_rng(i).integers(0, 256, (4000, 3000, 3), np.uint8)] for i in (1, 2)]
    sets += images(3)
    kept, busy = [], torch.ones(2048, 2048, device=GPU)
    for i, tensors in upload_ahead(iter(range(len(sets))), lambda i: sets[i], GPU):
        busy = (busy @ busy).clamp(max=1)
        on_gpu = [tensor for tensor in tensors if isinstance(tensor, Tensor)]
        assert [tensor.device for tensor in on_gpu] == [GPU] * len(sets[i])
        kept.append((i, [tensor.clone() for tensor in on_gpu]))
    assert [i for i, _ in kept] == list(range(len(sets)))
    for i, tensors in kept:
        assert_same(tensors, sets[i])


@pytest.mark.gpu
def test_a_gpu_counts_as_the_cpu_does(cityscapes: Path) -> None:
    expected, on_gpu = counted(cityscapes, CPU), counted(cityscapes, GPU)
    for (name, metric, ours), (*whose, theirs) in zip(on_gpu, expected, strict=True):
        assert [name, metric] == whose
        a, b = np.array(ours), np.array(theirs)
        assert a.sum() == b.sum()
        assert np.abs(a - b).sum() <= 0.01 * b.sum()


@pytest.mark.gpu
def test_a_gpu_detects_in_the_same_images() -> None:
    expected, on_gpu = detected(CPU), detected(GPU)
    assert [name for name, _ in on_gpu] == [name for name, _ in expected]
    for (_, ours), (_, theirs) in zip(on_gpu, expected, strict=True):
        assert ours == [pytest.approx(box, rel=1e-5) for box in theirs]
