"""What a run will be judged by, as one digest that its record has before it begins.

A documented value, a tolerance or a rule that is chosen after the number is known proves little.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.system.canonical import digest_of_json
from hrnet_zoo.zoo.row import Row

RULE = "printed rounding and measured allowances"
"""Names what verdicts/tolerance.py does where no tolerance is given; how is the version's."""


def criteria_digest(
    row: Row, metrics: Sequence[str], tolerance: Decimal | None, version: str | None
) -> str:
    """Return the SHA-256 of what is judged by, 64 hex digits.

    Args:
        row: in its edition.
        metrics: names of the numbers that are asked for.
        tolerance: the user's allowance in points on top of the printed rounding; None: the rule's.
        version: of hrnet-zoo, whose rules apply.
    """
    return digest_of_json(
        {
            "row": row_content(row),
            "edition": row.edition,
            "documented": {metric: row.text(metric) for metric in metrics},
            "tolerance": RULE if tolerance is None else str(tolerance),
            "version": version,
        }
    )


def criteria_of(row: Row, record: AccuracyRecord) -> str:
    """Return the digest that a record has if it is judged by this row."""
    asked, version = record.asked, record.environment.packages.get("hrnet-zoo")
    return criteria_digest(row, asked.metrics, asked.tolerance, version)


def row_content(row: Row) -> dict[str, Any]:
    """Return a row as its manifest has it, whichever edition it is in."""
    # Without defaults: what a later version adds to all rows changes none that do not use it.
    return row.in_edition("readme").model_dump(mode="json", exclude_unset=True)
