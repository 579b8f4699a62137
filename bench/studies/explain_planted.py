"""Plants causes into a zoo and asks `explain` for them; prints the tables of the README.

    python bench/studies/explain_planted.py [--task detection] [--demo] [--images 32]

The zoo is one of tiny networks and made-up images, or the demo's, which takes half an hour.
Every planted zoo is verified first, as a user would, so that the gap is that of all images.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from planted_runs import explained, reached_in
from planting import NOT_SINGLE, PLANTS, Plant
from tiny_zoo import document, tiny_networks, tiny_zoo

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.verdicts.explanation import Explanation


def made_up(folder: Path) -> Path:
    """Write the zoo of tiny networks, which documents what they reach."""
    document(tiny_zoo(folder), reached_in(folder))
    return folder


def line(task: str, plant: Plant, found: Explanation, seconds: float) -> str:
    """Return a line of the table."""
    named = found.named
    said = named.cause.change if named else f"no single cause: {found.why_not}"
    is_right = (named and named.cause.family) == plant.family and plant.says in said
    base = found.base if found.gap.measured is None else found.gap.measured
    first = found.effects[0].closes if found.effects else float("nan")
    others = [e.closes for e in found.effects if e.cause.family != found.effects[0].cause.family]
    second = max(others, default=float("nan"))
    cells = [
        task,
        plant.name,
        f"{found.gap.documented:.2f}",
        f"{base:.2f}",
        said,
        f"{first:.0%}",
        f"{second:.0%}",
        "yes" if is_right else "NO",
        f"{seconds:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", action="append", choices=list(PLANTS))
    parser.add_argument("--demo", action="store_true", help="the demo's trained networks")
    parser.add_argument("--images", type=int, help="default: as explain takes")
    given = parser.parse_args()
    print(
        "| task | planted | documented | measured | answer | best closes | "
        "best of another family | right | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    tasks = given.task or [*PLANTS]
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as clean:
        source = MANIFEST.parent
        if not given.demo:
            stack.enter_context(tiny_networks())
            source = made_up(Path(clean))
        for task, plant in ((t, p) for t in tasks for p in (*PLANTS[t], *NOT_SINGLE[t])):
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                found = explained(plant, task, source, Path(folder), given.images)
                print(line(task, plant, found, time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
