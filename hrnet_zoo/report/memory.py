"""The memory of rows as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.report.text import or_dash, to_json
from hrnet_zoo.system.wording import GIB, and_more
from hrnet_zoo.verdicts.memory import MemoryJudgement, MemoryVerdict, judge_memory
from hrnet_zoo.zoo.row import Row

_DIGITS = 3
_FORM = f".{_DIGITS}f"


@dataclass(frozen=True, kw_only=True)
class RowMemory:
    """What was found of a row, and the file it is in."""

    row: Row
    record: MemoryRecord
    path: Path

    @property
    def judgement(self) -> MemoryJudgement:
        """The verdict on it."""
        return judge_memory(self.row, self.record)

    @property
    def inference_gib(self) -> float | None:
        """The peak of an inference: the measured one, or else the predicted one."""
        peaks = self.record.inference
        return _gib(peaks.predicted if peaks.measured is None else peaks.measured)


def memory_as_json(results: Iterable[RowMemory]) -> str:
    """Return an array with one object per row; sizes in GiB, null where there is none."""
    return to_json([_as_dict(result) for result in results])


def memory_as_text(results: Sequence[RowMemory]) -> str:
    """Return a table of rows, and below it what the numbers rest on."""
    table = MemoryTable(result.row.name for result in results)
    lines = [table.line(result, with_titles=i == 0) for i, result in enumerate(results)]
    return "\n".join([*lines, table.notes(results)])


class MemoryTable:
    """A table of rows that is written as they come; only their names have to be known before."""

    _TITLES = ("documented", "predicted", "measured", "ratio", "  accepted", "inference")

    def __init__(self, names: Iterable[str]) -> None:
        self._width = max(map(len, names), default=0)

    def line(self, result: RowMemory, *, with_titles: bool) -> str:
        """Return a row's line, with the titles above it if it is the first one."""
        line = self._aligned(_cells(result))
        if not with_titles:
            return line
        titles = ["", *self._TITLES, "verdict"]
        dashes = ["-" * self._width, *("-" * len(title) for title in titles[1:])]
        return "\n".join([self._aligned(titles), self._aligned(dashes), line])

    def _aligned(self, cells: Sequence[str]) -> str:
        name, *numbers, verdict = cells
        sized = (f"{n:>{len(title)}}" for n, title in zip(numbers, self._TITLES, strict=True))
        return "  ".join([f"{name:<{self._width}}", *sized, verdict])

    def notes(self, results: Sequence[RowMemory]) -> str:
        """Return what the numbers rest on, and where they are."""
        problems = [result.record.problem for result in results if result.record.problem]
        training = {r.row.name: r.record.training.assumptions for r in results}
        inference = {r.row.name: r.record.inference.assumptions for r in results}
        return "\n".join(
            [
                "",
                *(f"not measured: {problem}" for problem in problems),
                "GiB per GPU, for one training step; the ratio is to the documented value.",
                "Inference (test scale, batch 1) is not documented, and no part of the verdict.",
                *filter(None, map(_workspaces, results)),
                *_tolerances(results),
                *_assumptions("How", training),
                *_assumptions("Inference", inference),
                "",
                *(f"record: {result.path}" for result in results),
            ]
        )


def memory_exit_code(results: Iterable[RowMemory]) -> int:
    """Return 0 if all documented values are within tolerance and 1 if one is not.

    3 means that there is none, or that a row does not fit the GPU it was to be measured on.
    """
    results = list(results)
    verdicts = {result.judgement.verdict for result in results}
    if MemoryVerdict.OUTSIDE in verdicts:
        return 1
    failed = any(result.record.problem for result in results)
    return 0 if MemoryVerdict.CONSISTENT in verdicts and not failed else 3


def _as_dict(result: RowMemory) -> dict[str, object]:
    judgement, record = result.judgement, result.record
    training, inference = record.training, record.inference
    is_measured = inference.measured is not None
    return {
        "name": result.row.name,
        "edition": result.row.edition,
        "documented_train_memory_gb": result.row.documented("train_memory_gb"),
        "predicted_train_memory_gb": _gib(training.predicted),
        "measured_train_memory_gb": _gib(training.measured),
        "measured_train_tensors_gib": _gib(training.tensors),
        "inference_peak_gib": result.inference_gib,
        "inference_peak_is": "measured" if is_measured else "predicted",
        "inference_reserved_gib": _gib(inference.reserved),
        "verdict": judgement.verdict.value,
        "ratio": _rounded(judgement.ratio),
        "tensors_ratio": _rounded(judgement.tensors_ratio),
        "tolerance": judgement.tolerance,
        "how": {
            "samples_per_gpu": training.samples,
            "size_hw": list(training.size),
            "assumptions": training.assumptions,
            "inference_assumptions": inference.assumptions,
            "documented": "the table's GB, read as GiB",
            "predicted": "tensors of one training step, added up under fake tensors",
            "measured": record.problem
            if training.measured is None
            else "torch.cuda.max_memory_allocated of one real training step",
        },
        "record": str(result.path),
    }


def _cells(result: RowMemory) -> list[str]:
    judgement, training = result.judgement, result.record.training
    bounds = judgement.tolerance
    return [
        result.row.name,
        or_dash(result.row.documented("train_memory_gb")),
        or_dash(_gib(training.predicted), _FORM),
        or_dash(_gib(training.measured), _FORM),
        or_dash(judgement.ratio, _FORM),
        "-" if bounds is None else f"{bounds.low:.2f}-{bounds.high:.2f}",
        or_dash(result.inference_gib, _FORM),
        judgement.verdict.label,
    ]


def _workspaces(result: RowMemory) -> str | None:
    """Return how much of a measurement is not in tensors, if that is known."""
    training = result.record.training
    if training.measured is None or training.tensors is None:
        return None
    tensors, rest = _gib(training.tensors), _gib(training.measured - training.tensors)
    return (
        f"{result.row.name}: of what was measured, tensors held {tensors:{_FORM}} GiB; workspaces "
        f"of today's libraries made it {rest:{_FORM}} more."
    )


def _tolerances(results: Sequence[RowMemory]) -> list[str]:
    """Return what each tolerance that was applied rests on, once."""
    said = []
    for result in results:
        if result.judgement.verdict is MemoryVerdict.NOT_DOCUMENTED:
            continue
        how = "predicted" if result.record.training.measured is None else "measured"
        said.append(f"Accepted, {how}: {result.judgement.describe_tolerance()}.")
    return list(dict.fromkeys(said))


def _assumptions(title: str, said: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is assumed of rows, given by name; once for all that assume the same."""
    lines = []
    for assumptions in dict.fromkeys(map(tuple, said.values())):
        names = [name for name, own in said.items() if tuple(own) == assumptions]
        lines += ["", f"{title} ({and_more(names, 1)}):", *(f"- {line}" for line in assumptions)]
    return lines


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, _DIGITS)


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / GIB, _DIGITS)
