"""What was found when records were held against their images files: text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Unusable, read_files, run_files
from hrnet_zoo.report.text import to_json
from hrnet_zoo.system import foreign
from hrnet_zoo.verdicts.checked import evidence_of, row_of
from hrnet_zoo.zoo.zoo import Zoo


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One record that was checked."""

    file: str
    contradictions: list[str]
    not_checked: list[str]
    """What could not be recomputed or read, with the reason."""


def checked_records(zoo: Zoo, place: Path) -> list[Checked]:
    """Check the record in a file, or all records of accuracy below a folder."""
    checks = []
    for found in read_files(file for file in run_files(place) if not file.is_empty):
        if isinstance(found, Unusable):
            checks.append(_checked(found.file.path, [], [found.reason]))
        elif isinstance(found.record, AccuracyRecord):
            row = row_of(zoo, found.record)
            evidence = evidence_of(row, found.record, found.path)
            unchecked = list(dict.fromkeys(evidence.unchecked.values()))
            if evidence.missing:
                unchecked.append(evidence.missing)
            elif found.record.status != "completed":
                unchecked.append(
                    f'nothing can be recomputed of a run that is "{found.record.status}"'
                )
            if row is None:
                unchecked.append(f"{zoo.path.name} has no row {found.record.row}; see --zoo")
            checks.append(_checked(found.path, [*evidence.contradictions], unchecked))
    return checks


def checks_as_text(checks: Sequence[Checked]) -> str:
    """Return a line for every record, with what was found below it."""
    lines = []
    for check in checks:
        sound = not (check.contradictions or check.not_checked)
        lines.append(f"{check.file}: {click.style('sound', fg='green')}" if sound else check.file)
        lines += [f"  {click.style(each, fg='red')}" for each in check.contradictions]
        lines += [f"  not checked: {each}" for each in check.not_checked]
    contradicting = sum(bool(check.contradictions) for check in checks)
    records = f"{len(checks)} record{'s' * (len(checks) != 1)}"
    if not checks:
        return "There is no record of accuracy to check."
    lines.append(f"{records} checked, {contradicting} with contradictions")
    return "\n".join(map(foreign.on_one_line, lines))


def checks_as_json(checks: Sequence[Checked]) -> str:
    """Return an array with one object for each record."""
    return to_json(list(checks))


def exit_code(checks: Sequence[Checked]) -> int:
    """Return 1 if something contradicts, 3 if something was not checked, else 0."""
    if any(check.contradictions for check in checks):
        return 1
    return 0 if checks and not any(check.not_checked for check in checks) else 3


def _checked(path: Path, contradictions: list[str], not_checked: list[str]) -> Checked:
    return Checked(file=str(path), contradictions=contradictions, not_checked=not_checked)
