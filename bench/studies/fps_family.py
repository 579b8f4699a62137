"""How often `fps` ends with exit code 1 on sound tables, and finds one wrong row.

Machines and tables are those that `tools/simulate_fps_model.py` draws. "Before", any outlier at 1 %
made exit code 1; now a finding at 5 % for all rows together does.

python bench/studies/fps_family.py            # about ten minutes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from simulate_fps_model import SETS, Network, draw_rows, falsified

from hrnet_zoo.verdicts.fps.judging import OUTLIERS, FpsJudgement, findings, judge_fps

FACTORS = (0.7, 1.3, 2.0)
"""How many times as fast one row is documented."""


@dataclass(frozen=True, kw_only=True)
class FamilyRates:
    """Shares of draws, 0 to 1."""

    alarms_before: float
    """Sound rows only, with an outlier."""
    alarms: float
    """Sound rows only, with a finding."""
    found: dict[float, float]
    """Factor -> the row that is wrong is a finding."""


def family_rates(
    chosen: Sequence[Network], draws: int, factors: Sequence[float] = (), seed: int = 0
) -> FamilyRates:
    """Return how often all rows together are accused, and how often the wrong one is found."""
    rng = np.random.default_rng(seed)
    before, now = [], []
    hits: dict[float, list[bool]] = {factor: [] for factor in factors}
    for _ in range(draws):
        rows = draw_rows(rng, chosen)
        sound = judge_fps(rows)
        before.append(any(judgement.verdict in OUTLIERS for judgement in sound))
        now.append(bool(findings(sound)))
        judged = [i for i, row in enumerate(rows) if row.name in _judged(sound)]
        wrong = int(rng.choice(judged))
        for factor in factors:
            found = findings(judge_fps(falsified(rows, wrong, factor)))
            hits[factor].append(rows[wrong].name in {j.row.name for j in found})
    return FamilyRates(
        alarms_before=float(np.mean(before)),
        alarms=float(np.mean(now)),
        found={factor: float(np.mean(found)) for factor, found in hits.items()},
    )


def _judged(judgements: Sequence[FpsJudgement]) -> set[str]:
    return {judgement.row.name for judgement in judgements if judgement.p_value is not None}


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=300)
    options = parser.parse_args()
    print("| rows timed | sound, exit 1 before | now | 0.7 times found | 1.3 times | 2 times |")
    print("|---|---|---|---|---|---|")
    for title, rows in SETS.items():
        rates = family_rates(rows(), options.draws, FACTORS)
        shares = [rates.alarms_before, rates.alarms, *rates.found.values()]
        print(f"| {title} | {' | '.join(f'{share:.0%}' for share in shares)} |")


if __name__ == "__main__":
    main()
