"""Made-up records of accuracy and speed, with the per-image files beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.records.accuracy import (
    AccuracyAsked,
    AccuracyRecord,
    CheckpointUsed,
    DatasetUsed,
    Measurement,
    Settings,
)
from hrnet_zoo.records.files import read_record, write_record
from hrnet_zoo.records.journal import content_of_lines
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.scored import ClassFigures, ProtocolUsed
from hrnet_zoo.tasks.segmentation.confusion import SegmentationScores, SparseCounts, total
from hrnet_zoo.timing.observations import InputTimed, MachineState, VariantTimed

W18 = "fcn_hr18_512x1024_40k_cityscapes"
W48 = "fcn_hr48_512x1024_40k_cityscapes"
FASTER = "faster_rcnn_hrnetv2p_w18_1x_coco"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NUM_CLASSES = 19
"""Of Cityscapes."""
NUM_SHOWN = 7
"""Classes that images show; the others are neither labelled nor predicted."""
CHECKPOINT = CheckpointUsed(file_name="a.pth", sha256="a" * 64, size_bytes=1, url=None)
PROTOCOL = ProtocolUsed(
    name="single",
    test={"mode": "whole", "scale": [2048, 1024]},
    normalisation=Normalisation(channel_order="rgb", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    ratios=[1.0],
    flip=False,
)
ELSEWHERE = Environment(cpu="Another", packages={"torch": "2.8", "hrnet-zoo": "0.1"})
"""The environment of another machine, on which values may differ a little."""
SETTINGS = Settings(
    device="cpu",
    dtype="float32",
    tf32=False,
    cudnn_benchmark=False,
    cudnn_deterministic=True,
    memory_format="channels_last",
    num_threads=1,
    num_workers=None,
)


def images(
    count: int, seed: int, wrong: float, errors: int = 0, pixels: int = 4000
) -> list[SparseCounts]:
    """Return counts of images; the same ``seed`` has the same labels and difficulties.

    ``errors`` seeds which pixels are wrong, of which there are ``wrong`` on average. The more
    ``pixels`` an image has, the less other errors of the same rate move the mIoU.
    """
    rng, chance = np.random.default_rng(seed), np.random.default_rng((seed, errors))
    made = []
    for _ in range(count):
        labels = rng.multinomial(pixels, rng.dirichlet(np.ones(NUM_SHOWN)))
        share = min(0.9, wrong * rng.uniform(0.5, 1.5))
        made.append(SparseCounts.of(predicted(labels, share, chance)))
    return made


def predicted(
    labels: NDArray[np.int64], wrong: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return confusion counts [20, 19] of pixels that are wrong with a probability."""
    counts = np.zeros((NUM_CLASSES + 1, NUM_CLASSES), np.int64)
    for label, pixels in enumerate(labels):
        astray = rng.binomial(pixels, wrong)
        shares = np.full(NUM_SHOWN, 1 / NUM_SHOWN)
        counts[label, :NUM_SHOWN] = rng.multinomial(astray, shares)
        counts[label, label] += pixels - astray
    return counts


def miou(made: Sequence[SparseCounts]) -> float:
    value = SegmentationScores.of(total(made, NUM_CLASSES)).miou
    assert value is not None
    return value


def write_run(
    folder: Path,
    row: str = W18,
    value: float | Sequence[SparseCounts] | Sequence[Matches] | None = 70.0,
    *,
    metric: str = "miou",
    day: int = 0,
    **changes: object,
) -> Path:
    """Write a record, and the file with its images if these are given; return its path."""
    path = folder / row / f"{(BEGIN + timedelta(days=day)):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    per_image: list[Any] | None = None
    if value is not None and not isinstance(value, float):
        per_image = list(value)
    measured = value if per_image is None else value_over(metric, per_image)
    record = AccuracyRecord(
        row=row,
        status="completed",
        started_at=BEGIN + timedelta(days=day),
        asked=AccuracyAsked(metrics=[metric]),
        checkpoint=CHECKPOINT,
        dataset=dataset_of(len(per_image or range(5))),
        settings=SETTINGS,
        measurements=[Measurement(metric=metric, value=measured, protocol=PROTOCOL)],
        images_file=None if per_image is None else path.with_suffix(".images.jsonl").name,
        environment=Environment(cpu="A CPU", packages={"torch": "2.8", "hrnet-zoo": "0.1"}),
    )
    write_record(record.model_copy(update=changes), path)
    if per_image is not None:
        write_images(path.with_suffix(".images.jsonl"), metric, per_image)
    return path


