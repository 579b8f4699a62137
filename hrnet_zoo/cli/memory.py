"""hrnet-zoo memory: training memory against the documented one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    device_option,
    format_option,
    new_records_option,
    rows_or_all_options,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.row import Row


@click.command()
@rows_or_all_options
@new_records_option
@device_option
@format_option("text", "json")
def memory(rows: list[Row], output: Path, device: str, form: str, **_: object) -> int:
    """Hold training memory against the tables.

    One training step is predicted without computing anything, and on a GPU done for real as well.
    Exit codes: 0 all documented values are within the tolerance that is stated, 1 one is outside,
    3 there is none to compare with, or a row does not fit the GPU.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.memory import (
        MemoryTable,
        RowMemory,
        memory_as_json,
        memory_exit_code,
    )
    from hrnet_zoo.runs.memory import memory_of  # imports torch

    table, results = MemoryTable(row.name for row in rows), []
    for row, (record, path) in zip(
        rows, memory_of(rows, device, output, show_progress), strict=True
    ):
        results.append(RowMemory(row=row, record=record, path=path))
        if form == "text":
            # Many rows take long: what is known is worth seeing, should a later one fail.
            echo(table.line(results[-1], with_titles=len(results) == 1))
    echo(memory_as_json(results) if form == "json" else table.notes(results))
    return memory_exit_code(results)
