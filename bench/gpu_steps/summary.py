"""The one page about a session, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gpu_steps.notes import Session
from hrnet_zoo.system.whole_file import write_whole


@dataclass(frozen=True, kw_only=True)
class Result:
    """A step and what is written of it."""

    name: str
    settles: str
    outcome: str
    reason: str
    seconds: float | None
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    remarks: Sequence[str]

    @classmethod
    def of(cls, name: str, settles: str, content: Mapping[str, Any]) -> Self:
        """Return the result that a file tells of; an empty one tells that it never ran."""
        return cls(
            name=name,
            settles=settles,
            outcome=content.get("outcome", "not run"),
            reason=content.get("reason", "not asked for yet, or interrupted before it"),
            seconds=content.get("seconds"),
            tables=content.get("tables", {}),
            remarks=content.get("remarks", []),
        )


def write_summary(session: Session, results: Sequence[Result]) -> Path:
    """Write what all steps found out, the environment first; return the file."""
    environment, *others = results
    kind = "a rehearsal on the CPU: its numbers say nothing" if session.is_rehearsal else "one GPU"
    lines = [f"# GPU session ({kind})", "", *_details(environment), "## Steps", ""]
    lines += _table([
        {
            "step": result.name,
            "outcome": f"{result.outcome}: {result.reason}" if result.reason else result.outcome,
            "seconds": result.seconds,
            "settles": result.settles,
        }
        for result in results
    ])  # fmt: skip
    for result in others:
        lines += _details(result)
    path = session.output / "summary.md"
    write_whole(path, "\n".join(lines).rstrip() + "\n")
    return path


def _details(result: Result) -> Iterator[str]:
    """Yield a chapter about a step that found something."""
    if not result.tables and not result.remarks:
        return
    yield from (f"## {result.name.capitalize()}", "")
    for title, rows in result.tables.items():
        yield from (f"**{title}**", "", *_table(rows))
    for remark in result.remarks:
        yield from (f"- {remark}",)
    yield ""


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rows under all columns that any of them has."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = [column.replace("_", " ") for column in columns]
    body = [[_cell(row.get(column)) for column in columns] for row in rows]
    lines = [head, ["---"] * len(columns), *body]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value:.5g}" if isinstance(value, float) else " ".join(str(value).split())
    return text.replace("|", r"\|")
