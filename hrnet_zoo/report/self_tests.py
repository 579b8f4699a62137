"""How far an installation gives upstream's own answers, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from hrnet_zoo.report.text import to_json
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.verdicts.self_test import agrees, in_words
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class SelfTested:
    """What was found for a row; nothing where its architecture has no reference."""

    row: Row
    found: Sequence[ReferenceAgreement]


def as_text(result: SelfTested) -> str:
    """Return a line for each reference and why so much is needed, below the name of the row."""
    row, task = result.row, TASKS[result.row.task]
    lines = [click.style(row.name, bold=True)]
    for each in result.found:
        verdict, colour = ("agrees", "green") if agrees(task, each) else ("disagrees", "red")
        said = f"{each.reference} on {each.device}: {in_words(task, each)}"
        lines.append(f"{click.style(verdict, fg=colour)} with {each.upstream}: {said}")
    lines.append(f"why as much: {task.reference.reason}" if result.found else none_for(row))
    return "\n  ".join(lines)


def none_for(row: Row) -> str:
    """Return the words for a row whose network nothing can be compared with."""
    return f"there are no reference outputs of {row.setup.architecture} to compare with"


def as_json(results: Iterable[SelfTested]) -> str:
    """Return an array with one object per row; "agrees" is null where nothing was compared."""
    content = []
    for result in results:
        task = TASKS[result.row.task]
        of_references = [
            each.model_dump(mode="json") | {"agrees": agrees(task, each)} for each in result.found
        ]
        agree = all(each["agrees"] for each in of_references) if of_references else None
        content.append({"name": result.row.name, "agrees": agree, "references": of_references})
    return to_json(content)
