"""Which run counts of several that say something about one number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hrnet_zoo.records.selection import Counting

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("runs", "counting"),
    [
        ([("old", 0, 0), ("new", 1, 0)], "new"),
        ([("new", 1, 0), ("old", 0, 0)], "new"),
        ([("full", 0, 500), ("partial", 1, 5)], "full"),
        ([("partial", 1, 5), ("full", 0, 500), ("older", -1, 500)], "full"),
        ([("first of a second", 0, 0), ("second", 0, 0)], "second"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_more_weight_counts_then_what_is_newer(
    runs: list[tuple[str, int, int]], counting: str
) -> None:
    selection = Counting[str, str]()
    for name, day, weight in runs:
        selection.add("miou", name, BEGIN + timedelta(days=day), weight)
    assert selection.runs == {"miou": counting}


def test_every_number_has_its_own() -> None:
    selection = Counting[tuple[str, str], int]()
    selection.add(("row", "miou"), 1, BEGIN)
    selection.add(("row", "miou_ms_flip"), 2, BEGIN)
    assert selection.runs == {("row", "miou"): 1, ("row", "miou_ms_flip"): 2}
