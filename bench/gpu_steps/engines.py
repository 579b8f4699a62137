"""The engines that `hrnet-zoo time` has on a GPU, and how fast images get there."""

from __future__ import annotations

import statistics

from gpu_steps.notes import Notes, Session, hrnet_zoo
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord

ROW = "fcn_hr18s_512x1024_40k_cityscapes"


def run(session: Session, notes: Notes) -> None:
    """Time what compiles last: it takes longest, and what came before is kept."""
    both = ("--precision", "fp32", "--precision", "fp16")
    commands: list[tuple[str, ...]] = [
        ("--engine", "torch", "--engine", "cudagraph", *both, "--limit-seconds", "10"),
        ("--engine", "compile", *both, "--limit-seconds", "5"),
    ]
    if session.is_rehearsal:
        commands = [("--scale", "128x64", "--limit-seconds", "0.3")]
        notes.remark("On a CPU torch at fp32 only: graphs need a GPU, compiling takes minutes.")
    for i, options in enumerate(commands):
        records = session.folder("engines") / str(i)
        alone = ("--output", records, "--processes", "1")
        ran = hrnet_zoo("time", ROW, "--device", session.device, *alone, *options)
        notes.expect(ran.code == 0, f"time {' '.join(options)}: exit code {ran.code}")
        for record in read_records(records, TimingRecord):
            _write_down(record, notes)


def _write_down(record: TimingRecord, notes: Notes) -> None:
    for variant in record.variants:
        notes.row(
            f"Variants of {ROW}",
            variant=variant.name, outcome=variant.outcome, reason=variant.reason,
            median_ms=1000 * statistics.median(variant.seconds) if variant.seconds else None,
            equal=variant.agreement.share if variant.agreement else None,
            gpu_busy=variant.gpu_busy,
        )  # fmt: skip
    if record.work is not None:
        notes.row(
            "Copies to the GPU, in GB/s",
            pinned=record.work.pinned_upload_gbs, pageable=record.work.pageable_upload_gbs,
        )  # fmt: skip
