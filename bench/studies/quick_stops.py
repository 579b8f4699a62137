"""After how many images `verify --quick` refutes a documented mIoU that is too high by so much.

The data sets are those of coverage_miou.py. A gap of 0 must not be refuted, in 1 % of runs at most;
a broken network answers with classes as frequent as they are, wherever. The rule is that of the
package: classes that a part does not show are taken for found perfectly.

python bench/studies/quick_stops.py      # about five minutes
"""

from __future__ import annotations

import argparse
from collections import Counter
from statistics import median

from coverage_miou import SIZES, Areas, Size, broken, made_up, miou_of, value_of

from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.runs.quick import ALPHA
from hrnet_zoo.tasks.jackknife import upper_bound
from hrnet_zoo.tasks.segmentation.task import SegmentationTask

GAPS = (0.0, 3.0, 10.0)
"""Points by which the documented value is too high."""
_TOLERANCE = 0.105
_LOOKS, _GROUPS = SegmentationTask.looks, SegmentationTask.most_groups_of_part


def at_most(part: Areas, whole: int, level: float) -> float | None:
    """Return what `Task.at_most` does, of areas."""
    shown = part[1].sum(axis=0) > 0
    share = float(shown.mean())
    of_shown = miou_of(part[:, :, shown])
    most = upper_bound(of_shown, part.shape[1], whole, _GROUPS, level)
    return None if most is None else share * most + (1 - share) * 100


def stops(areas: Areas, documented: list[float], seed: int) -> list[int | None]:
    """Return after how many images each documented value is refuted; None: it is not.

    Args:
        areas: of the data set, as the network labelled it.
        documented: values that a README might have.
        seed: of the random order.
    """
    whole = areas.shape[1]
    order, looks = random_order(whole, seed), [look for look in _LOOKS if look < whole]
    level = 1 - ALPHA / len(looks)
    found: list[int | None] = [None] * len(documented)
    for look in looks:
        most = at_most(areas[:, order[:look]], whole, level)
        for i, value in enumerate(documented):
            if found[i] is None and most is not None and most < value - _TOLERANCE:
                found[i] = look
        if None not in found:
            break
    return found


def table(size: Size, draws: int, populations: int = 5) -> dict[str, list[int | None]]:
    """Return by gap after how many images each run stopped."""
    found: dict[str, list[int | None]] = {}
    for seed in range(populations):
        areas = made_up(*size, seed)
        wrong, truth = broken(areas), value_of(areas)
        for draw in range(draws // populations):
            documented = [truth + gap for gap in GAPS]
            for gap, stop in zip(GAPS, stops(areas, documented, draw), strict=True):
                found.setdefault(f"{gap:g} points", []).append(stop)
            found.setdefault("broken", []).extend(stops(wrong, [truth], draw))
    return found


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    looks = " | ".join(f"at {look}" for look in _LOOKS)
    print(f"| images, classes | gap | stopped | median images | {looks} |")
    print("|---|---|---|---|" + "---|" * len(_LOOKS))
    for size in SIZES:
        for gap, all_stops in table(size, options.draws).items():
            at = [stop for stop in all_stops if stop is not None]
            shares = [f"{Counter(at)[look] / len(all_stops):.1%}" for look in _LOOKS]
            said = [f"{size[0]}, {size[1]}", gap, f"{len(at) / len(all_stops):.1%}"]
            said += [f"{median(at):g}" if at else "", *shares]
            print(f"| {' | '.join(said)} |", flush=True)


if __name__ == "__main__":
    main()
