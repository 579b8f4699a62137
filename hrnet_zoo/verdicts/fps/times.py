"""Timed rows from a file of measured seconds, which any tool may have written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from hrnet_zoo.errors import RecordError, did_you_mean
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks.setup import SegmentationSetup
from hrnet_zoo.verdicts.fps.machine import TimedRow
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


_TIMES = TypeAdapter(Annotated[list[MeasuredTime], Field(min_length=1)])


def read_measured(path: Path) -> list[MeasuredTime]:
    """Return the times in a file.

    Raises:
        RecordError: the file is unreadable, or no list of times of different rows.
    """
    try:
        times = _TIMES.validate_json(path.read_bytes())
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise RecordError(msg) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(
            f"entry {part + 1}: " if isinstance(part, int) else f"{part}: " for part in first["loc"]
        )
        msg = (
            f"{path} is no list of measured times: {where}{first['msg']}. It should look like "
            '[{"name": "fcn_hr18_512x1024_40k_cityscapes", "seconds_per_image": 0.021}].'
        )
        raise RecordError(msg) from None
    names = [time.name for time in times]
    for name in names:
        if names.count(name) > 1:
            msg = f"{path} has several times of {name}; leave one, for instance their median."
            raise RecordError(msg)
    return times


def timed_rows(zoo: Zoo, times: Sequence[MeasuredTime]) -> tuple[list[TimedRow], list[str]]:
    """Return the timed rows that document an fps, and the names of those that do not.

    Both in the order of the manifest.

    Raises:
        RecordError: the manifest has no row of that name.
    """
    by_name = {time.name: time for time in times}
    _require_known(zoo, by_name)
    rows, undocumented = [], []
    for row in zoo.rows:
        if row.name not in by_name:
            continue
        time, fps = by_name[row.name], row.documented("fps")
        # Nothing takes forever: 0 says no more than an empty cell.
        if not fps:
            undocumented.append(row.name)
            continue
        rows.append(
            TimedRow(
                name=row.name,
                source=row.source,
                table=row.table,
                documented_fps=fps,
                measured_s=time.seconds_per_image,
                layers=layers_of(row),
                multiply_adds=time.multiply_adds or _counted(row),
            )
        )
    return rows, undocumented


def _counted(row: Row) -> float | None:
    """Return a row's multiply-adds for one image; sliding windows are counted one by one."""
    counted = complexity_of(row)
    slides = isinstance(row.setup, SegmentationSetup) and row.setup.test.mode == "slide"
    return None if counted is None or slides else float(counted.multiply_adds)


def _require_known(zoo: Zoo, names: Iterable[str]) -> None:
    known = [row.name for row in zoo.rows]
    for name in names:
        if name not in known:
            close = did_you_mean(name, known)
            msg = f'No row is called "{name}".{close} "hrnet-zoo list" prints all names.'
            raise RecordError(msg)
