"""Tables as other projects print them, and the truth about each of their rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fill import DATA

FOLDER = DATA / "foreign"
READMES = sorted(FOLDER.glob("*.md"))
METAFILES = sorted(FOLDER.glob("*.yml"))


@dataclass(frozen=True, kw_only=True)
class TrueRow:
    """What a row says; nothing where that cannot be told."""

    line: int
    labels: dict[str, str]
    dataset: str | None
    task: str | None
    metrics: dict[str, str]
    checkpoint: str | None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The truth about one file."""

    rows: dict[int, TrueRow]
    """By their lines; a row of which nothing can be told is there, too."""
    findings: set[tuple[str, int | None]]
    """Code and line of the findings of `lint` that are right; None: wherever it stands."""


def truth_about(path: Path) -> Truth:
    """Return the truth about a foreign README or metafile."""
    content = json.loads(path.with_suffix(".json").read_text())
    rows = [
        TrueRow(
            line=row["line"],
            labels=row.get("labels", {}),
            dataset=row.get("dataset"),
            task=row.get("task"),
            metrics=row.get("metrics", {}),
            checkpoint=row.get("checkpoint"),
        )
        for row in content["rows"]
    ]
    return Truth(
        rows={row.line: row for row in rows},
        findings={(finding["code"], finding["line"]) for finding in content["findings"]},
    )
