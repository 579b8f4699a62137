"""How often a wrong documented training memory is found, and a sound one is accused.

Every documented row of the manifest, as it is and with errors planted, is held against its
prediction.
"Before", by the bands that were once drawn around the very rows they judged; now by its siblings.

python bench/studies/memory_siblings.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from hrnet_zoo.system.wording import GIB
from hrnet_zoo.verdicts.memory import Sibling, all_siblings, sibling_bounds

ERRORS = (0.03, 0.05, 0.07, 0.10)
BANDS = {"segmentors": (0.93, 1.02), "detectors": (0.85, 1.05)}

Judge = Callable[[Sibling, Decimal], bool]


def before(row: Sibling, documented: Decimal) -> bool:
    """Return whether a row was called outside."""
    low, high = BANDS[row.family.partition(" ")[0]]
    return not low <= _ratio(row, documented) <= high


def now(row: Sibling, documented: Decimal) -> bool:
    """Return whether a row is called outside."""
    bounds = sibling_bounds(row.name, row.family, documented, all_siblings())
    return bounds is not None and not bounds.low <= _ratio(row, documented) <= bounds.high


def outside(judge: Judge, rows: Sequence[Sibling], error: float) -> int:
    """Return how many rows are called outside that document so much more than they do."""
    wrong = [(row, _planted(row.documented, error)) for row in rows]
    return sum(judge(row, documented) for row, documented in wrong)


def _planted(documented: Decimal, error: float) -> Decimal:
    return Decimal(float(documented) * (1 + error)).quantize(documented)


def _ratio(row: Sibling, documented: Decimal) -> float:
    return row.predicted / GIB / float(documented)


def main() -> None:
    """Print the table of bench/README.md."""
    rows = all_siblings()
    print("| documented memory | planted | before | now |\n|---|---|---|---|")
    print(f"| sound | {len(rows)} | {outside(before, rows, 0)} | {outside(now, rows, 0)} |")
    for error in ERRORS:
        found = [sum(outside(j, rows, e) for e in (-error, error)) for j in (before, now)]
        print(f"| {error:.0%} too small or too large | {2 * len(rows)} | {found[0]} | {found[1]} |")


if __name__ == "__main__":
    main()
