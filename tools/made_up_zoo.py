"""A made-up but complete zoo: records of every row with every verdict, timings and pictures.

    python tools/made_up_zoo.py FOLDER [--runs 12]

writes it. Nothing in it was measured; the same folder comes out every time.
"""

from __future__ import annotations

import argparse
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.records.accuracy import (
    AccuracyAsked,
    AccuracyRecord,
    CheckpointUsed,
    DatasetUsed,
    Measurement,
    Settings,
    Timings,
)
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.classification.pictures import bar_chart
from hrnet_zoo.tasks.pictures import colourise, comparison, errors, legend_of
from hrnet_zoo.tasks.scored import ClassFigures, Interval, Scoring
from hrnet_zoo.timing.observations import InputTimed, MachineState, SamplingUsed, VariantTimed
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

ACCURACIES = [metric.name for metric in METRICS.values() if metric.is_accuracy]
BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WORST_OF_A_ROW = 3
"""Pictures that a row has, if it has any."""

_OFFSETS = {3: 0.62, 11: -0.47, 23: -1.8, 44: 0.55, 52: -0.6}
"""Rows, by their place, whose measured values are off, and by how much; others are within 0.05."""

_PARTS = {5: True, 17: False, 48: True}
"""Rows of which part of the images was evaluated, and whether with an interval."""

_FAILED: dict[int, tuple[str, str]] = {
    7: ("error", "the run failed: CUDA out of memory while evaluating munster_000021"),
    30: ("interrupted", "the run was interrupted"),
    39: ("not_run", "No data folder was given. Pass the folder that holds coco/ with --data-root."),
}
_FAILED_ONCE = 30
"""Of these, the row of which only the last run failed."""

_SCORING = Scoring(
    backend="pycocotools",
    version="2.0.10",
    asked="auto",
    parity_num_images=None,
    parity_largest_difference=None,
    remarks=[],
)
_WITHOUT_RECORDS = {36, 66}
_OTHER_CHECKPOINT = {20, 57}


def environment(driver: str) -> Environment:
    """Return what a record says of a machine."""
    return Environment(
        python="3.11.9",
        platform="Linux-6.8.0-x86_64-with-glibc2.39",
        cpu="AMD EPYC 9654 96-Core Processor",
        cpu_count=16,
        packages={"hrnet-zoo": "0.1.0", "torch": driver, "numpy": "2.3.1"},
        opencv="4.11.0",
        cuda="12.8",
        cudnn=91002,
        gpus=["NVIDIA H200"],
    )


def write_zoo(
    folder: Path, *, runs: int = 12, pictures: bool = True, zoo: Zoo | None = None
) -> int:
    """Write records, timings and pictures of a whole zoo; return the number of JSON files.

    Args:
        folder: of records; made if missing.
        runs: of every row that has any.
        pictures: whether some rows have pictures of their worst images.
        zoo: the manifest; by default the one that ships with the package.
    """
    chance = random.Random(20)  # noqa: S311 - made-up numbers, not secrets
    written = 0
    for place, row in enumerate((zoo or load_zoo()).rows):
        if place in _WITHOUT_RECORDS:
            continue
        written += _write_row(folder, row, place, runs, chance)
        if row.later is not None and place % 4 == 1:
            written += _write_row(folder, row.in_edition("later"), 1000 + place, 2, chance)
        if place % 3 != 2:
            _write_timing(folder, row, place, chance)
            written += 1
        if pictures and place % 5 == 0 and row.checkpoint_url:
            _draw_worst(folder / row.name / f"{_stamp(place, runs - 1)}.worst", row, place)
    return written


