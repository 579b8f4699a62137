"""Imports of tables and metafiles of other projects: no wrong fact without a mark."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.foreign import METAFILES, READMES, TrueRow, truth_about
from support.trees import RunCli

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.zoo.printed import printed_number


def imported(path: Path, run_cli: RunCli) -> list[tuple[int, dict[str, Any], str]]:
    """Return line, row and task of all that is imported; what was written is YAML."""
    finished = run_cli("import", path)
    assert finished.code in (0, 3)
    assert "Traceback" not in finished.err
    content = yaml.safe_load(finished.out) or {"tables": [], "rows": []}
    tasks = {table["heading"]: table["task"] for table in content["tables"] or []}
    lines = [int(n) for n in re.findall(rf"^  # {path}:(\d+)$", finished.out, re.MULTILINE)]
    rows = content["rows"] or []
    return [(n, row, tasks[row["table"]]) for n, row in zip(lines, rows, strict=True)]


def numbers(row: dict[str, Any]) -> dict[str, Decimal]:
    printed = {column: printed_number(row["printed"].get(column)) for column in METRICS}
    return {column: number for column, number in printed.items() if number is not None}


def wrong(row: dict[str, Any], task: str, truth: TrueRow) -> list[str]:
    """Name what a row states and the file does not."""
    stated = {
        "task": (task if numbers(row) else truth.task, truth.task),
        "dataset": ((row["setup"] or {}).get("dataset"), truth.dataset),
        "checkpoint": (row.get("checkpoint_url"), truth.checkpoint),
        **{
            column: (row["printed"].get(column) or row.get(column), text)
            for column, text in truth.labels.items()
        },
    }
    found = [f"{what}: {ours}, not {true}" for what, (ours, true) in stated.items()
             if ours is not None and ours != true]  # fmt: skip
    true = {column: Decimal(text) for column, text in truth.metrics.items()}
    return found + [f"{c}: {n}" for c, n in numbers(row).items() if true.get(c) != n]


@pytest.mark.parametrize("path", [*READMES, *METAFILES], ids=lambda path: path.name)
def test_nothing_wrong_is_stated(path: Path, run_cli: RunCli) -> None:
    truth = truth_about(path)
    found = {}
    for line, row, task in imported(path, run_cli):
        if line in truth.rows and (problems := wrong(row, task, truth.rows[line])):
            found[line] = problems
        setup = row["setup"] or {}
        if "dataset" in setup:
            assert setup["num_classes"] == len(DATASETS[setup["dataset"]].classes)
    assert found == {}


def test_most_rows_are_imported(run_cli: RunCli) -> None:
    there = read = 0
    for path in [*READMES, *METAFILES]:
        rows = {line: row for line, row, _ in imported(path, run_cli)}
        for line, true in truth_about(path).rows.items():
            if true.task in TASKS and true.metrics:
                there += 1
                read += line in rows and len(numbers(rows[line])) == len(true.metrics)
    assert read / there >= 0.9
