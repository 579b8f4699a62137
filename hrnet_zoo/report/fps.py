"""Verdicts on documented fps: text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from hrnet_zoo.report.text import aligned, to_json
from hrnet_zoo.verdicts.fps.judging import (
    FALSE_ALARMS,
    FAMILY,
    OUTLIERS,
    FpsJudgement,
    FpsVerdict,
    findings,
)
from hrnet_zoo.verdicts.fps.machine import Machine

_TITLES = ("row", "documented", "implied", "consistent from - to", "difference", "verdict")


def fps_as_text(
    judgements: Sequence[FpsJudgement],
    undocumented: Sequence[str],
    machines: Mapping[str, Machine],
) -> str:
    """Return the verdicts for reading: one list per table, and ratios where there is no verdict.

    Args:
        judgements: rows of a table one after the other.
        undocumented: timed rows without a documented fps.
        machines: README -> the machine that its tables describe.
    """
    parts = []
    for (source, table), group in groupby(judgements, key=lambda j: (j.row.source, j.row.table)):
        members = list(group)
        cells = [_cells(judgement) for judgement in members]
        listing = aligned(_TITLES, cells, "lrrrrl")
        heading = f"{table} ({source}), images per second"
        parts.append("\n".join([heading, listing, *_without_verdict(members)]))
    parts += [_machine_line(source, machine) for source, machine in machines.items()]
    parts += _outliers_line(judgements)
    if undocumented:
        parts.append(f"without a documented fps: {', '.join(undocumented)}")
    return "\n\n".join(parts)


def _outliers_line(judgements: Sequence[FpsJudgement]) -> Iterator[str]:
    """Yield what the outliers among all rows amount to."""
    outliers = sum(judgement.verdict in OUTLIERS for judgement in judgements)
    judged = sum(judgement.p_value is not None for judgement in judgements)
    if not outliers:
        return
    found = ", ".join(judgement.row.name for judgement in findings(judgements))
    said = f"outliers: {outliers} of {judged} rows, at {FALSE_ALARMS:.0%} each; "
    if found:
        yield f"{said}beyond what {judged} sound rows mostly have ({1 - FAMILY:.0%}): {found}"
    else:
        yield f"{said}sound rows have as many, so none is a finding"


def fps_as_json(judgements: Sequence[FpsJudgement], undocumented: Sequence[str]) -> str:
    """Return the verdicts for programs: one object per timed row."""
    found = findings(judgements)
    judged = [
        {
            "name": j.row.name,
            "source": j.row.source,
            "table": j.row.table,
            "seconds_per_image": j.row.measured_s,
            "documented_fps": j.row.documented_fps,
            "implied_fps": j.implied_fps,
            "interval": j.interval,
            "difference": j.difference,
            "verdict": j.verdict,
            "p_value": j.p_value,
            "is_finding": j in found,
            "reason": j.reason,
            "ratios": j.ratios,
        }
        for j in judgements
    ]
    return to_json([*judged, *({"name": n, "verdict": "not_documented"} for n in undocumented)])


def _cells(judgement: FpsJudgement) -> list[str]:
    row = judgement.row
    own = [row.name, str(row.documented_fps)]
    if judgement.implied_fps is None or judgement.interval is None:
        return [*own, "", "", "", judgement.verdict.label]
    low, high = judgement.interval
    return [
        *own,
        f"{judgement.implied_fps:.2f}",
        f"{low:.2f} - {high:.2f}",
        f"{judgement.difference:+.0%}",
        judgement.verdict.label,
    ]


def _machine_line(source: str, machine: Machine) -> str:
    launches = [1e6 * seconds for seconds in machine.launch_s.values()]
    costs = [f"{min(launches):.0f} to {max(launches):.0f} us to launch a layer"]
    if machine.slowdown:
        costs.append(f"{machine.slowdown:.3g} s for each second here")
    if machine.multiply_add_s:
        costs.append(f"{1e-12 / machine.multiply_add_s:.3g} T multiply-adds per second")
    if machine.byte_s:
        costs.append(f"{1e-9 / machine.byte_s:.3g} GB/s")
    return f"documented machine ({source}): {', '.join(costs)}; rows differ by {machine.noise:.1%}"


def _without_verdict(judgements: Sequence[FpsJudgement]) -> Iterator[str]:
    """Yield what can be said of the rows of a table that have no verdict: each pair's ratio."""
    undecided = [j for j in judgements if j.verdict is FpsVerdict.TOO_FEW_ROWS]
    yield from dict.fromkeys(f"no verdict: {judgement.reason}" for judgement in undecided)
    differences = []
    done: set[str] = set()
    for judgement in undecided:
        done.add(judgement.row.name)
        for ratio in judgement.ratios:
            if ratio.to in done:
                continue
            differences.append(ratio.difference)
            yield (
                f"  {judgement.row.name} is documented {ratio.documented:.2f} times as fast as "
                f"{ratio.to}, here {ratio.measured:.2f}: {ratio.difference:+.0%}"
            )
    if len(differences) > 1:
        yield f"  differences of ratios: {min(differences):+.0%} to {max(differences):+.0%}"
