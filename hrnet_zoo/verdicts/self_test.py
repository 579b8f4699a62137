"""Whether an installation's answers on reference images are upstream's, and in words how far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.tasks.task import Task


def agrees(task: Task, found: ReferenceAgreement) -> bool:
    """Whether as many answers are equal, and scores as near, as the task asks for."""
    bounds, difference = task.reference, found.largest_score_difference
    near = bounds.score is None or (difference is not None and difference <= bounds.score)
    return near and found.share >= bounds.least


def in_words(task: Task, found: ReferenceAgreement) -> str:
    """Return what was found and what is needed: "97.2100% of labels equal, 99.9900% needed"."""
    bounds, difference = task.reference, found.largest_score_difference
    said = f"{found.share:.4%} of {task.answers} equal, {bounds.least:.4%} needed"
    if bounds.score is None:
        return said
    by = "not a number" if difference is None else f"up to {difference:.1e}"
    return f"{said}; scores differ by {by}, {bounds.score:.0e} allowed"


def disagreement(task: Task, found: Iterable[ReferenceAgreement] | None) -> str:
    """Return in one sentence where answers are not upstream's; empty where all are.

    Args:
        task: that of the references.
        found: in a run; None or nothing where nothing was compared, which proves nothing.
    """
    wrong = [each for each in found or () if not agrees(task, each)]
    if not wrong:
        return ""
    each = "; ".join(f"{one.reference} on {one.device}: {in_words(task, one)}" for one in wrong)
    return f"{task.answers} disagree with upstream's own code on reference images ({each})"


def exit_code(task_and_found: Sequence[tuple[Task, Sequence[ReferenceAgreement]]]) -> int:
    """Return 0 if all agree, 1 if any does not, else 3: there is nothing to compare with."""
    if any(disagreement(task, found) for task, found in task_and_found):
        return 1
    return 0 if all(found for _, found in task_and_found) else 3