def _write_row(folder: Path, row: Row, place: int, runs: int, chance: random.Random) -> int:
    latest = record_of(row, place, chance).model_dump(mode="json")
    (folder / row.name).mkdir(parents=True, exist_ok=True)
    for run in range(runs):
        content = latest | {"started_at": _time(place, run).isoformat()}
        if place not in _FAILED or (place == _FAILED_ONCE and run < runs - 1):
            content["measurements"] = [_shaken(m, chance) for m in latest["measurements"]]
        else:
            status, reason = _FAILED[place]
            content |= {"status": status, "reason": reason, "measurements": []}
        text = json.dumps(content)
        (folder / row.name / f"{_stamp(place, run)}.json").write_text(text)
    return runs


def record_of(row: Row, place: int, chance: random.Random) -> AccuracyRecord:
    """Return the record of one run of a row, complete unless the row's place says otherwise."""
    if row.checkpoint_url is None:
        reason = f"{row.name} links no checkpoint; give one with --checkpoint FILE."
        asked = [metric for metric in ACCURACIES if row.documented(metric) is not None]
        return AccuracyRecord(
            row=row.name,
            status="not_run",
            started_at=BEGIN,
            reason=reason,
            asked=AccuracyAsked(metrics=asked or ["box_ap"]),
            environment=environment("2.9.1"),
        )
    count = row.setup.num_images // 5 if place in _PARTS else row.setup.num_images
    prefix = "f00d" if place in _OTHER_CHECKPOINT else row.checkpoint_sha256_prefix or ""
    metrics = [metric for metric in ACCURACIES if row.documented(metric) is not None]
    if place % 6 == 4:
        metrics = [metric for metric in metrics if metric != "miou_ms_flip"]
    return AccuracyRecord(
        row=row.name,
        edition=row.edition,
        status="completed",
        started_at=BEGIN,
        finished_at=BEGIN,
        asked=AccuracyAsked(metrics=metrics, device="auto", limit=None),
        checkpoint=CheckpointUsed(
            file_name=row.checkpoint_file_name,
            sha256=prefix.ljust(64, "5"),
            size_bytes=72_000_000,
            url=row.checkpoint_url,
        ),
        dataset=DatasetUsed(
            name=row.setup.dataset,
            num_images=count,
            num_images_found=row.setup.num_images,
            fingerprint=("ab34" if place in _PARTS else f"{len(row.setup.dataset):04x}") * 16,
        ),
        settings=Settings(
            device="cuda:0",
            dtype="float32",
            tf32=False,
            cudnn_benchmark=False,
            cudnn_deterministic=True,
            memory_format="channels_last",
            batch_norm_folded=True,
            num_threads=8,
            num_workers=None,
        ),
        measurements=[_measurement(row, metric, place, chance) for metric in metrics],
        timings=Timings(
            wall_s=91.2, decode_s=60.0, waiting_s=3.0, forward_s=70.1, post_s=8.0, metric_s=4.2
        ),
        environment=environment("2.9.1" if place % 2 else "2.8.0"),
    )


def _measurement(row: Row, metric: str, place: int, chance: random.Random) -> Measurement:
    documented = row.documented(metric)
    assert documented is not None
    value = float(documented) + _OFFSETS.get(place, chance.uniform(-0.04, 0.04))
    half = chance.uniform(0.3, 0.9)
    protocol = TASKS[row.task].protocol_used(row.setup, METRICS[metric].protocol or "")
    names = DATASETS[row.setup.dataset].classes.names
    scores = [min(99.0, max(4.0, chance.gauss(value, 14))) for _ in names]
    with_interval = _PARTS.get(place, row.task != "detection")
    interval = Interval(low=value - half, high=value + half, level=0.95, resamples=1000)
    measured = Measurement(
        metric=metric,
        value=value,
        protocol=protocol,
        classes=[
            ClassFigures(name=name, figures=_class_figures(row, metric, score))
            for name, score in zip(names, scores, strict=True)
        ],
    )
    if row.task == "detection":
        figures = dict.fromkeys(["ap", *METRICS[metric].beside], value)
        return measured.model_copy(update={"figures": figures, "scoring": _SCORING})
    return measured.model_copy(update={"interval": interval if with_interval else None})


