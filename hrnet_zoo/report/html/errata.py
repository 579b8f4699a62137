"""Findings on the documents themselves, as the page groups them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """Something wrong in a document itself, whatever was measured."""

    code: str
    """Stable name of the kind of finding."""
    severity: str
    meaning: str
    """Of the code, in words."""
    line: int
    """Of the document, from 1."""
    message: str


@dataclass(frozen=True, kw_only=True)
class ErrataOfCode:
    """All findings of one kind."""

    code: str
    severity: str
    meaning: str
    count: int
    messages: tuple[tuple[str, str], ...]
    """Lines, as text, and what was found there."""


def by_code(errata: Iterable[Erratum]) -> list[ErrataOfCode]:
    """Return findings by their codes; those that say the same of several lines become one."""
    of_code: dict[str, list[Erratum]] = {}
    for erratum in errata:
        of_code.setdefault(erratum.code, []).append(erratum)
    return [
        ErrataOfCode(
            code=code,
            severity=found[0].severity,
            meaning=found[0].meaning,
            count=len(found),
            messages=tuple(_messages(found)),
        )
        for code, found in sorted(of_code.items())
    ]


def _messages(found: Iterable[Erratum]) -> Iterable[tuple[str, str]]:
    lines: dict[str, list[str]] = {}
    for erratum in found:
        lines.setdefault(erratum.message, []).append(str(erratum.line))
    for message, numbers in lines.items():
        yield ", ".join(dict.fromkeys(numbers)), message
