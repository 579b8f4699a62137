"""Findings for people, for programs, and as annotations on GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter

import click
from tabulate import tabulate

from hrnet_zoo.readme.lint.document import RULES, Finding, Patch, Severity
from hrnet_zoo.system.foreign import on_one_line
from hrnet_zoo.system.github import command

Found = Sequence[tuple[str, Finding]]
"""File names and findings in them."""

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "info": "blue"}
_LONGEST_SHOWN = 60


def as_text(found: Found) -> str:
    """Return the findings by files and codes, each with its place and row, and how many there are.

    What is said of several rows is said once, above them.
    """
    if not found:
        return "nothing found"
    lines = []
    kind = attrgetter("code", "severity")
    for name, in_file in groupby(found, key=itemgetter(0)):
        lines += [name, ""]
        for (code, severity), alike in groupby(sorted((f for _, f in in_file), key=kind), key=kind):
            title = f"{code} {click.style(severity, fg=_COLOURS[severity])}"
            lines += [f"{title}: {RULES[code].meaning}", *_lines(alike), ""]
    return "\n".join([*map(on_one_line, lines), _count(found)])


def _lines(alike: Iterable[Finding]) -> Iterator[str]:
    """Yield lines for findings of one code."""
    said: dict[str, list[Finding]] = {}
    for finding in alike:
        said.setdefault(_sentence(finding), []).append(finding)
    for sentence, findings in said.items():
        if len(findings) > 1:
            yield f"  {sentence}"
            yield from (f"    {_where(f):>8}  {f.row or f.spot.text}" for f in findings)
        else:
            [finding] = findings
            row = f"{finding.row}: " if finding.row else ""
            yield f"    {_where(finding):>8}  {row}{sentence}"


def fixed_as_text(fixed: Found) -> str:
    """Return one line for each patch that was made, by files."""
    lines = []
    for name, in_file in groupby(fixed, key=itemgetter(0)):
        lines += [name, ""]
        lines += [
            f"    {_where(finding):>8}  {finding.code} fixed: {_change(finding.patch)}"
            for _, finding in in_file
            if finding.patch is not None
        ]
        lines.append("")
    return "\n".join(map(on_one_line, lines))


def _sentence(finding: Finding) -> str:
    """Return what is found, without the row's name, and what could stand there instead."""
    text = finding.message.removeprefix(f"{finding.row}: ")
    if (patch := finding.patch) is None:
        return text
    # What a manifest quotes is put right where it was quoted from.
    unsafe = "should be" if patch.is_safe else "perhaps"
    return f"{text} [{'--fix' if patch.can_be_made else unsafe}: {_change(patch)}]"


def as_json(found: Found, fixed: Found) -> str:
    """Return an object with the findings that are left and those that were settled."""
    content = {
        "findings": [_as_dict(name, finding) for name, finding in found],
        "fixed": [_as_dict(name, finding) for name, finding in fixed],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_github(found: Found) -> str:
    """Return one workflow command for each finding, which GitHub shows beside the line."""
    lines = []
    for name, finding in found:
        places = {"file": name, "line": str(finding.spot.line)}
        if finding.spot.column is not None:
            places["col"] = str(finding.spot.column)
        level = "notice" if finding.severity == "info" else finding.severity
        lines.append(command(level, finding.message, title=finding.code, **places))
    return "\n".join(lines)


def codes_as_text() -> str:
    """Return all codes with what they mean."""
    cells = [[code, rule.severity, rule.meaning] for code, rule in RULES.items()]
    table = tabulate(cells, ["code", "severity", "meaning"], tablefmt="simple")
    return f"{table}\n\nWhere it may be meant, as where all are so, a finding is only an info."


def _count(found: Found) -> str:
    counts = Counter(finding.severity for _, finding in found)
    listed = [
        f"{counts[severity]} {severity}{'s' * (counts[severity] > 1 and severity != 'info')}"
        for severity in _COLOURS
        if counts[severity]
    ]
    fixable = sum(f.patch is not None and f.patch.can_be_made for _, f in found)
    return ", ".join(listed) + (f"; --fix settles {fixable}" if fixable else "")


def _where(finding: Finding) -> str:
    column = "" if finding.spot.column is None else f":{finding.spot.column}"
    return f"{finding.spot.line}{column}"


def _change(patch: Patch) -> str:
    old, new = (
        text if len(text) <= _LONGEST_SHOWN else f"...{text[3 - _LONGEST_SHOWN :]}"
        for text in (patch.spot.text, patch.new)
    )
    return f"{old} -> {new}"


def _as_dict(name: str, finding: Finding) -> dict[str, object]:
    patch = finding.patch
    return {
        "file": name,
        "line": finding.spot.line,
        "column": finding.spot.column,
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "patch": patch and {"old": patch.spot.text, "new": patch.new, "safe": patch.is_safe},
    }
