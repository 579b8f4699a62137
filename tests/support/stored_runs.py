"""Made-up records in a folder, as verify, time and memory leave them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hrnet_zoo import __version__
from hrnet_zoo.records.accuracy import (
    AccuracyAsked,
    AccuracyRecord,
    CheckpointUsed,
    DatasetUsed,
    Measurement,
)
from hrnet_zoo.records.files import new_record_path, write_record
from hrnet_zoo.records.memory import MemoryAsked, MemoryRecord, Peaks, TrainingPeaks
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.timing.observations import InputTimed, MachineState, VariantTimed
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import EditionName

ROW = "fcn_hr18s_512x1024_40k_cityscapes"
OTHER = "fcn_hr48_512x1024_40k_cityscapes"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def record_of(
    name: str = ROW, *, day: int = 0, miou: float = 73.86, **changes: Any
) -> AccuracyRecord:
    """Return a complete run of a segmentation row, so many days after `BEGIN`."""
    row = load_zoo().row(name)
    began = BEGIN + timedelta(days=day)
    protocol = ProtocolUsed(
        name="single",
        test=row.setup.test.model_dump(mode="json"),
        normalisation=row.setup.normalisation,
        ratios=[1.0],
        flip=False,
    )
    record = AccuracyRecord(
        row=name,
        status="completed",
        started_at=began,
        finished_at=began + timedelta(minutes=9),
        asked=AccuracyAsked(metrics=["miou"], device="cpu", limit=None, offline=True),
        checkpoint=CheckpointUsed(
            file_name=row.checkpoint_file_name,
            sha256=f"{row.checkpoint_sha256_prefix}{'0' * 56}",
            size_bytes=15_000_000,
            url=row.checkpoint_url,
        ),
        dataset=DatasetUsed(
            name="cityscapes", num_images=500, num_images_found=500, fingerprint="ab" * 32
        ),
        measurements=[Measurement(metric="miou", value=miou, protocol=protocol)],
        environment=Environment(packages={"hrnet-zoo": "0.1.0"}, cpu="Fast CPU"),
    )
    return record.model_copy(update=changes)


def store_run(folder: Path, record: AccuracyRecord) -> Path:
    """Write a record where verify would write it, with the file that lies beside it."""
    path = new_record_path(folder, record.row, record.started_at)
    write_record(record, path)
    path.with_suffix(".images.jsonl").write_text("x" * 1000)
    return path


def store_timing(folder: Path, *, day: int = 0, edition: EditionName = "readme") -> Path:
    """Write the record of a run of time: 4, 5 and 6 ms."""
    began = BEGIN + timedelta(days=day)
    record = TimingRecord(
        row=ROW,
        edition=edition,
        task="segmentation",
        documented_fps="23.74",
        started_at=began,
        finished_at=began,
        device="cpu",
        num_threads=1,
        weights="filled",
        input=InputTimed(
            images=["drawn"],
            image_size=(8, 8),
            network_input=(8, 8),
            scale=(8, 8),
            is_documented_scale=False,
        ),
        sampling=None,
        variants=[
            VariantTimed(
                name="documented",
                engine="torch",
                precision="fp32",
                description="as documented",
                outcome="timed",
                seconds=[0.004, 0.005, 0.006],
            )
        ],
        machine=MachineState(num_processors=2, load_before=0, load_after=0, others=0),
        environment=Environment(cpu="Fast CPU"),
    )
    path = new_record_path(folder, ROW, began, "timing")
    write_record(record, path)
    return path


def memory_of(name: str = ROW, *, day: int = 0, predicted_gib: float = 1.66) -> MemoryRecord:
    """Return a run of memory on a machine without a GPU."""
    began = BEGIN + timedelta(days=day)
    return MemoryRecord(
        row=name,
        task="segmentation",
        documented="1.7",
        started_at=began,
        finished_at=began + timedelta(seconds=9),
        asked=MemoryAsked(device="cpu"),
        device="cpu",
        training=TrainingPeaks(
            predicted=int(predicted_gib * GIB),
            assumptions=["float32"],
            samples=2,
            size=(512, 1024),
        ),
        inference=Peaks(predicted=GIB // 2, assumptions=["one image"]),
        environment=Environment(packages={"hrnet-zoo": __version__}),
    )


def store_memory(folder: Path, record: MemoryRecord) -> Path:
    """Write a record where memory would write it."""
    path = new_record_path(folder, record.row, record.started_at, "memory")
    write_record(record, path)
    return path
