"""Looks for inputs that break something, and makes them small."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import get_args

from hostile.case import CHANGED, Area, Case, Content, Special
from hostile.mutations import pick
from hostile.runner import NO_END, Fault, Runner
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SHRINKING_SECONDS = 15.0
"""Longest time for making a failing input smaller."""
MOST_FAULTS = 8
"""After so many of an area, a search with a fixed budget ends."""


class BrokenError(AssertionError):
    """A case that went wrong."""


@dataclass
class Explored:
    """What was found in an area."""

    area: Area
    num_inputs: int = 0
    faults: dict[str, tuple[Fault, Case]] = field(default_factory=dict)
    """Kind of fault -> the fault and the smallest case that was found."""
    answers: dict[str, Fault | None] = field(default_factory=dict)
    """Digest of a case -> what was wrong; what was run once is neither run again nor flaky."""

    def line(self) -> str:
        """Return a line of the table of counts."""
        return f"{self.area.name:<14} {self.num_inputs:>7} inputs {len(self.faults):>3} failures"

    def report(self) -> str:
        """Return what was wrong, each with its case."""
        return "\n".join(
            f"{fault.kind}: {fault.text}\n    {case.shown()}\n    {case.to_json()[:3000]}"
            for fault, case in self.faults.values()
        )


def explore(runner: Runner, found: Explored, *, first_seed: int, done: Callable[[], bool]) -> None:
    """Run as many inputs as the area's budget says, and again with other seeds until ``done``.

    A fault that is known does not end a search, so that one mistake hides no other: after each
    that is new, the same seed is searched again.
    """
    number = first_seed
    while True:
        known = len(found.faults)
        _search(runner, found, number)
        news = len(found.faults) > known
        if done() and not (news and len(found.faults) < MOST_FAULTS):
            return
        if not news:
            number += 1


def _search(runner: Runner, found: Explored, number: int) -> None:
    """Run inputs until one has a fault that is new, and make that one small."""
    answers = found.answers
    hunted = ""
    shrinking_ends = 0.0

    def examine(case: Case) -> None:
        nonlocal hunted, shrinking_ends
        if case.digest not in answers and (not hunted or time.monotonic() < shrinking_ends):
            answers[case.digest] = runner.fault(case)
            found.num_inputs += 1
        fault = answers.get(case.digest)
        if fault is None or (fault.kind in found.faults and fault.kind != hunted):
            return
        if not hunted:
            slow = fault.kind.startswith(NO_END)
            hunted, shrinking_ends = fault.kind, time.monotonic() + SHRINKING_SECONDS * (not slow)
        if fault.kind == hunted:
            found.faults[hunted] = fault, case
            raise BrokenError(hunted)

    search = settings(
        max_examples=found.area.examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    with contextlib.suppress(BrokenError):
        seed(number)(search(given(cases(found.area, runner))(examine)))()


def cases(area: Area, runner: Runner) -> st.SearchStrategy[Case]:
    """Return the strategy of all cases of an area."""
    sound = runner.sound_tree(area)
    changing: list[tuple[str, st.SearchStrategy[bytes]]] = []
    for path in sorted(sound.rglob("*")):
        name = path.relative_to(sound).as_posix()
        pattern = next((each for each in area.mutations if fnmatch(name, each)), None)
        if pattern and path.is_file():
            changing.append((name, area.mutations[pattern](path.read_bytes())))

    @st.composite
    def case(draw: st.DrawFn) -> Case:
        arguments = pick(draw, area.commands)
        files: dict[str, Content] = {}
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            name, changed = pick(draw, changing)
            special = draw(st.integers(0, 29)) == 29
            files[name] = draw(st.sampled_from(get_args(Special)) if special else changed)
        given_file = f"../{next(iter(files))}"
        named = tuple(given_file if each == CHANGED else each for each in arguments)
        return Case(area=area.name, arguments=named, files=files)

    return case()
