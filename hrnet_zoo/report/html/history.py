"""The runs of a claim over time: thinned, as numbers, and as a small line drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hrnet_zoo.report.html.gathering import Claim, Run
from hrnet_zoo.report.html.wording import moment
from hrnet_zoo.report.judgements import measured_cells
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Verdict

SHOWN = 16
"""Runs of one claim that are shown, at most."""

_WIDTH, _HEIGHT, _MARGIN = 240.0, 40.0, 4.0


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One run as text."""

    started_at: str
    measured: str
    delta: str
    verdict: Verdict
    file: str
    """Of the record, in the row's folder."""
    counts: bool
    """Whether the verdict on the claim rests on this run."""


@dataclass(frozen=True, kw_only=True)
class History:
    """All runs of one claim, or as many as are shown."""

    title: str
    num_runs: int
    lines: tuple[HistoryLine, ...]
    """The latest first."""
    points: str
    """A polyline of the differences in a box of 240 x 40; empty below two measurements."""
    zero: float | None
    """Where no difference is, in that box."""
    lowest: str
    highest: str


def thinned(runs: Sequence[Run], counting: Run | None) -> list[Run]:
    """Return at most `SHOWN` runs, oldest first.

    The first, the last and the one that counts stay, then the latest at which the verdict changed;
    the rest is spread evenly.
    """
    if len(runs) <= SHOWN:
        return list(runs)
    last = len(runs) - 1
    kept = {0, last} | {i for i, run in enumerate(runs) if run is counting}
    changes = [i for i in range(1, last) if _verdict(runs[i]) is not _verdict(runs[i - 1])]
    kept.update(changes[-SHOWN // 2 :])
    free = SHOWN - len(kept)
    kept.update(round((i + 1) * last / (free + 1)) for i in range(free))
    return [runs[i] for i in sorted(kept)]


def history_of(claim: Claim) -> History:
    """Return the runs of a claim for the page."""
    shown = thinned(claim.runs, claim.run)
    deltas = [run.delta for run in shown if run.delta is not None]
    points, zero = _polyline(deltas)
    return History(
        title=METRICS[claim.metric].title,
        num_runs=len(claim.runs),
        lines=tuple(_line(run, counts=run is claim.run) for run in reversed(shown)),
        points=points,
        zero=zero,
        lowest=f"{min(deltas):+.3f}" if deltas else "",
        highest=f"{max(deltas):+.3f}" if deltas else "",
    )


def _verdict(run: Run) -> Verdict:
    return run.judgement.verdict


def _line(run: Run, *, counts: bool) -> HistoryLine:
    measured, delta = measured_cells(run.judgement) if run.measured is not None else ("-", "-")
    return HistoryLine(
        started_at=moment(run.started_at),
        measured=measured,
        delta=delta,
        verdict=_verdict(run),
        file=run.path.rpartition("/")[2],
        counts=counts,
    )


def _polyline(deltas: Sequence[float]) -> tuple[str, float | None]:
    """Return "x,y x,y ..." for the differences in their order, and the height of 0."""
    if len(deltas) < 2:
        return "", None
    low, high = min(0.0, *deltas), max(0.0, *deltas)
    span = (high - low) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / (len(deltas) - 1)

    def height(delta: float) -> float:
        return round(_MARGIN + (high - delta) / span * (_HEIGHT - 2 * _MARGIN), 1)

    points = [f"{_MARGIN + i * step:.1f},{height(delta)}" for i, delta in enumerate(deltas)]
    return " ".join(points), height(0.0)
