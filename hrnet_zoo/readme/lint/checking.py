"""All checks on one document, which of their findings are wanted, and making the safe patches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.readme.lint.document import RULES, Document, Finding, Patch
from hrnet_zoo.readme.lint.link_checks import check_files, check_later, check_links
from hrnet_zoo.readme.lint.name_checks import check_names
from hrnet_zoo.readme.lint.table_checks import check_tables
from hrnet_zoo.readme.text import Edit, spliced


def check_document(document: Document, checkpoints: Path | None = None) -> list[Finding]:
    """Return all findings in a document, in the order of its lines.

    Args:
        document: README or manifest.
        checkpoints: a folder with checkpoint files, which are checked too; reading them needs
            torch.
    """
    checks = (check_tables, check_names, check_links, check_later)
    found = [finding for check in checks for finding in check(document)]
    if checkpoints is not None:
        found += check_files(document, checkpoints)
    names: defaultdict[int, set[str]] = defaultdict(set)
    for row in document.rows:
        for spot in row.spots:
            names[spot.line].add(row.name)
    found = [
        # A line can hold several rows of HTML, and then names none.
        replace(finding, row=min(there) if len(there := names[finding.spot.line]) == 1 else "")
        if finding.row is None
        else finding
        for finding in found
    ]
    return sorted(_undecided(found), key=lambda f: (f.spot.line, f.spot.column or 0, f.code))


def _undecided(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings; patches that contradict each other are not safe, whoever is right.

    Where a label, a file's name and its tensors say three things, a person has to decide.
    """
    safe: defaultdict[int, list[Patch]] = defaultdict(list)
    for finding in found:
        if finding.patch is not None and finding.patch.is_safe:
            safe[finding.patch.spot.line].append(finding.patch)
    return [
        replace(finding, patch=replace(patch, is_safe=False))
        if (patch := finding.patch) is not None
        and any(patch.contradicts(other) for other in safe[patch.spot.line])
        else finding
        for finding in found
    ]


def codes_of(select: Sequence[str], ignore: Sequence[str]) -> set[str]:
    """Return the codes that are wanted.

    Args:
        select: codes or their beginnings, such as "HZ2"; empty means all.
        ignore: codes or their beginnings that are not wanted.

    Raises:
        UsageError: one of them is not a code.
    """
    for beginning in (*select, *ignore):
        if not beginning or not _beginning_with([beginning]):
            close = did_you_mean(beginning, RULES)
            msg = (
                f'No code begins with "{beginning}".{close} "hrnet-zoo lint --list-codes" has all.'
            )
            raise UsageError(msg)
    return (_beginning_with(select) if select else set(RULES)) - _beginning_with(ignore)


def _beginning_with(beginnings: Iterable[str]) -> set[str]:
    wanted = tuple(beginning.upper() for beginning in beginnings)
    return {code for code in RULES if code.startswith(wanted)}


def fix(text: str, findings: Iterable[Finding]) -> tuple[str, list[Finding]]:
    """Return the text with all safe patches made, and the findings that this settles.

    Args:
        text: of the document; nothing else in it changes.
        findings: in that text.
    """
    fixed: list[Finding] = []
    edits: dict[Patch, Edit] = {}
    position = 0
    patched = [(f, f.patch, f.patch.spot) for f in findings if f.patch and f.patch.can_be_made]
    for finding, patch, spot in sorted(patched, key=lambda one: one[2].start or 0):
        start = spot.start or 0
        if patch not in edits:  # two findings can ask for the same
            if start < position:
                continue
            position = start + len(spot.text)
            edits[patch] = Edit(start, position, patch.new)
        fixed.append(finding)
    return spliced(text, edits.values()), fixed
