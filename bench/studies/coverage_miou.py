"""How often the 95 % interval of mIoU on a random part holds that of the whole data set.

Data sets are made up: classes from common to rare, images that are easy or hard, errors that fall
on the classes around. "Before" is the percentile bootstrap that hrnet-zoo once had. A part that
lacks a class has no interval now, and is counted apart.

python bench/studies/coverage_miou.py      # about four minutes
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.tasks.jackknife import Reweighted, interval
from hrnet_zoo.tasks.segmentation.confusion import ReweightedScores

SIZES = ((500, 19, 0.03, 5.0), (2000, 150, 0.01, 3.6))
"""Images, classes, in which share of the images the rarest class is, and how good the network is:
mIoU is then about 77 and 43, as upstream's on Cityscapes and ADE20K."""
PARTS = (16, 32, 64, 128, 256)
_RESAMPLES = 2000
_GROUPS = 512
_PIXELS = 1e6

Size = tuple[int, int, float, float]
Areas = NDArray[np.float64]
"""[3, N, K]: intersection, labelled and union of each class in each image, in pixels."""


def made_up(num_images: int, num_classes: int, rarest: float, good: float, seed: int) -> Areas:
    """Return the areas of a data set on which a trained network looked."""
    rng = np.random.default_rng(seed)
    shown_in = np.geomspace(0.95, rarest, num_classes)
    is_shown = rng.random((num_images, num_classes)) < shown_in
    is_shown[:, 0] |= ~is_shown.any(axis=1)
    for k in np.flatnonzero(~is_shown.any(axis=0)):
        is_shown[rng.integers(num_images), k] = True
    typical = rng.lognormal(0, 1, num_classes) * shown_in
    labelled = is_shown * typical * rng.lognormal(0, 1, is_shown.shape)
    labelled *= _PIXELS / labelled.sum(axis=1, keepdims=True)
    # Rare classes are harder, and all classes of a hard image are.
    skill = good + np.log(shown_in) + rng.normal(0, 0.7, num_classes)
    skill = skill + rng.normal(0, 0.7, (num_images, 1)) + rng.normal(0, 1, is_shown.shape)
    found = labelled / (1 + np.exp(-skill))
    return _areas(found, labelled, 0.9 * is_shown + 0.1 * shown_in)


def broken(areas: Areas) -> Areas:
    """Return the areas of a network that answers with classes as frequent as they are, anywhere."""
    labelled = areas[1]
    share = labelled.sum(axis=0) / labelled.sum()
    return _areas(labelled * share, labelled, np.broadcast_to(share, labelled.shape))


def _areas(found: Areas, labelled: Areas, taken_for: Areas) -> Areas:
    """Return areas where what was not found is taken for other classes by their weights [N, K]."""
    missed = (labelled - found).sum(axis=1, keepdims=True)
    wrong = missed * taken_for / taken_for.sum(axis=1, keepdims=True)
    return np.stack([found, labelled, labelled + wrong])


def miou_of(areas: Areas) -> Reweighted:
    """Return what computes mIoU over images that count several times or not at all."""
    return lambda weights: ReweightedScores(weights, areas).miou


def value_of(areas: Areas) -> float:
    """Return mIoU over all images, percent."""
    return float(miou_of(areas)(np.ones((1, areas.shape[1])))[0])


def parts(areas: Areas, size: int, draws: int) -> Iterator[Areas]:
    """Yield the areas of so many random parts."""
    for seed in range(draws):
        yield np.ascontiguousarray(areas[:, random_order(areas.shape[1], seed)[:size]])


def holds_now(part: Areas, whole: int, truth: float) -> bool | None:
    """Whether the interval holds the truth; None where there is none."""
    if (part[1].sum(axis=0) == 0).any():
        return None
    found = interval(miou_of(part), part.shape[1], whole, _GROUPS, corrects_bias=False)
    return None if found is None else found.low <= truth <= found.high


def held_before(part: Areas, truth: float, rng: np.random.Generator) -> bool:
    """Whether the percentile bootstrap held the truth."""
    num = part.shape[1]
    draws = rng.multinomial(num, np.full(num, 1 / num), _RESAMPLES).astype(np.float64)
    low, high = np.nanquantile(miou_of(part)(draws), [0.025, 0.975])
    return bool(low <= truth <= high)


def row(size: Size, part: int, draws: int, populations: int) -> list[float]:
    """Return coverage before and now, share of parts without interval, and mean error of mIoU."""
    before, now, errors = list[bool](), list[bool | None](), list[float]()
    for seed in range(populations):
        areas = made_up(*size, seed)
        truth, rng = value_of(areas), np.random.default_rng(seed)
        for chosen in parts(areas, part, draws // populations):
            now.append(holds_now(chosen, size[0], truth))
            before.append(held_before(chosen, truth, rng))
            errors.append(value_of(chosen) - truth)
    known = [one for one in now if one is not None]
    coverage = float(np.mean(known)) if known else float("nan")
    return [float(np.mean(before)), coverage, 1 - len(known) / len(now), float(np.mean(errors))]


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    print("| images, classes | part | before | now | no interval now | mean error |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        for part in PARTS:
            before, now, none, error = row(size, part, options.draws, populations=5)
            said = f"{size[0]}, {size[1]} | {part} | {before:.1%} | {now:.1%} | {none:.0%}"
            print(f"| {said} | {error:+.2f} |", flush=True)


if __name__ == "__main__":
    main()
