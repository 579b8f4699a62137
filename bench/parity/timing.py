"""Times of both packages, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from label_maps import street_maps
from PIL import Image
from torch import Tensor

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.tasks.segmentation.counting import count_pairs
from parity import upstream as theirs
from parity.inputs import ADE20K_ROWS, CITYSCAPES_ROWS, picture, setup_of, without_convolutions
from parity.ours import CPU, Ours, protocol
from parity.pairs import Pairs, measure, seconds
from parity.upstream import Upstream


def compare_times(widths: list[str], folder: Path, *, quick: bool) -> Iterator[Pairs]:
    """Yield the times of forward passes, post-processing, metric and whole evaluations.

    Args:
        widths: "hr18s", "hr18" or "hr48".
        folder: for checkpoints.
        quick: fewer pairs.
    """
    for width in widths:
        yield _forward(CITYSCAPES_ROWS[width], folder, num_pairs=3 if quick else 7)
    num_pairs = 3 if quick else 9
    shapes = {CITYSCAPES_ROWS["hr18s"]: ((1024, 2048), (1024, 2048))}
    shapes[ADE20K_ROWS["hr18s"]] = ((512, 683), (375, 500))
    for name, (network_size, size) in shapes.items():
        yield _postprocessing(name, folder, network_size, size, num_pairs)
    yield _metric(num_pairs=3 if quick else 21)
    yield _end_to_end(folder, num_images=4 if quick else 40)


def _forward(name: str, folder: Path, *, num_pairs: int) -> Pairs:
    """Time images to logits at network-input size, 512 x 1024, each package in its own layout."""
    upstream, ours = Upstream(name), Ours(name, folder)
    x = to_network_input(picture((512, 1024)), setup_of(name).normalisation, CPU)
    plain = x.contiguous()

    @torch.no_grad()  # as its test loop has it
    def run_upstream() -> object:
        return upstream.model.encode_decode(plain, None)

    @torch.inference_mode()
    def run_ours() -> object:
        return ours.model(x)

    return measure(f"forward 512x1024, {name}", run_upstream, run_ours, num_pairs)


def _postprocessing(
    name: str, folder: Path, network_size: tuple[int, int], size: tuple[int, int], num_pairs: int
) -> Pairs:
    """Time logits at stride 4 to labels at the original size, in both packages' own code."""
    upstream, ours = Upstream(name), Ours(name, folder)
    x = torch.zeros(1, 3, *network_size)
    head = _smooth_logits(setup_of(name).num_classes, network_size)
    # Our convolutions hand their results on channels-last, upstream's do not.
    our_head = head.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run_upstream() -> object:
        return upstream.postprocess(size, x)

    def run_ours() -> object:
        return ours.postprocess(size, x)

    with without_convolutions(upstream.model, head), without_convolutions(ours.model, our_head):
        if (np.asarray(run_upstream()) != np.asarray(run_ours())).mean() > 5e-5:
            msg = f"{name}: the two post-processings do not give the same labels"
            raise AssertionError(msg)
        k = head.shape[1]
        what = f"post-processing, {k} classes, {_times(network_size)} to {_times(size)}"
        return measure(what, run_upstream, run_ours, num_pairs)


def _metric(*, num_pairs: int) -> Pairs:
    """Time one 1024 x 2048 image with 19 classes, each package with its own kind of prediction."""
    prediction, label = street_maps(1024, 2048, 19)
    wide = prediction.astype(np.int64)  # what upstream's argmax gives
    intersection = theirs.count(wide, label.copy(), 19)[0].numpy()
    if not np.array_equal(intersection, np.diagonal(count_pairs(prediction, label, 19))):
        msg = "the two metrics do not count the same"
        raise AssertionError(msg)
    return measure(
        "metric, 19 classes, 1024x2048",
        lambda: theirs.count(wide, label, 19),
        lambda: count_pairs(prediction, label, 19),
        num_pairs,
    )


def _end_to_end(folder: Path, *, num_images: int) -> Pairs:
    """Time whole evaluations of 1024 x 2048 images, files to mIoU, once in each package.

    Ours includes reading the checkpoint and writing the record; upstream's network is loaded.
    """
    name = CITYSCAPES_ROWS["hr18s"]
    upstream, ours = Upstream(name), Ours(name, folder)
    how = protocol(name, (2048, 1024))
    root = folder / "street" / DATASETS["cityscapes"].root
    pixels, (_, label) = picture((1024, 2048)), street_maps(1024, 2048, 19)
    for i in range(num_images):
        stem = f"munster_{i:06d}_000019"
        image = root / "leftImg8bit/val/munster" / f"{stem}_leftImg8bit.png"
        labels = root / "gtFine/val/munster" / f"{stem}_gtFine_labelTrainIds.png"
        for path, content in ((image, np.roll(pixels, 31 * i, axis=1)), (labels, label)):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path, compress_level=3)
    return Pairs(
        what=f"evaluation, {num_images} images of 1024x2048, {name}",
        upstream=[seconds(lambda: upstream.evaluate(root, how))],
        ours=[seconds(lambda: ours.evaluate(folder / "street", how))],
    )


def _smooth_logits(num_classes: int, network_size: tuple[int, int]) -> Tensor:
    """Return random logits at stride 4 that vary slowly, as a network's do."""
    height, width = (-(-side // 4) for side in network_size)
    coarse = torch.randn(1, num_classes, 9, 17, generator=torch.Generator().manual_seed(0))
    return 3 * torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
