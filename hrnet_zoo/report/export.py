"""All values as one long table: one line for each run of each documented number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from hrnet_zoo.report.html.gathering import Claim, ClaimRun, Gathered
from hrnet_zoo.report.html.speeds import Speed
from hrnet_zoo.verdicts.accuracy import PROTOCOL_OF
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Metric, Row


@dataclass(frozen=True, kw_only=True)
class Value:
    """One line: a number, what is documented of it and what one run measured."""

    row: str
    edition: str
    task: str
    dataset: str
    method: str
    backbone: str
    parameters: int | None
    multiply_adds: int | None
    metric: str
    protocol: str | None
    """How it was documented: "single" or "ms_flip"; None for fps."""
    documented: float | None
    documented_printed: str | None
    """With all its decimals."""
    measured: float | None = None
    delta: float | None = None
    verdict: str | None = None
    """None for fps, which has verdicts of its own (hrnet-zoo fps)."""
    reason: str | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    counts: bool = False
    """Whether this run is the one that counts."""
    record: str | None = None
    """Path below the folder of records; None if there was no run."""
    started_at: datetime | None = None
    device: str | None = None


COLUMNS = tuple(field.name for field in fields(Value))
"""In this order."""


def values_of(gathered: Gathered) -> Iterator[Value]:
    """Yield the lines of accuracies, in the order of the manifest, then those of fps."""
    for claim in gathered.claims:
        for run in claim.runs or (None,):
            yield _accuracy(claim, run)
    for row in gathered.zoo.rows:
        yield _fps(row, gathered.speeds.by_row.get(row.name))


def write_csv(gathered: Gathered, path: Path) -> None:
    """Write all values as CSV; absent ones are empty, numbers have all their digits."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for value in values_of(gathered):
            writer.writerow([_cell(cell) for cell in asdict(value).values()])


def write_parquet(gathered: Gathered, path: Path) -> None:
    """Write all values as Parquet, with types; absent ones are null."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and not needed for CSV
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {
        "float | None": pa.float64(),
        "int | None": pa.int64(),
        "bool": pa.bool_(),
        "datetime | None": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [(field.name, kinds.get(str(field.type), pa.string())) for field in fields(Value)]
    )
    lines = [{name: _text(cell) for name, cell in asdict(v).items()} for v in values_of(gathered)]
    parquet.write_table(pa.Table.from_pylist(lines, schema=schema), path, compression="zstd")


def _documented(row: Row, metric: Metric) -> Value:
    """Return the line of a number that was never run."""
    documented, counted = row.documented(metric), complexity_of(row)
    return Value(
        row=row.name,
        edition=row.edition,
        task=row.task,
        dataset=row.setup.dataset,
        method=row.method,
        backbone=row.setup.backbone,
        parameters=counted.parameters if counted else None,
        multiply_adds=counted.multiply_adds if counted else None,
        metric=metric,
        protocol=PROTOCOL_OF.get(metric),
        documented=None if documented is None else float(documented),
        documented_printed=None if documented is None else str(documented),
    )


def _accuracy(claim: Claim, run: ClaimRun | None) -> Value:
    judgement = run.judgement if run else claim.judgement
    value = replace(
        _documented(claim.row, claim.metric),
        verdict=judgement.verdict.value,
        reason=judgement.reason or None,
    )
    if run is None:
        return value
    return replace(
        value,
        measured=run.measured,
        delta=run.delta,
        interval_low=run.interval.low if run.interval else None,
        interval_high=run.interval.high if run.interval else None,
        counts=run is claim.run,
        record=run.path,
        started_at=run.started_at,
        device=run.device,
    )


def _fps(row: Row, speed: Speed | None) -> Value:
    value = _documented(row, "fps")
    if speed is None:
        return value
    return replace(
        value,
        measured=speed.images_per_s,
        counts=True,
        record=speed.path,
        started_at=speed.record.started_at,
        device=speed.record.device,
    )


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else value


def _text(value: object) -> object:
    """Return text without halves of surrogate pairs, which JSON can hold and Parquet cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="backslashreplace").decode()
    return value
