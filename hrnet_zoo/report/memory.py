"""The memory of rows as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from hrnet_zoo.memory.peaks import GIB, MeasuredPeak
from hrnet_zoo.runs.memory import RowMemory
from hrnet_zoo.verdicts.memory import MemoryVerdict

_DIGITS = 3


def memory_as_json(results: Iterable[RowMemory]) -> str:
    """Return an array with one object per row; sizes in GiB, null where there is none."""
    return json.dumps([_as_dict(result) for result in results], indent=2, ensure_ascii=False)


def memory_as_text(results: Sequence[RowMemory]) -> str:
    """Return a table of rows, and below it what the numbers rest on."""
    titles = ["", "documented", "predicted", "measured", "ratio", "inference", "verdict"]
    align = ("left", "right", "right", "right", "right", "right", "left")
    cells = [_cells(result) for result in results]
    table = tabulate(cells, titles, tablefmt="simple", colalign=align, disable_numparse=True)
    notes = [
        "GiB per GPU, for one training step; the ratio is to the documented value.",
        "Inference (test scale, batch 1) is not documented, and no part of the verdict.",
    ]
    problems = [f"not measured: {result.problem}" for result in results if result.problem]
    lines = [table, "", *problems, *notes, *_tolerances(results)]
    return "\n".join([*lines, *_training_assumptions(results), *_inference_assumptions(results)])


def memory_exit_code(results: Iterable[RowMemory]) -> int:
    """Return 0 if all documented values are within tolerance and 1 if one is not.

    3 means that there is none, or that a row does not fit the GPU it was to be measured on.
    """
    results = list(results)
    verdicts = {result.judgement.verdict for result in results}
    if MemoryVerdict.OUTSIDE in verdicts:
        return 1
    failed = any(result.problem for result in results)
    return 0 if MemoryVerdict.CONSISTENT in verdicts and not failed else 3


def _as_dict(result: RowMemory) -> dict[str, object]:
    documented = result.row.documented("train_memory_gb")
    inference = result.inference_measured
    judgement = result.judgement
    return {
        "name": result.row.name,
        "edition": result.row.edition,
        "documented_train_memory_gb": None if documented is None else float(documented),
        "predicted_train_memory_gb": _gib(result.predicted),
        "measured_train_memory_gb": _allocated(result.measured),
        "inference_peak_gib": _allocated(inference) or _gib(result.inference_predicted),
        "inference_peak_is": "measured" if inference else "predicted",
        "inference_reserved_gib": _gib(inference.reserved) if inference else None,
        "verdict": judgement.verdict.value,
        "ratio": None if judgement.ratio is None else round(judgement.ratio, _DIGITS),
        "tolerance": {
            "low": judgement.tolerance.low,
            "high": judgement.tolerance.high,
            "reason": judgement.tolerance.reason,
        },
        "how": {
            "samples_per_gpu": result.training.samples,
            "size_hw": list(result.training.size),
            "assumptions": list(result.training.assumptions),
            "inference_assumptions": list(result.inference.assumptions),
            "documented": "the table's GB, read as GiB",
            "predicted": "tensors of one training step, added up under fake tensors",
            "measured": "torch.cuda.max_memory_allocated of one real training step"
            if result.measured
            else result.problem,
        },
    }


def _cells(result: RowMemory) -> list[str]:
    judgement = result.judgement
    inference = _allocated(result.inference_measured) or _gib(result.inference_predicted)
    return [
        result.row.name,
        str(result.row.documented("train_memory_gb") or "-"),
        _shown(_gib(result.predicted)),
        _shown(_allocated(result.measured)),
        _shown(judgement.ratio),
        _shown(inference),
        judgement.verdict.label,
    ]


def _tolerances(results: Sequence[RowMemory]) -> list[str]:
    """Return each tolerance that was applied, once."""
    return list(
        dict.fromkeys(
            f"{result.row.task}, {'predicted' if result.measured is None else 'measured'}: "
            f"{result.judgement.tolerance.describe()}."
            for result in results
        )
    )


def _training_assumptions(results: Sequence[RowMemory]) -> list[str]:
    said = [(result.row.name, result.training.assumptions) for result in results]
    return _assumptions("How", said)


def _inference_assumptions(results: Sequence[RowMemory]) -> list[str]:
    said = [(result.row.name, result.inference.assumptions) for result in results]
    return _assumptions("Inference", said)


def _assumptions(title: str, said: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Return what is assumed of rows, given with their names; once for all that assume the same."""
    lines = []
    for assumptions in dict.fromkeys(assumptions for _, assumptions in said):
        names = [name for name, own in said if own == assumptions]
        lines += ["", f"{title} ({_rows(names)}):", *(f"- {line}" for line in assumptions)]
    return lines


def _rows(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _allocated(peak: MeasuredPeak | None) -> float | None:
    return _gib(peak.allocated) if peak else None


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / GIB, _DIGITS)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.{_DIGITS}f}"
