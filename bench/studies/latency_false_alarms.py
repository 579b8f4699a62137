"""How often `compare` calls latencies changed that are not, and how often it finds changes.

Thirty rows are timed twice, a hundred samples of each in all. Every process has a median of its own
around the true one; its samples vary by 2 % around that. "Before" is the rank test over all samples
of one process on each side that hrnet-zoo once made.

python bench/studies/latency_false_alarms.py      # about a minute
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy import stats

from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.observations import InputTimed, MachineState, VariantTimed
from hrnet_zoo.verdicts.comparison.latency import compare_latencies
from hrnet_zoo.verdicts.comparison.outcome import CHANGES
from hrnet_zoo.verdicts.comparison.pairing import holm

ROWS, SAMPLES, WITHIN = 30, 100, 0.02
SPREADS = (0.0, 0.005, 0.01, 0.02)
"""Between processes, as standard deviations of logarithms."""
CHANGE_OF = (0.0, 0.05, 0.10)
"""By how much one row of HEAD is slower."""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

Judge = Callable[[Sequence[VariantTimed], Sequence[VariantTimed]], list[bool]]


def draw(
    rng: np.random.Generator, processes: int, spread: float, slower: float = 0.0
) -> list[VariantTimed]:
    """Return the rows of one side; the first is slower by a share."""
    each = SAMPLES // processes
    made = []
    for row in range(ROWS):
        own = rng.normal(0, spread, (processes, 1)) + rng.normal(0, WITHIN, (processes, each))
        seconds = 0.1 * (1 + slower * (row == 0)) * np.exp(own)
        variant = VariantTimed(
            name=f"row {row}", engine="torch", precision="fp32", description="", outcome="timed",
            seconds=seconds.ravel().tolist(), processes=[each] * processes,
        )  # fmt: skip
        made.append(variant)
    return made


def now(base: Sequence[VariantTimed], head: Sequence[VariantTimed]) -> list[bool]:
    """Return which rows `compare` calls worse or better."""
    sides = [[Found(record=_record(side), path=Path("record.json"))] for side in (base, head)]
    changed = {c.metric: c.outcome in CHANGES for c in compare_latencies(*sides)}
    return [changed[variant.name] for variant in base]


def before(base: Sequence[VariantTimed], head: Sequence[VariantTimed]) -> list[bool]:
    """Return which rows a rank test over all samples calls changed, at 1 % and 3 %."""
    pairs = [(np.array(a.seconds), np.array(b.seconds)) for a, b in zip(base, head, strict=True)]
    found = {
        i: float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
        for i, (a, b) in enumerate(pairs)
    }
    corrected = holm(found)
    large = [abs(np.median(b) / np.median(a) - 1) >= 0.03 for a, b in pairs]
    return [corrected[i] < 0.01 and bool(large[i]) for i in range(len(pairs))]


def rates(judge: Judge, processes: int, spread: float, slower: float, draws: int) -> list[float]:
    """Return how often the first row is called changed, and any other one, 0 to 1."""
    rng = np.random.default_rng((processes, round(1e4 * spread), round(1e4 * slower)))
    hits = []
    for _ in range(draws):
        first, *others = judge(draw(rng, processes, spread), draw(rng, processes, spread, slower))
        hits.append((first, any(others)))
    return [float(share) for share in np.mean(hits, axis=0)]


def _record(variants: Sequence[VariantTimed]) -> TimingRecord:
    size = (512, 1024)
    used = InputTimed(
        images=["drawn"], image_size=size, network_input=size, scale=size[::-1],
        is_documented_scale=True,
    )  # fmt: skip
    return TimingRecord(
        row="row", task="segmentation", documented_fps=None, started_at=BEGIN, finished_at=BEGIN,
        device="cpu", num_threads=1, weights="filled", input=used, sampling=None,
        variants=list(variants),
        machine=MachineState(num_processors=2, load_before=0, load_after=0, others=0.0),
    )  # fmt: skip


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=60)
    draws = parser.parse_args().draws
    ways: list[tuple[str, Judge, int]] = [("before, 1 process", before, 1)]
    ways += [(f"now, {n} process{'es' * (n > 1)}", now, n) for n in (1, 3, 5)]
    print("| of a side | between processes | any false alarm | +5 % found | +10 % found |")
    print("|---|---|---|---|---|")
    for title, judge, processes in ways:
        for spread in SPREADS:
            found = [rates(judge, processes, spread, slower, draws) for slower in CHANGE_OF]
            alarm = max(found[0])
            shares = [alarm, found[1][0], found[2][0]]
            print(f"| {title} | {spread:.1%} | {' | '.join(f'{s:.0%}' for s in shares)} |")


if __name__ == "__main__":
    main()
