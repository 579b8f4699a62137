"""The outcome of a comparison: text, Markdown, JSON, JUnit's XML, and commands of GitHub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

import click

from hrnet_zoo.report.text import aligned, or_dash, to_json
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.system.github import command
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.comparison.outcome import (
    CHANGES,
    NO_ANSWER,
    ComparedRecords,
    Comparison,
    ComparisonOutcome,
    exit_code,
)

_TITLES = ("row", "", "base", "head", "difference", "95 % interval", "outcome", "basis")
_ALIGN = "llrrrrll"
_LONGEST = 1000
"""Characters of a basis or a problem."""
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
_COLOURS = {
    ComparisonOutcome.WORSE: "red",
    ComparisonOutcome.BETTER: "green",
    ComparisonOutcome.SAME: "green",
}

# XML 1.0 cannot hold these characters, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    table = aligned(_TITLES, cells, _ALIGN)
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
    table = aligned(_TITLES, cells, _ALIGN, form="pipe")
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
        "fail_on": [outcome for outcome in ComparisonOutcome if outcome in compared.fail_on],
        "comparisons": compared.comparisons,
        "problems": compared.problems,
        "remarks": compared.remarks,
    }
    return to_json(content)


def comparison_as_junit(compared: ComparedRecords) -> str:
    """Return JUnit's XML with one test case per number, and one per unusable file.

    What became worse is a failure. What has no answer is an error, which test reports show apart
    from failures: infrastructure, not the model. Whatever else leaves something open is skipped,
    with the reason. `--fail-on` chooses what is a failure or an error.

    Source:
        The schema of the Apache Ant JUnit task, as Jenkins, GitLab and GitHub's viewers read it.
    """
    cases = [
        _case(c.row, title_of(c), _tag(c, compared), sentence(c), c.outcome.value)
        for c in compared.comparisons
    ]
    cases += [
        _case("records", f"problem {number}", "error", text, "unusable")
        for number, text in enumerate(compared.problems, 1)
    ]
    tags = Counter(case[0].tag for case in cases)
    about = {
        "name": "hrnet-zoo compare",
        "tests": str(len(cases)),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
        "skipped": str(tags["skipped"]),
        "time": "0",
    }
    root = ElementTree.Element("testsuites", about)
    suite = ElementTree.SubElement(root, "testsuite", about)
    suite.extend(cases)
    remarks = [f"{compared.base} against {compared.head}", summary(compared), *compared.remarks]
    ElementTree.SubElement(suite, "system-out").text = _xml_text("\n".join(remarks))
    ElementTree.indent(root)
    # ASCII with character references: whatever encoding standard output has, it can hold that.
    text: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode("ascii")


def comparison_as_github(compared: ComparedRecords) -> str:
    """Return one workflow command per number that is not the same, worst first, and the sentence.

    Regressions are errors; what has no answer is a warning, so that nobody takes a broken download
    for a broken model, and so is what may be a regression; the rest are notices.
    """
    lines = [
        command(_level(c, compared), sentence(c), title=f"{c.row} {title_of(c)}: {c.outcome.label}")
        for c in compared.comparisons
        if c.outcome is not ComparisonOutcome.SAME
    ]
    lines += [command("warning", problem, title="unusable") for problem in compared.problems]
    lines += [command("notice", remark, title="note") for remark in compared.remarks]
    # A line that begins with "::" would be a command; this one says what was found.
    return "\n".join([*lines, f"hrnet-zoo compare: {summary(compared)}"])


def summary(compared: ComparedRecords) -> str:
    """Return in one sentence what the comparison amounts to."""
    counted = Counter(comparison.outcome for comparison in compared.comparisons)
    numbers = (
        ", ".join(f"{counted[o]} {o.label}" for o in ComparisonOutcome if counted[o]) or "nothing"
    )
    problems = len(compared.problems)
    beside = f", {problems} problem{'s' * (problems != 1)}" if problems else ""
    if counted[ComparisonOutcome.WORSE]:
        said = "a regression"
    elif problems or any(counted[outcome] for outcome in NO_ANSWER):
        said = "no regression is known, but not everything could be compared"
    elif counted[ComparisonOutcome.INCONCLUSIVE] or counted[ComparisonOutcome.FAILED_AS_BEFORE]:
        said = "nothing is known to be worse"
    else:
        said = "nothing is worse"
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
    values = [or_dash(v, f".{finer}f") for v in (comparison.base, comparison.head)]
    decimals = 1 if is_speed else finer
    difference = comparison.difference
    return [
        comparison.row,
        title_of(comparison),
        *(value if value == "-" else value + unit for value in values),
        "-" if difference is None else f"{_signed(difference, decimals)}{percent}",
        _interval(comparison.interval, decimals, percent),
    ]


def _interval(interval: Sequence[float] | None, decimals: int, percent: str) -> str:
    if interval is None:
        return "-"
    low, high = (_signed(end, decimals) for end in interval)
    return f"{low} to {high}{percent}"


def _signed(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"  # no "-0.00"


def _quoted(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _in_one_line(text.translate(_AS_TEXT))


def _in_one_line(text: str) -> str:
    """Return text without line breaks and control characters: records may hold anything."""
    return shown(text, _LONGEST)


def _case(row: str, name: str, tag: str, said: str, kind: str) -> ElementTree.Element:
    attributes = {"classname": _xml_text(row), "name": _xml_text(name), "time": "0"}
    case, said = ElementTree.Element("testcase", attributes), _xml_text(said)
    why = {} if tag == "system-out" else {"message": said}
    if tag in ("failure", "error"):
        why["type"] = kind
    ElementTree.SubElement(case, tag, why).text = said
    return case


def _xml_text(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _tag(comparison: Comparison, compared: ComparedRecords) -> str:
    outcome = comparison.outcome
    if outcome in compared.fail_on:
        return "failure" if outcome in CHANGES else "error"
    return "system-out" if outcome in (*CHANGES, ComparisonOutcome.SAME) else "skipped"


def _level(comparison: Comparison, compared: ComparedRecords) -> str:
    outcome = comparison.outcome
    if outcome in CHANGES and outcome in compared.fail_on:
        return "error"
    warns = (*compared.fail_on, *NO_ANSWER, ComparisonOutcome.WORSE)
    return "warning" if outcome in warns or comparison.may_be_regression else "notice"
