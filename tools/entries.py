"""What `run_all.py` has to do, one entry per row and kind of measurement, and what is done already.

An entry is done if a completed record says the same as the entry would: same version of hrnet-zoo,
device and arguments. What a record does not hold (another load on the machine, say) is not a reason
to repeat it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from hrnet_zoo import __version__
from hrnet_zoo.records.base import Record
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import DOCUMENTED
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row

Kind = Literal["time", "memory"]

START_S = 20.0
"""From an empty process to the first sample: imports, random weights, making variants ready."""
PASSES = 8
"""Passes that no limit covers: each variant's first, and those that agreement is told from."""
MEMORY_S = 30.0
"""Of a memory entry, until this machine has done one."""
DEFAULT_RATE = {"cpu": 3e10, "cuda": 2e12}
"""Multiply-adds per second until this machine has timed a row; on the low side of both kinds."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What is asked of every entry."""

    output: Path
    device: str = "auto"
    """As given; it is passed on."""
    device_name: str = "cpu"
    """What that is here, as records name it."""
    limit_s: float = 60.0
    processes: int = 3
    """That share the time."""
    scale: tuple[int, int] | None = None
    """Box (width, height) of the resize; None: the documented one."""
    engines: tuple[str, ...] = ("torch",)
    precisions: tuple[str, ...] = ("fp32",)
    zoo_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One measurement of one row, made by a process of its own."""

    kind: Kind
    row: Row

    @property
    def title(self) -> str:
        """Return what to call it in a list."""
        return f"{self.kind:<6} {self.row.name}"

    def arguments(self, asked: Arguments) -> list[str]:
        """Return the arguments of hrnet-zoo that do it."""
        words = [self.kind, self.row.name, "--device", asked.device]
        if asked.zoo_file is not None:
            words += ["--zoo", str(asked.zoo_file)]
        words += ["--output", str(asked.output)]
        if self.kind == "memory":
            return [*words, "--format", "json"]
        words += ["--limit-seconds", f"{asked.limit_s:g}", "--processes", str(asked.processes)]
        words += [word for engine in asked.engines for word in ("--engine", engine)]
        words += [word for precision in asked.precisions for word in ("--precision", precision)]
        if asked.scale is not None:
            words += ["--scale", "{}x{}".format(*asked.scale)]
        return words


class Past:
    """What earlier runs left in the folder of records."""

    def __init__(self, asked: Arguments) -> None:
        """Read the folder.

        Raises:
            RecordError: a file in it is damaged or from a newer version.
        """
        self._asked = asked
        here = asked.device_name
        self._timings = [r for r in read_records(asked.output, TimingRecord) if r.device == here]
        self._memory = [r for r in read_records(asked.output, MemoryRecord) if r.device == here]

    def has(self, entry: Entry) -> bool:
        """Whether a completed record of the same version, device and arguments exists."""
        name = entry.row.name
        if entry.kind == "memory":
            return any(r.row == name and _is_current(r) and not r.problem for r in self._memory)
        return any(r.row == name and _answers(r, self._asked) for r in self._timings)

    @property
    def rate(self) -> float | None:
        """Return multiply-adds per second as measured here, the middle of all rows; or None."""
        rates = [rate for rate in map(_rate, self._timings) if rate is not None]
        return statistics.median(rates) if rates else None

    @property
    def memory_s(self) -> float | None:
        """Return how long a memory entry takes here, the mean of all; or None."""
        durations = [(r.finished_at - r.started_at).total_seconds() for r in self._memory]
        return statistics.fmean(durations) if durations else None


def entries_of(rows: Iterable[Row], kinds: Iterable[Kind], only: str | None) -> list[Entry]:
    """Return the entries of all rows whose name fits the pattern ``only``, such as "fcn_hr18*"."""
    chosen = [row for row in rows if only is None or fnmatchcase(row.name, only)]
    return [Entry(kind=kind, row=row) for kind in kinds for row in chosen]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long entries take, before they are made."""

    asked: Arguments
    rate: float
    """Multiply-adds per second."""
    memory_s: float

    @classmethod
    def of(cls, asked: Arguments, past: Past) -> Estimate:
        """Return the estimate from what was measured here so far, or from stated defaults."""
        kind = "cpu" if asked.device_name == "cpu" else "cuda"
        return cls(
            asked=asked,
            rate=past.rate or DEFAULT_RATE[kind],
            memory_s=past.memory_s or MEMORY_S,
        )

    def seconds(self, entry: Entry) -> float:
        """Return how long an entry takes at most, about; its sampling may stop earlier."""
        if entry.kind == "memory":
            return self.memory_s
        counted = complexity_of(entry.row)
        work = 0.0 if counted is None else counted.multiply_adds * self._share(entry.row)
        each = START_S + PASSES * work / self.rate
        return self.asked.limit_s + self.asked.processes * each

    def _share(self, row: Row) -> float:
        """Return how much smaller the image is than the documented one."""
        if self.asked.scale is None:
            return 1.0
        width, height = self.asked.scale
        documented_width, documented_height = row.setup.test.scale
        share: float = width * height / (documented_width * documented_height)
        return share


def _answers(record: TimingRecord, asked: Arguments) -> bool:
    """Whether a record of `time` is of what is asked for."""
    if record.sampling is None or record.weights != "filled" or record.twins:
        return False
    # What failed is tried again; a refused variant did, too.
    timed = {(v.engine, v.precision) for v in record.variants if v.outcome == "timed"}
    wanted = {(engine, precision) for engine in asked.engines for precision in asked.precisions}
    same_scale = record.input.is_documented_scale
    if asked.scale is not None:
        same_scale = record.input.scale == asked.scale
    return (
        same_scale
        and wanted <= timed
        and record.asked is not None
        and record.asked.limit_s == asked.limit_s
        and record.asked.processes == asked.processes
        and _is_current(record)
    )


def _is_current(record: Record) -> bool:
    """Whether a record is of the README's edition and was written by this version."""
    version = record.environment.packages.get("hrnet-zoo")
    return record.edition == "readme" and version == __version__


def _rate(record: TimingRecord) -> float | None:
    documented = [v.seconds for v in record.variants if v.name == DOCUMENTED and v.seconds]
    if record.work is None or not documented:
        return None
    return record.work.multiply_adds / median(documented[0])
