"""Searches longer than the tests do, with seeds of its own: nox -s fuzz -- --minutes 30."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from hostile.areas import AREAS
from hostile.exploring import Explored, explore
from hostile.runner import Runner


def main() -> int:
    """Search all areas in turn; write what broke as files that can be replayed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    parser.add_argument("--output", type=Path, default=Path("hostile"), help="folder for findings")
    parser.add_argument("--area", choices=AREAS, action="append", help="only this one")
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}\n")
    found = []
    names = asked.area or list(AREAS)
    with tempfile.TemporaryDirectory() as folder, Runner(Path(folder)) as runner:
        for name in names:
            ends = time.monotonic() + 60 * asked.minutes / len(names)
            area = Explored(AREAS[name])
            explore(
                runner,
                area,
                first_seed=asked.seed,
                done=lambda ends=ends: time.monotonic() > ends,  # type: ignore[misc]
            )
            found.append(area)
            sys.stdout.write(area.line() + "\n")
            for fault, case in area.faults.values():
                asked.output.mkdir(exist_ok=True)
                path = asked.output / f"{case.digest}.json"
                path.write_text(case.to_json())
                sys.stdout.write(f"  {fault.kind}: {fault.text}\n    {case.shown()}\n    {path}\n")
            sys.stdout.flush()
    return int(any(area.faults for area in found))


if __name__ == "__main__":
    sys.exit(main())
