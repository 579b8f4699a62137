"""The outcome of a comparison as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

import click
from tabulate import tabulate

from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.comparison.outcome import (
    NO_ANSWER,
    ComparedRecords,
    Comparison,
    ComparisonOutcome,
    exit_code,
)

_TITLES = ("row", "", "base", "head", "difference", "95 % interval", "outcome", "basis")
_ALIGN = ("left", "left", "right", "right", "right", "right", "left", "left")
_MARKS = {
    ComparisonOutcome.WORSE: "\N{CROSS MARK}",
    ComparisonOutcome.BETTER: "\N{WHITE HEAVY CHECK MARK}",
    **dict.fromkeys(NO_ANSWER, "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}"),
}
_AS_TEXT = str.maketrans({character: f"\\{character}" for character in "\\`*_[]|~#"}) | {
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("&"): "&amp;",
}
_SAID = {
    0: "nothing is worse",
    1: "a regression",
    3: "no regression is known, but not everything could be compared",
}
_COLOURS = {
    ComparisonOutcome.WORSE: "red",
    ComparisonOutcome.BETTER: "green",
    ComparisonOutcome.SAME: "green",
}


def comparison_as_text(compared: ComparedRecords) -> str:
    """Return the comparison as a table, worst first, with what it amounts to below."""
    cells = [
        [
            *map(_in_one_line, _cells(c)),
            click.style(c.outcome.label, fg=_COLOURS.get(c.outcome, "yellow")),
            _in_one_line(c.basis),
        ]
        for c in compared.comparisons
    ]
    table = tabulate(cells, _TITLES, tablefmt="simple", disable_numparse=True, colalign=_ALIGN)
    lines = [table] if cells else []
    lines += [f"problem: {_in_one_line(problem)}" for problem in compared.problems]
    lines += [f"note: {_in_one_line(remark)}" for remark in compared.remarks]
    return "\n".join([*lines, summary(compared)])


def comparison_as_markdown(compared: ComparedRecords) -> str:
    """Return the comparison as a heading, one sentence and a table, worst first."""
    cells = [
        [
            *map(_quoted, _cells(c)),
            f"{_MARKS.get(c.outcome, '')} {c.outcome.label}".strip(),
            _quoted(c.basis),
        ]
        for c in compared.comparisons
    ]
    table = tabulate(cells, _TITLES, tablefmt="pipe", disable_numparse=True, colalign=_ALIGN)
    lines = [f"- problem: {_quoted(problem)}" for problem in compared.problems]
    lines += [f"- {_quoted(remark)}" for remark in compared.remarks]
    heading = f"### {_quoted(compared.base)} against {_quoted(compared.head)}"
    parts = [heading, _quoted(summary(compared)), "\n".join(lines), table if cells else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_as_json(compared: ComparedRecords) -> str:
    """Return the comparison as an object; numbers as numbers, absent ones as null."""
    content = {
        "base": compared.base,
        "head": compared.head,
        "exit_code": exit_code(compared),
        "comparisons": [asdict(comparison) for comparison in compared.comparisons],
        "problems": list(compared.problems),
        "remarks": list(compared.remarks),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def summary(compared: ComparedRecords) -> str:
    """Return in one sentence what the comparison amounts to."""
    counted = Counter(comparison.outcome for comparison in compared.comparisons)
    numbers = (
        ", ".join(f"{counted[o]} {o.label}" for o in ComparisonOutcome if counted[o]) or "nothing"
    )
    problems = len(compared.problems)
    beside = f", {problems} problem{'s' * (problems != 1)}" if problems else ""
    code = exit_code(compared)
    is_open = code == 0 and counted[ComparisonOutcome.INCONCLUSIVE] > 0
    said = "nothing is known to be worse" if is_open else _SAID[code]
    return f"{said}: {numbers}{beside}"


def title_of(comparison: Comparison) -> str:
    """Return what a number is called beside its row."""
    if comparison.kind == "speed":
        title = f"latency ({comparison.metric})"
    else:
        title = METRICS[comparison.metric].title
    return title + (" (later)" if comparison.edition == "later" else "")


def sentence(comparison: Comparison) -> str:
    """Return what became of a number, in one line."""
    _, _, base, head, difference, interval = _cells(comparison)
    change = f", {base} to {head} ({difference})" if comparison.difference is not None else ""
    within = f", 95 % interval {interval}" if comparison.interval else ""
    return f"{comparison.outcome.label}{change}{within}; {_in_one_line(comparison.basis)}"


def _cells(comparison: Comparison) -> list[str]:
    """Return row, metric, both values, difference and interval, one decimal finer than printed."""
    is_speed, finer = comparison.kind == "speed", 1 + comparison.decimals
    unit, percent = (" ms", " %") if is_speed else ("", "")
    values = [
        "-" if value is None else f"{value:.{finer}f}{unit}"
        for value in (comparison.base, comparison.head)
    ]
    decimals, difference, interval = 1 if is_speed else finer, "-", "-"
    if comparison.difference is not None:
        difference = _signed(comparison.difference, decimals) + percent
    if comparison.interval is not None:
        interval = " to ".join(_signed(end, decimals) for end in comparison.interval) + percent
    return [comparison.row, title_of(comparison), *values, difference, interval]


def _signed(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"  # no "-0.00"


def _quoted(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _in_one_line(text.translate(_AS_TEXT))


def _in_one_line(text: str) -> str:
    """Return text without line breaks and control characters: records may hold anything.

    In a log of GitHub, a line that begins with two colons would be a command.
    """
    shown = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return f'"{shown}"' if shown.startswith("::") else shown