def _class_figures(row: Row, metric: str, score: float) -> dict[str, float]:
    if row.task == "detection":
        return {"ap": score}
    if row.task == "classification":
        return {metric: score}
    return {"iou": score, "accuracy": min(100.0, score + 5)}


def _shaken(measurement: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a measurement of another run: other versions, a slightly different value."""
    off = chance.choice((0.0, 0.0, 0.0, 0.01, -0.01))
    return measurement | {"value": measurement["value"] + off}


def _write_timing(folder: Path, row: Row, place: int, chance: random.Random) -> None:
    fps = float(row.documented("fps") or 12) * chance.uniform(1.9, 2.6)
    began = _time(place, 0) + timedelta(hours=1)
    width, height = TASKS[row.task].box(row.setup)
    timing = TimingRecord(
        row=row.name,
        task=row.task,
        documented_fps=row.text("fps"),
        started_at=began,
        finished_at=began + timedelta(seconds=60),
        device="cuda:0",
        num_threads=8,
        weights="filled",
        input=InputTimed(
            images=["drawn"],
            image_size=(height, width),
            network_input=(height, width),
            scale=(width, height),
            is_documented_scale=True,
        ),
        sampling=SamplingUsed(limit_s=60, precision=0.005, stopped_by="precision", elapsed_s=9),
        variants=[
            VariantTimed(
                name="documented-loading" if row.task == "detection" else "documented",
                engine="torch",
                precision="fp32",
                description="as upstream's tools time it",
                outcome="timed",
                is_warm=True,
                seconds=[chance.gauss(1 / fps, 0.002 / fps) for _ in range(120)],
            )
        ],
        machine=MachineState(num_processors=16, load_before=0.2, load_after=0.9, others=0.0),
        environment=environment("2.9.1"),
    )
    path = folder / row.name / "timings" / f"{began:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(timing.model_dump_json())


def _draw_worst(folder: Path, row: Row, seed: int) -> None:
    """Draw blocks of labels that a network got partly wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    table, rng = DATASETS[row.setup.dataset].classes, np.random.default_rng(seed)
    if row.task == "classification":
        for place in range(1, WORST_OF_A_ROW + 1):
            seen = rng.integers(0, 255, (224, 224, 3), dtype=np.uint8)
            top = [(name, 0.5 / (i + 1)) for i, name in enumerate(table.names[:5])]
            picture = bar_chart(seen, f"image {place}", top, truth=table.names[1])
            picture.save(folder / f"{place:02d}_made_up_{place:06d}.png")
        return
    num_classes = min(len(table.names), 12)
    for place in range(1, WORST_OF_A_ROW + 1):
        coarse = rng.integers(0, num_classes, (6, 9), dtype=np.uint8)
        truth = coarse.repeat(50, axis=0).repeat(60, axis=1)
        wrong = np.where(rng.random(coarse.shape) < 0.3, (coarse + 1) % num_classes, coarse)
        found = wrong.astype(np.uint8).repeat(50, axis=0).repeat(60, axis=1)
        shades = (truth * 18 + rng.integers(0, 40, truth.shape)).astype(np.uint8)
        image = np.stack([shades, shades // 2 + 60, 255 - shades], axis=-1)
        panels = [
            (f"mIoU {20 + 4 * place}.0: image {place}", Image.fromarray(image)),
            ("truth (black: ignored)", colourise(truth, table.palette)),
            ("prediction", colourise(found, table.palette)),
            ("error (red: wrong)", errors(image, truth, found)),
        ]
        legend = legend_of(table.names, table.palette, truth, found)
        comparison(panels, legend).save(folder / f"{place:02d}_made_up_{place:06d}.png")


def _time(place: int, run: int) -> datetime:
    return BEGIN + timedelta(days=run * 3, minutes=11 * place)


def _stamp(place: int, run: int) -> str:
    return f"{_time(place, run):%Y%m%dT%H%M%SZ}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=12)
    asked = parser.parse_args()
    print(write_zoo(asked.folder, runs=asked.runs), "records in", asked.folder)
