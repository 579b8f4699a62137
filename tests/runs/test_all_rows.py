"""Every segmentation row on made-up data in its real layout.

Images are strips of a few rows: the documented boxes enlarge them to full width, but strips stay
cheap. Checkpoints are filled by key names, one for every width and number of classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import filled_state
from numpy.typing import NDArray
from PIL import Image
from support.accuracy import read_record
from support.asked_once import ask_once
from support.trees import RunCli, blocks, picture
from torch import Tensor

import hrnet_zoo
from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = [row for row in load_zoo().rows if row.task == "segmentation"]
SIZE = (1, 512)
IMAGES = 2


def kind(row: Row) -> tuple[str, int]:
    """Rows of one kind can share a checkpoint."""
    return row.setup.backbone, row.setup.num_classes


KINDS = [key for key, _ in groupby(sorted(ROWS, key=kind), key=kind)]


def write_tree(data_root: Path, dataset: str) -> list[tuple[Path, NDArray[np.uint8]]]:
    """Write a validation split; return its images with the labels they should be read as."""
    layout = of_kind(LabelImages)[dataset]
    num_classes = len(layout.classes)
    rng = np.random.default_rng(len(dataset))
    root, pairs = data_root / layout.root, []
    for i in range(IMAGES):
        stem = f"P{i:04d}_0_896_0_896"
        label = blocks(rng, [*range(num_classes), 255], SIZE)
        stored = np.where(label == 255, 0, label + 1) if layout.reduce_zero_label else label
        image_path = root / layout.image_dir / f"{stem}{layout.image_suffix}"
        label_path = root / layout.label_dir / f"{stem}{layout.labels[0].suffix}"
        for path, content in ((image_path, picture(rng, SIZE)), (label_path, stored)):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content.astype(np.uint8)).save(path, quality=95)
        pairs.append((image_path, label))
    if layout.split_file:
        split = root / layout.split_file
        split.parent.mkdir(parents=True, exist_ok=True)
        split.write_text("".join(f"P{i:04d}_0_896_0_896\n" for i in range(IMAGES)))
    return pairs


def plain_miou(pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]], num_classes: int) -> float:
    """mIoU the obvious way, class by class, in percent."""
    ious = []
    for c in range(num_classes):
        inter = sum(int(((p == c) & (g == c)).sum()) for p, g in pairs)
        union = sum(int((((p == c) | (g == c)) & (g != 255)).sum()) for p, g in pairs)
        if union:
            ious.append(inter / union)
    return 100 * sum(ious) / len(ious)


@pytest.fixture(scope="module")
def entry() -> Callable[[str, tuple[int, ...]], Tensor]:
    """Return a weight; only those of the last layer depend on the number of classes."""
    return cache(lambda key, shape: filled_state({key: shape})[key])


@pytest.fixture(params=KINDS, ids=lambda key: f"{key[0]}-{key[1]}", scope="module")
def checkpoint(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    entry: Callable[[str, tuple[int, ...]], Tensor],
) -> Iterator[tuple[list[Row], Path]]:
    """A filled checkpoint, deleted afterwards, and the rows that it fits."""
    backbone, num_classes = request.param
    path = tmp_path_factory.mktemp("filled") / "filled.pth"
    with torch.device("meta"):
        model = build_segmentor("fcn_hrnet", backbone=backbone, num_classes=num_classes)
    state = {key: entry(key, tuple(value.shape)) for key, value in model.state_dict().items()}
    torch.save({"state_dict": state}, path)
    yield [row for row in ROWS if kind(row) == request.param], path
    path.unlink()


def test_rows_of_all_kinds_are_evaluated(
    tmp_path: Path,
    run_cli: RunCli,
    checkpoint: tuple[list[Row], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, path = checkpoint
    # Rows that differ only in their schedule ask the same, and so does the Python interface.
    ask_once(monkeypatch, FCN, "coarse_logits", {})
    checked: set[str] = set()
    by_dataset = {
        row.setup.dataset: write_tree(tmp_path / "data", row.setup.dataset) for row in rows
    }
    for row in rows:
        assert isinstance(row.setup, SegmentationSetup)
        # Rows that differ only in their schedule compute the same with one file; the second column
        # takes twelve passes.
        metrics = ["miou"] if row.setup.dataset in checked else ["miou", "miou_ms_flip"]
        finished = run_cli(
            "verify", row.name, "--data-root", tmp_path / "data", "--checkpoint", path,
            "--device", "cpu", "--metrics", ",".join(metrics), "--output", tmp_path / row.name,
            "--partial",
        )  # fmt: skip
        assert finished.code == 3, "two images are not the documented data set"
        (record_path,) = (tmp_path / row.name).glob("*/*.json")
        record = read_record(record_path)
        assert record.status == "completed", record.reason
        assert [m.metric for m in record.measurements] == metrics
        pairs = by_dataset[row.setup.dataset]
        if row.setup.dataset in checked:
            continue
        checked.add(row.setup.dataset)
        predictor = hrnet_zoo.load(row.name, checkpoint=path)
        assert isinstance(predictor, SegmentationPredictor)
        for measurement, protocol in zip(record.measurements, ("single", "ms_flip"), strict=True):
            seen = [(predictor.predict(p, protocol=protocol).labels, g) for p, g in pairs]
            expected = plain_miou(seen, row.setup.num_classes)
            assert measurement.value == pytest.approx(expected, abs=1e-9)
            assert len(measurement.classes) == row.setup.num_classes


def test_the_kinds_cover_all_37_rows() -> None:
    assert len(ROWS) == 37
    assert len(KINDS) == 20
