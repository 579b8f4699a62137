"""The outcome of a comparison for CI systems: JUnit's XML, and GitHub's workflow commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    cases = [_case(comparison) for comparison in compared.comparisons]
    cases += [_problem_case(number, text) for number, text in enumerate(compared.problems, 1)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(_number_with("failure", cases)),
        "errors": str(_number_with("error", cases)),
        "skipped": str(_number_with("skipped", cases)),
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
        command(_level(comparison), sentence(comparison), title=_title(comparison))
        for comparison in compared.comparisons
        if comparison.outcome is not ComparisonOutcome.SAME
    ]
    lines += [command("warning", problem, title="unusable") for problem in compared.problems]
    lines += [command("notice", remark, title="note") for remark in compared.remarks]
    # A line that begins with "::" would be a command; this one says what was found.
    return "\n".join([*lines, f"hrnet-zoo compare: {summary(compared)}"])


def _case(comparison: Comparison) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        {
            "classname": _xml_text(comparison.row),
            "name": _xml_text(title_of(comparison)),
            "time": "0",
        },
    )
    said = _xml_text(sentence(comparison))
    outcome = comparison.outcome
    if outcome is ComparisonOutcome.WORSE or outcome in NO_ANSWER:
        kind = "failure" if outcome is ComparisonOutcome.WORSE else "error"
        child = ElementTree.SubElement(case, kind, {"message": said, "type": outcome.value})
        child.text = said
    elif outcome in (ComparisonOutcome.INCONCLUSIVE, ComparisonOutcome.NEW):
        ElementTree.SubElement(case, "skipped", {"message": said})
    else:
        ElementTree.SubElement(case, "system-out").text = said
    return case


def _problem_case(number: int, text: str) -> ElementTree.Element:
    attributes = {"classname": "records", "name": f"problem {number}", "time": "0"}
    case = ElementTree.Element("testcase", attributes)
    said = _xml_text(text)
    ElementTree.SubElement(case, "error", {"message": said, "type": "unusable"}).text = said
    return case


def _number_with(child: str, cases: Iterable[ElementTree.Element]) -> int:
    return sum(case.find(child) is not None for case in cases)


def _xml_text(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _level(comparison: Comparison) -> str:
    if comparison.outcome is ComparisonOutcome.WORSE:
        return "error"
    is_open = comparison.outcome in NO_ANSWER or comparison.may_be_regression
    return "warning" if is_open else "notice"


def _title(comparison: Comparison) -> str:
    return f"{comparison.row} {title_of(comparison)}: {comparison.outcome.label}"
