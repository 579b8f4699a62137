"""An examination for reading: a heading for each area, a line for each finding, 80 columns."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click

from hrnet_zoo.doctor.finding import Finding, State, is_ready

_WIDTH = 80
_COLOURS = {State.FINE: "green", State.NOTE: "yellow", State.BROKEN: "red"}
_NAME_WIDTH = 15


def as_text(finding: Finding, *, heading: bool) -> str:
    """Return a finding and, below it, what to do.

    Args:
        finding: what was found.
        heading: whether its area begins with it.
    """
    head = f"  {finding.state:<6}  {finding.name:<{_NAME_WIDTH}}  "
    indent = " " * len(f"  {'':<6}  {'':<{_NAME_WIDTH}}  ")
    lines = _wrapped(head + finding.found, indent)
    if finding.remedy is not None:
        lines += _wrapped(f"{indent}-> {finding.remedy}", f"{indent}   ")
    coloured = click.style(finding.state, fg=_COLOURS[finding.state])
    text = "\n".join(lines).replace(finding.state, coloured, 1)
    return f"{click.style(finding.area, bold=True)}\n{text}" if heading else text


def as_json(findings: Sequence[Finding]) -> str:
    """Return all findings, and whether what was asked for can work, for programs."""
    content = {"ready": is_ready(findings), "findings": [asdict(f) for f in findings]}
    # Not by `report.text`: that needs packages which may be broken.
    return json.dumps(content, indent=2, ensure_ascii=False)


def conclusion(findings: Sequence[Finding]) -> str:
    """Return what the findings amount to."""
    counts = Counter(finding.state for finding in findings)
    broken, notes = counts[State.BROKEN], counts[State.NOTE]
    what = "not ready: see what is broken" if broken else "ready: what was asked for can work"
    return f"\n{what}; {broken} broken, {notes} to note"


def _wrapped(text: str, indent: str) -> list[str]:
    # Paths and commands are copied from here, so none is broken at a hyphen.
    return textwrap.wrap(
        text,
        _WIDTH,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
        replace_whitespace=True,
    )
