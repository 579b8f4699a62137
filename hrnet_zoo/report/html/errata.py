"""Errata: findings on the documents themselves, by their kind."""

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


def by_code(errata: Iterable[Erratum]) -> list[tuple[Erratum, int, dict[str, str]]]:
    """Return one finding of each kind, how many there are, and message -> the lines it is said of.

    Findings that say the same of several lines become one.
    """
    of_code: dict[str, list[Erratum]] = {}
    for erratum in errata:
        of_code.setdefault(erratum.code, []).append(erratum)
    return [(found[0], len(found), _messages(found)) for _, found in sorted(of_code.items())]


def _messages(found: Iterable[Erratum]) -> dict[str, str]:
    lines: dict[str, dict[str, None]] = {}
    for erratum in found:
        lines.setdefault(erratum.message, {})[str(erratum.line)] = None
    return {message: ", ".join(numbers) for message, numbers in lines.items()}
