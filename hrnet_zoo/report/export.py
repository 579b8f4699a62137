"""All values as one long table: one line for each run of each documented number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrnet_zoo.report.html.gathering import Claim, ClaimRun, Gathered, Speed
from hrnet_zoo.system.foreign import as_cell
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row

if TYPE_CHECKING:
    import pandas


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
    """The pass it comes from: "single", "ms_flip" or "size"; None for fps."""
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

_TYPES = {
    "int | None": "Int64",
    "float | None": "float64",
    "bool": "bool",
    "datetime | None": "datetime64[us, UTC]",
}
"""How pandas stores a field of this type; all others are text."""


def values_of(gathered: Gathered) -> Iterator[Value]:
    """Yield the lines of accuracies, in the order of the manifest, then those of fps."""
    for claim in gathered.claims:
        for run in claim.runs or (None,):
            yield _accuracy(claim, run)
    for row in gathered.zoo.rows:
        yield _fps(row, gathered.speeds.get(row.name))


def table_of(values: Iterable[Value]) -> pandas.DataFrame:
    """Return values as a table with one column for each field; what is absent is missing there."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    lines = list(values)
    columns = {
        field.name: pd.Series(
            [_text(getattr(line, field.name)) for line in lines],
            # The types have to be said: a column may have no value at all.
            dtype=_TYPES.get(str(field.type), "string[python]"),
        )
        for field in fields(Value)
    }
    return pd.DataFrame(columns)


def write_csv(gathered: Gathered, path: Path) -> None:
    """Write all values as CSV; absent ones are empty, numbers have all their digits.

    Text that spreadsheets would take for a formula has an apostrophe before it; see `as_cell`.
    """
    table = table_of(values_of(gathered))
    # As in JSON, and as Python writes times.
    written = table.assign(
        counts=table["counts"].map({True: "true", False: "false"}),
        started_at=table["started_at"].map(lambda time: time.isoformat(), na_action="ignore"),
    )
    texts = written.select_dtypes(include=["object", "string"]).columns
    written[texts] = written[texts].map(as_cell)
    written.to_csv(path, index=False, lineterminator="\n")


def write_parquet(gathered: Gathered, path: Path) -> None:
    """Write all values as Parquet, with types; absent ones are null."""
    table_of(values_of(gathered)).to_parquet(
        path, engine="pyarrow", compression="zstd", index=False
    )


def _value(row: Row, metric: str, **found: Any) -> Value:  # noqa: ANN401 - its fields
    """Return the line of a number, with what a run found."""
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
        protocol=METRICS[metric].protocol,
        documented=None if documented is None else float(documented),
        documented_printed=None if documented is None else str(documented),
        **found,
    )


def _accuracy(claim: Claim, run: ClaimRun | None) -> Value:
    judgement = run.judgement if run else claim.judgement
    verdict = {"verdict": judgement.verdict.value, "reason": judgement.reason or None}
    if run is None:
        return _value(claim.row, claim.metric, **verdict)
    return _value(
        claim.row,
        claim.metric,
        **verdict,
        measured=judgement.measured,
        delta=judgement.delta,
        interval_low=run.interval.low if run.interval else None,
        interval_high=run.interval.high if run.interval else None,
        counts=run is claim.run,
        record=run.path,
        started_at=run.started_at,
        device=run.device,
    )


def _fps(row: Row, speed: Speed | None) -> Value:
    if speed is None:
        return _value(row, "fps")
    return _value(
        row,
        "fps",
        measured=speed.images_per_s,
        counts=True,
        record=speed.path,
        started_at=speed.record.started_at,
        device=speed.record.device,
    )


def _text(value: object) -> object:
    """Return text without halves of surrogate pairs, which JSON can hold and files cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="backslashreplace").decode()
    return value