def _class_figures(i: int) -> ClassFigures:
    return ClassFigures(name=f"class {i}", figures={"iou": 70.123456789, "accuracy": 80.1})


def write_many(folder: Path, *, rows: int, runs: int, images_of: Sequence[SparseCounts]) -> None:
    """Write records as large as those of 19 classes; the runs of a row differ in their times."""
    classes = [_class_figures(i) for i in range(19)]
    for row in range(rows):
        record = read_record(write_run(folder, f"row{row}", images_of))
        assert isinstance(record, AccuracyRecord)
        measured = record.measurements[0].model_copy(update={"classes": classes})
        content = record.model_copy(update={"measurements": [measured]}).model_dump_json(indent=2)
        for run in range(1, runs):
            day = f"{BEGIN - timedelta(days=run):%Y-%m-%d}"
            path = folder / f"row{row}" / f"{run}.json"
            path.write_text(content.replace(f"{BEGIN:%Y-%m-%d}", day))


def dataset_of(num_images: int, **changes: object) -> DatasetUsed:
    used = DatasetUsed(
        name="cityscapes",
        num_images=num_images,
        num_images_found=500,
        fingerprint=fingerprint({f"image {i}": "d" for i in range(num_images)}),
    )
    return used.model_copy(update=changes)


def value_over(metric: str, made: Sequence[SparseCounts | Matches]) -> float:
    task = TASKS[METRICS[metric].task or ""]
    (value,) = task.reweighted(METRICS[metric], made)(np.ones((1, len(made))))
    return float(value)


def write_images(path: Path, metric: str, made: Sequence[SparseCounts | Matches]) -> None:
    """Write an images file as older versions did: it holds its record by nothing but its values."""
    evidence = METRICS[metric].evidence
    protocol = {METRICS[metric].protocol or "": PROTOCOL.model_dump(mode="json")}
    header = {"format": 3, "checkpoint": CHECKPOINT.sha256, "protocol": protocol}
    lines = (
        {"name": f"image {number}", "digest": "d", "results": {evidence: image.to_text()}}
        for number, image in enumerate(made)
    )
    path.write_bytes(content_of_lines([header, *lines]))


def latencies(count: int, median: float, seed: int, spread: float = 0.05) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(s) for s in median * np.exp(rng.normal(0, spread, count))]


def timed(
    name: str, seconds: Sequence[float], *, processes: int = 4, **changes: object
) -> VariantTimed:
    """Return a variant whose latencies are of so many processes, if they are enough for these."""
    each = len(seconds) // processes
    variant = VariantTimed(
        name=name,
        engine="torch",
        precision="fp32",
        description="",
        outcome="timed" if seconds else "unavailable",
        reason=None if seconds else "it is not installed",
        seconds=list(seconds),
        processes=[each] * processes if each >= 6 and each * processes == len(seconds) else [],
    )
    return variant.model_copy(update=changes)


def write_timing(
    folder: Path, *variants: VariantTimed, row: str = W18, day: int = 0, **changes: object
) -> Path:
    path = folder / row / "timings" / f"{(BEGIN + timedelta(days=day)):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = TimingRecord(
        row=row,
        task="segmentation",
        documented_fps=None,
        started_at=BEGIN + timedelta(days=day),
        finished_at=BEGIN + timedelta(days=day),
        device="cpu",
        num_threads=1,
        weights="filled",
        input=input_of((512, 1024)),
        sampling=None,
        variants=list(variants),
        machine=machine_of(others=0.0),
        environment=Environment(cpu="A CPU"),
    )
    write_record(record.model_copy(update=changes), path)
    return path


def input_of(size: tuple[int, int]) -> InputTimed:
    return InputTimed(
        images=["drawn"],
        image_size=size,
        network_input=size,
        scale=(size[1], size[0]),
        is_documented_scale=True,
    )


def machine_of(others: float) -> MachineState:
    return MachineState(num_processors=2, load_before=0, load_after=0, others=others)
