"""The outcome of a comparison for CI systems: JUnit's XML, and GitHub's workflow commands."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

from hrnet_zoo.report.comparison import sentence, summary, title_of
from hrnet_zoo.system.github import command
from hrnet_zoo.verdicts.comparison.outcome import (
    NO_ANSWER,
    ComparedRecords,
    Comparison,
    ComparisonOutcome,
)

_SUITE = "hrnet-zoo compare"
_TAGS = {
    ComparisonOutcome.WORSE: "failure",
    **dict.fromkeys(NO_ANSWER, "error"),
    ComparisonOutcome.INCONCLUSIVE: "skipped",
    ComparisonOutcome.NEW: "skipped",
}

# XML 1.0 cannot hold these characters, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def comparison_as_junit(compared: ComparedRecords) -> str:
    """Return JUnit's XML with one test case per number, and one per unusable file.

    What became worse is a failure. What has no answer is an error, which test reports show apart
    from failures: infrastructure, not the model. Inconclusive and new numbers are skipped, with
    the reason.

    Source:
        The schema of the Apache Ant JUnit task, as Jenkins, GitLab and GitHub's viewers read it.
    """
    cases = [
        _case(c.row, title_of(c), _TAGS.get(c.outcome, "system-out"), sentence(c), c.outcome.value)
        for c in compared.comparisons
    ]
    cases += [
        _case("records", f"problem {number}", "error", text, "unusable")
        for number, text in enumerate(compared.problems, 1)
    ]
    tags = Counter(case[0].tag for case in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
        "skipped": str(tags["skipped"]),
        "time": "0",
    }
    root = ElementTree.Element("testsuites", {"name": _SUITE, **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _SUITE, **counts})
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
        command(_level(c), sentence(c), title=f"{c.row} {title_of(c)}: {c.outcome.label}")
        for c in compared.comparisons
        if c.outcome is not ComparisonOutcome.SAME
    ]
    lines += [command("warning", problem, title="unusable") for problem in compared.problems]
    lines += [command("notice", remark, title="note") for remark in compared.remarks]
    # A line that begins with "::" would be a command; this one says what was found.
    return "\n".join([*lines, f"hrnet-zoo compare: {summary(compared)}"])


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


def _level(comparison: Comparison) -> str:
    if comparison.outcome is ComparisonOutcome.WORSE:
        return "error"
    is_open = comparison.outcome in NO_ANSWER or comparison.may_be_regression
    return "warning" if is_open else "notice"
