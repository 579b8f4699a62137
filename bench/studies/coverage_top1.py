"""How often the 95 % interval of Top-1 on a random part holds that of the whole data set.

"Before" is the percentile bootstrap that hrnet-zoo once had; the jackknife is no better. The last
column tells how often the 99.75 % bound of a look of `verify --quick` is below the true value.

python bench/studies/coverage_top1.py      # about a minute
"""

from __future__ import annotations

import argparse

import numpy as np

from hrnet_zoo.tasks.classification.top_k import Ranking, at_most, reweighted, wilson
from hrnet_zoo.tasks.jackknife import interval

WHOLE = 50_000
PARTS = (32, 64, 250, 1000, 2500)
SHARES = (0.78, 0.95)
"""Of images that are right."""
_RESAMPLES = 2000
_GROUPS = 512
_LEVEL = 0.9975
_RIGHT, _WRONG = Ranking(label=0, best=(0,)), Ranking(label=0, best=(1,))


def row(share: float, size: int, draws: int) -> list[float]:
    """Return coverage of bootstrap, jackknife and Wilson's, and share of bounds that are wrong."""
    rng, holds = np.random.default_rng(size), list[list[bool]]()
    num_right = round(share * WHOLE)
    truth = 100 * num_right / WHOLE
    for _ in range(draws):
        hits = int(rng.hypergeometric(num_right, WHOLE - num_right, size))
        drawn = 100 * rng.binomial(size, hits / size, _RESAMPLES) / size
        low, high = np.quantile(drawn, [0.025, 0.975])
        part = [_RIGHT] * hits + [_WRONG] * (size - hits)
        left_out = interval(reweighted(part, 1), size, WHOLE, _GROUPS)
        now = wilson(hits, size, WHOLE)
        is_wrong = at_most(hits, size, _LEVEL) < truth
        spans = [(low, high), *((i.low, i.high) for i in (left_out, now) if i)]
        holds.append([*(bool(a <= truth <= b) for a, b in spans), is_wrong])
    return [float(share) for share in np.mean(holds, axis=0)]


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    print("| Top-1 | part of 50,000 | before | jackknife | now | bound too low |")
    print("|---|---|---|---|---|---|")
    for share in SHARES:
        for size in PARTS:
            shares = " | ".join(f"{each:.1%}" for each in row(share, size, options.draws))
            print(f"| {share:.0%} | {size} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
