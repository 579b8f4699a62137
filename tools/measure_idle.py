"""For what share of an evaluation its network and post-processing wait for images.

    python tools/measure_idle.py                      # 40 images of 1024 x 2048, W18-Small

Weights are random and images drawn: only times are of interest. The target is under 5 % on a CPU.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
from rows import build_row, drawn_size, evaluate_images, single_protocol

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.system.host_memory import keep_freed_memory
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.filled import fill
from hrnet_zoo.tasks.segmentation.filling import SEGMENTATION_FILLING, spread_classes
from hrnet_zoo.tasks.segmentation.protocol import Network, evaluated_network
from hrnet_zoo.timing.inputs import drawn_image
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
CPU = torch.device("cpu")


def draw_dataset(row: Row, root: Path, num_images: int) -> None:
    """Write a validation split in Cityscapes' layout below ``root``, of the usual size."""
    pixels = drawn_image(drawn_size(row)).pixels
    # Of labels, only that they are valid matters here.
    labels = np.indices(pixels.shape[:2]).sum(axis=0) // 64 % 19
    files = {
        ("leftImg8bit", "leftImg8bit"): pixels[:, :, ::-1],
        ("gtFine", "gtFine_labelTrainIds"): labels.astype(np.uint8),
    }
    for (folder, suffix), content in files.items():
        city = root / "cityscapes" / folder / "val" / "drawn"
        city.mkdir(parents=True)
        first = city / f"drawn_000000_000019_{suffix}.png"
        first.write_bytes(cv2.imencode(".png", content)[1].tobytes())
        for i in range(1, num_images):
            # One file under many names is decoded as often, and takes no more space.
            (city / f"drawn_{i:06d}_000019_{suffix}.png").hardlink_to(first)


def filled_network(row: Row, image: Path) -> Network:
    """Return a row's network with random weights of sane magnitude, as `verify` runs it."""
    with torch.device("meta"):
        model = build_row(row)
    assert isinstance(model, Segmentor)
    fill(model, SEGMENTATION_FILLING)
    small = resize_keep_ratio(decode_image(image.read_bytes(), image), (256, 256))
    spread_classes(model, to_network_input(small, row.setup.normalisation, CPU))
    return evaluated_network(model)


def measure(num_images: int, num_workers: int | None = None) -> StageSeconds:
    """Evaluate drawn images on the CPU; return the time of each stage."""
    row = load_zoo().row(NAME)
    seconds = StageSeconds()
    with TemporaryDirectory() as folder, canonical_precision():
        draw_dataset(row, Path(folder), num_images)
        dataset = of_kind(LabelImages)["cityscapes"].open(Path(folder))
        results = evaluate_images(
            filled_network(row, dataset.path_of(0)),
            dataset,
            range(num_images),
            {"single": single_protocol(row)},
            num_workers=num_workers,
            device=CPU,
            seconds=seconds,
        )
        assert sum(1 for _ in results) == num_images
    return seconds


def main() -> None:
    """Print the share of waiting, and what the rest of the time went into."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=40, help="how many; default: 40")
    parser.add_argument("--workers", type=int, help="threads that decode; default: as for verify")
    asked = parser.parse_args()
    keep_freed_memory()
    seconds = measure(max(1, asked.images), asked.workers)
    print(f"waiting for images: {seconds.waiting / seconds.wall:.1%} of {seconds.wall:.1f} s")
    for stage in ("forward", "post", "metric"):
        print(f"{stage}: {getattr(seconds, stage) / seconds.wall:.1%}")
    print(f"decoding meanwhile: {seconds.decode:.1f} s, threads: {seconds.num_workers}")


if __name__ == "__main__":
    main()
