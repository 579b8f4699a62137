"""Colours of charts, told apart by colour-blind readers, too (after Okabe and Ito)."""

from __future__ import annotations

from dataclasses import dataclass

from hrnet_zoo.verdicts.accuracy import Verdict

SHAPES: dict[Verdict, str] = {
    Verdict.MATCH: "circle",
    Verdict.MISMATCH_BETTER: "triangle-up",
    Verdict.MISMATCH_WORSE: "triangle-down",
    Verdict.INCONCLUSIVE: "square",
    Verdict.NOT_COMPARABLE: "diamond",
    Verdict.NOT_DOCUMENTED: "cross",
    Verdict.NOT_RUN: "cross",
    Verdict.ERROR: "cross",
}
"""Marks of verdicts, as none is told by its colour alone."""

NUM_SERIES = 7


@dataclass(frozen=True, kw_only=True)
class Colours:
    """All colours of a chart."""

    background: str
    ink: str
    muted: str
    grid: str
    band: str
    """Within the tolerance."""
    verdicts: dict[Verdict, str]
    series: tuple[str, ...]
    """One per backbone."""


OF_PAGE = Colours(
    background="transparent",
    ink="var(--ink)",
    muted="var(--muted)",
    grid="var(--line)",
    band="var(--band)",
    verdicts={verdict: f"var(--{verdict.value.replace('_', '-')})" for verdict in Verdict},
    series=tuple(f"var(--series-{number})" for number in range(1, NUM_SERIES + 1)),
)
"""Properties of the page's style sheet: they follow dark mode and print without drawing again."""

ON_WHITE = Colours(
    background="#ffffff",
    ink="#1d2329",
    muted="#5a646e",
    grid="#dfe3e8",
    band="#e3e8ee",
    verdicts={
        Verdict.MATCH: "#00785a",
        Verdict.MISMATCH_BETTER: "#0067a8",
        Verdict.MISMATCH_WORSE: "#c04c00",
        Verdict.INCONCLUSIVE: "#946a00",
        Verdict.NOT_COMPARABLE: "#7b5aa6",
        Verdict.NOT_DOCUMENTED: "#76808a",
        Verdict.NOT_RUN: "#5a646e",
        Verdict.ERROR: "#b01550",
    },
    series=("#0072b2", "#d55e00", "#009e73", "#a04c80", "#b07d00", "#3f93c4", "#4a4f55"),
)
"""For figures that stand alone."""
