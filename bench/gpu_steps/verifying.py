"""The demo's rows verified on a device, and how two such runs differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gpu_steps.notes import Notes, Session, hrnet_zoo
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.zoo.manifest import load_zoo


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One row on one device."""

    values: dict[str, float]
    """Metric -> measured."""
    verdicts: dict[str, str]
    counts: list[str]
    """What was counted in each image, or found in it, as it stands in the file beside the record;
    without the order in which images were done."""


def verify_demo(session: Session, records: Path, device: str) -> dict[str, Verified]:
    """Return what `verify` says of the demo's rows; in a rehearsal of a few images of one."""
    rows = [row.name for row in load_zoo(MANIFEST).rows]
    ran = hrnet_zoo(
        "verify", *session.sized(rows, rows[:1]), *session.sized((), ("--limit", "2")),
        "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--device", device,
        "--output", records, "--format", "json",
    )  # fmt: skip
    return {row["name"]: _verified(row) for row in ran.answer()}


def _verified(row: dict[str, object]) -> Verified:
    record = Path(str(row["record"]))
    content = json.loads(record.read_bytes())
    if content["status"] != "completed":
        raise RuntimeError(f"{row['name']}: {content['reason']}")
    lines = record.with_name(content["images_file"]).read_text(encoding="utf-8").splitlines()
    metrics = row["metrics"]
    assert isinstance(metrics, dict)
    return Verified(
        values={name: metric["measured"] for name, metric in metrics.items()},
        verdicts={name: metric["verdict"] for name, metric in metrics.items()},
        counts=sorted(line for line in lines if '"results":' in line),
    )


def compare(
    notes: Notes, one: dict[str, Verified], other: dict[str, Verified], title: str
) -> float:
    """Write down how two runs differ; return the largest difference of their numbers."""
    largest = 0.0
    for row, first in one.items():
        second = other[row]
        for metric, value in first.values.items():
            difference = abs(value - second.values[metric])
            notes.row(
                title, row=row, metric=metric, first=value, second=second.values[metric],
                difference=difference, equal_counts=_equal(first, second),
                verdict=first.verdicts[metric],
            )  # fmt: skip
            largest = max(largest, difference)
    return largest


def all_equal(one: dict[str, Verified], other: dict[str, Verified]) -> bool:
    """Whether two runs counted the same, byte by byte."""
    return all(_equal(first, other[row]) for row, first in one.items())


def _equal(first: Verified, second: Verified) -> bool:
    return bool(first.counts) and first.counts == second.counts
