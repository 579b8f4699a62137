"""Seconds per image on one machine, and the rows that they are of.

They come from a file that any tool may have written, or from the records of `time`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from hrnet_zoo.errors import RecordError, UsageError
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.observations import DOCUMENTED, WITH_LOADING, VariantTimed
from hrnet_zoo.verdicts.fps.machine import FpsRow
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

_LAYERS = {"w18_small": 146.0}
_LAYERS_ELSEWHERE = 307.0
"""Convolutions of an HRNet, in all widths but the small one. Heads of one table are alike."""

_BESIDE_THE_NETWORK = 48.0
"""What an image costs beside its layers (copies, resizing, argmax, Python), in layers.

So that W18-Small takes 0.55 of W18, as documented, where both are bound by the host: the median
over the seven tables of mmsegmentation that have both. By layers alone it would be 0.48.
"""


class MeasuredTime(Strict):
    """One entry of the file."""

    name: str
    """Of a row."""
    seconds_per_image: float = Field(ge=1e-6, le=1e6, allow_inf_nan=False)
    """On this machine."""
    multiply_adds: float | None = Field(default=None, ge=1, le=1e18, allow_inf_nan=False)
    """For one image; None: as counted for the documented size."""


def layers_of(row: Row) -> float:
    """Return how many layers' worth of kernels a row launches per image."""
    return _LAYERS.get(row.setup.backbone, _LAYERS_ELSEWHERE) + _BESIDE_THE_NETWORK


_LARGEST_BYTES = 16 * 1024**2
_TIMES = TypeAdapter(Annotated[list[MeasuredTime], Field(min_length=1)])


def read_times(path: Path) -> list[MeasuredTime]:
    """Return the times in a file.

    Raises:
        RecordError: the file is unreadable, or not a list of times of different rows.
    """
    try:
        times = _TIMES.validate_json(read_regular(path, _LARGEST_BYTES))
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise RecordError(msg) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(
            f"entry {part + 1}: " if isinstance(part, int) else f"{part}: " for part in first["loc"]
        )
        msg = (
            f"{path} is not a list of measured times: {where}{first['msg']}. It should look like "
            '[{"name": "fcn_hr18_512x1024_40k_cityscapes", "seconds_per_image": 0.021}].'
        )
        raise RecordError(msg) from None
    name, count = Counter(time.name for time in times).most_common(1)[0]
    if count > 1:
        msg = f"{path} has several times of {name}; leave one, for instance their median."
        raise RecordError(msg)
    return times


@dataclass(frozen=True, kw_only=True)
class MachineTimes:
    """What the records of one machine say, and what was left out."""

    machine: str | None
    """None if no record is usable."""
    times: list[MeasuredTime]
    """One per row, from its latest usable record."""
    other_machines: list[str]
    """Machines with usable records that were left out, the most recently used first."""
    unusable: dict[str, int]
    """Reason -> how many records were left out for it, of all machines."""


def latest_times(records: Iterable[TimingRecord]) -> MachineTimes:
    """Return the times of the machine that was used last.

    A record is usable if it has times of the documented variant, at the documented scale, on a
    machine that was not throttled and had no other work, as far as the record knows. Times of two
    machines never mix: a model of one machine is fitted to them.

    Args:
        records: in any order.
    """
    by_machine: dict[str, dict[str, TimingRecord]] = {}
    unusable = Counter[str]()
    for record in sorted(records, key=lambda record: record.started_at):
        if (reason := why_unusable(record)) is not None:
            unusable[reason] += 1
            continue
        machine = machine_of(record)
        # The machine that was used last comes last.
        by_machine[machine] = by_machine.pop(machine, {}) | {record.row: record}
    machines = [*by_machine][::-1]
    latest = by_machine[machines[0]] if machines else {}
    return MachineTimes(
        machine=machines[0] if machines else None,
        times=[
            MeasuredTime(name=row, seconds_per_image=timed.latency_s)
            for row, record in latest.items()
            if (timed := _documented(record)) is not None
        ],
        other_machines=machines[1:],
        unusable=dict(unusable),
    )


def why_unusable(record: TimingRecord) -> str | None:
    """Return why a record says nothing about documented fps, or None if it does."""
    if record.twins:
        return "an A/A run"
    if record.edition != "readme":
        return "timed as the later edition"
    if _documented(record) is None:
        return "the documented variant was not timed"
    if not record.input.is_documented_scale:
        return "not the documented scale"
    return record.trouble


def machine_of(record: TimingRecord) -> str:
    """Return in words on what a record was taken; equal for records that may be compared.

    Software counts: other versions of torch have other kernels.
    """
    torch = record.environment.packages.get("torch", "unknown version")
    software = f"torch {torch}" + ", freed memory kept" * record.keeps_freed_memory
    cpu = record.environment.cpu or "unknown processor"
    if record.device == "cpu":
        threads = f"{record.num_threads} thread{'s' * (record.num_threads > 1)}"
        return f"cpu ({cpu}, {threads}), {software}"
    return f"{record.device}, {cpu}, {software}"


def _documented(record: TimingRecord) -> VariantTimed | None:
    """Return the way the README was measured, if timed: with loading, of detectors."""
    timed = {v.name: v for v in record.variants if v.outcome == "timed" and v.seconds}
    return timed.get(WITH_LOADING) or timed.get(DOCUMENTED)


def fps_rows(zoo: Zoo, times: Sequence[MeasuredTime]) -> tuple[list[FpsRow], list[str]]:
    """Return the timed rows that document an fps, and the names of those that do not.

    Both in the order of the manifest.

    Raises:
        RecordError: the manifest has no row of that name.
    """
    by_name = {time.name: time for time in times}
    for name in by_name:
        try:
            zoo.row(name)
        except UsageError as error:
            raise RecordError(str(error)) from None
    timed = [
        (row, by_name[row.name], row.documented("fps")) for row in zoo.rows if row.name in by_name
    ]
    rows = [
        FpsRow(
            name=row.name,
            source=row.source,
            table=row.table,
            documented_fps=fps,
            measured_s=time.seconds_per_image,
            layers=layers_of(row),
            multiply_adds=time.multiply_adds or _counted(row),
        )
        for row, time, fps in timed
        # Nothing takes forever: 0 says no more than an empty cell.
        if fps
    ]
    return rows, [row.name for row, _, fps in timed if not fps]


def _counted(row: Row) -> float | None:
    """Return a row's multiply-adds for one image; sliding windows are counted one by one."""
    counted = complexity_of(row)
    slides = TASKS[row.task].slides(row.setup)
    return None if counted is None or slides else float(counted.multiply_adds)
