"""Findings for people, for programs, and as annotations on GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import click
from tabulate import tabulate

from hrnet_zoo.readme.lint.codes import RULES, Severity
from hrnet_zoo.readme.lint.document import Finding, Patch
from hrnet_zoo.system.github import command

Found = Sequence[tuple[str, Finding]]
"""File names and findings in them."""

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "info": "blue"}
_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
_LONGEST_SHOWN = 60


def as_text(found: Found) -> str:
    """Return one line for each finding, and how many there are."""
    return "\n".join([*map(_line, found), "", _count(found)]) if found else "nothing found"


def fixed_as_text(fixed: Found) -> str:
    """Return one line for each patch that was made."""
    lines = [
        f"{_where(name, finding)}: {finding.code} fixed: {_change(finding.patch)}"
        for name, finding in fixed
        if finding.patch is not None
    ]
    return "\n".join(lines)


def as_json(found: Found, fixed: Found) -> str:
    """Return an object with the findings that are left and those that were settled."""
    content = {
        "findings": [_as_dict(name, finding) for name, finding in found],
        "fixed": [_as_dict(name, finding) for name, finding in fixed],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_github(found: Found) -> str:
    """Return one workflow command for each finding, which GitHub shows beside the line."""
    return "\n".join(_annotation(name, finding) for name, finding in found)


def codes_as_text() -> str:
    """Return all codes with what they mean."""
    cells = [[code, rule.severity, rule.meaning] for code, rule in RULES.items()]
    return tabulate(cells, ["code", "severity", "meaning"], tablefmt="simple")


def _line(one: tuple[str, Finding]) -> str:
    name, finding = one
    severity = click.style(finding.severity, fg=_COLOURS[finding.severity])
    line = f"{_where(name, finding)}: {finding.code} {severity}: {finding.message}"
    if finding.patch is not None:
        line += f" [{_how_sure(finding.patch)}: {_change(finding.patch)}]"
    return line


def _how_sure(patch: Patch) -> str:
    if patch.can_be_made:
        return "--fix"
    # What a manifest quotes is put right where it was quoted from.
    return "should be" if patch.is_safe else "perhaps"


def _count(found: Found) -> str:
    counts = Counter(finding.severity for _, finding in found)
    listed = [
        f"{counts[severity]} {severity}{'s' * (counts[severity] > 1 and severity != 'info')}"
        for severity in _COLOURS
        if counts[severity]
    ]
    fixable = sum(f.patch is not None and f.patch.can_be_made for _, f in found)
    return ", ".join(listed) + (f"; --fix settles {fixable}" if fixable else "")


def _where(name: str, finding: Finding) -> str:
    column = "" if finding.spot.column is None else f":{finding.spot.column}"
    return f"{name}:{finding.spot.line}{column}"


def _change(patch: Patch | None) -> str:
    return "" if patch is None else f"{_short(patch.spot.text)} -> {_short(patch.new)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"...{text[3 - _LONGEST_SHOWN :]}"


def _as_dict(name: str, finding: Finding) -> dict[str, object]:
    patch = finding.patch
    return {
        "file": name,
        "line": finding.spot.line,
        "column": finding.spot.column,
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "patch": None
        if patch is None
        else {"old": patch.spot.text, "new": patch.new, "safe": patch.is_safe},
    }


def _annotation(name: str, finding: Finding) -> str:
    places = {"file": name, "line": str(finding.spot.line)}
    if finding.spot.column is not None:
        places["col"] = str(finding.spot.column)
    return command(_LEVELS[finding.severity], finding.message, title=finding.code, **places)
