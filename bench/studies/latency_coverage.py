"""How often the 95 % interval of a median holds the true one, when samples depend on each other.

Log-latencies are drawn whose true median is 0: independent ones, AR(1), and AR(1) with as much
independent noise on top. "Before" takes all samples for independent, as hrnet-zoo once did.

python bench/studies/latency_coverage.py      # seconds
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.timing.medians import MedianInterval, independent_interval, median_interval

Interval = Callable[[list[float]], MedianInterval | None]
LENGTHS = (25, 100, 400)
KINDS = {"independent": (0.0, 0.0), "AR(1), 0.5": (0.5, 0.0), "AR(1), 0.9": (0.9, 0.0)}
KINDS |= {"AR(1), 0.9, and noise": (0.9, 1.0), "AR(1), 0.97": (0.97, 0.0)}
"""Title -> share that a sample keeps of the one before, and independent noise beside it."""


def series(
    rng: np.random.Generator, draws: int, length: int, kept: float, noise: float
) -> NDArray[np.float64]:
    """Return [draws, length] float64 of unit variance, and noise on top."""
    made = rng.standard_normal((draws, length))
    for i in range(1, length):
        made[:, i] = kept * made[:, i - 1] + np.sqrt(1 - kept**2) * made[:, i]
    return np.asarray(made + noise * rng.standard_normal((draws, length)))


def coverage(made: NDArray[np.float64], interval: Interval) -> tuple[float, float]:
    """Return how often an interval, where there is one, holds the true median; and how often not.

    Args:
        made: [draws, length] log-latencies whose true median is 0.
        interval: from latencies in the order taken.

    Returns:
        Share of intervals that hold it, and share of draws without an interval, 0 to 1.
    """
    found = [interval(row) for row in np.exp(0.01 * made).tolist()]
    known = [one for one in found if one is not None]
    held = [one.low <= 1 <= one.high for one in known]
    return float(np.mean(held)) if held else float("nan"), 1 - len(known) / len(found)


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| samples | of one process | before | now | no interval now |\n|---|---|---|---|---|")
    for title, (kept, noise) in KINDS.items():
        for length in LENGTHS:
            rng = np.random.default_rng(options.seed)
            made = series(rng, options.draws, length, kept, noise)
            before, _ = coverage(made, independent_interval)
            now, none = coverage(made, median_interval)
            print(f"| {title} | {length} | {before:.0%} | {now:.0%} | {none:.0%} |")


if __name__ == "__main__":
    main()
