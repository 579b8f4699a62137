"""What the demo takes beside another program, and what settling how threads wait costs alone.

    python tools/measure_busy.py [--pairs N] [--limit SECONDS]

The other program convolves with as many threads as there are processors. Runs take turns, and
ratios are of neighbours. "as torch would" is libgomp's own default; beside another program it is
stopped at the limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hrnet_zoo.timing.medians import median_interval

OTHER = """
import torch
x, weight = torch.randn(1, 64, 256, 256), torch.randn(64, 64, 3, 3)
with torch.inference_mode():
    while True:
        torch.nn.functional.conv2d(x, weight, padding=1)
"""
AS_TORCH_WOULD = {"GOMP_SPINCOUNT": "300000", "OMP_NUM_THREADS": str(os.cpu_count() or 1)}
"""What libgomp and torch take where nobody says anything; set, because commands would say more."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--limit", type=float, default=120.0)
    given = parser.parse_args()
    seconds: dict[str, list[float]] = {"settled": [], "as torch would": [], "settled, beside": []}
    for _ in range(given.pairs):
        seconds["as torch would"].append(demo(AS_TORCH_WOULD, given.limit))
        seconds["settled"].append(demo({}, given.limit))
        with another_program():
            seconds["settled, beside"].append(demo({}, given.limit))
    for name, taken in seconds.items():
        print(f"{name}: median {statistics.median(taken):.1f} s of {len(taken)}")
    show("alone, settled / as torch would", seconds["settled"], seconds["as torch would"])
    show("settled, beside / alone", seconds["settled, beside"], seconds["settled"])
    with another_program():
        stuck = demo(AS_TORCH_WOULD, given.limit)
    print(f"as torch would, beside: {stuck:.1f} s{' (stopped)' if stuck >= given.limit else ''}")


def show(what: str, over: list[float], under: list[float]) -> None:
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    interval = median_interval(ratios)
    spread = f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else ""
    print(f"{what}: {statistics.median(ratios):.3f}{spread}")


def demo(variables: Mapping[str, str], limit: float) -> float:
    """Return how many seconds the demo takes, or the limit."""
    own = ("OMP_", "GOMP_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hrnet_zoo", "demo", "--device", "cpu", "--output", folder]
        begin = time.perf_counter()
        try:
            subprocess.run(  # noqa: S603 - ours
                command,
                env=inherited | dict(variables),
                check=True,
                timeout=limit,
                capture_output=True,
            )
        except subprocess.TimeoutExpired:
            return limit
        return time.perf_counter() - begin


@contextmanager
def another_program() -> Iterator[None]:
    """Keep all processors busy meanwhile."""
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-c", OTHER], env=os.environ | AS_TORCH_WOULD
    ) as program:
        time.sleep(5)  # until it has imported torch
        try:
            yield
        finally:
            program.kill()


if __name__ == "__main__":
    main()
