"""How often the 95 % interval of AP on a random part holds that of the whole data set.

Data sets are made up: categories from common to rare, images that are easy or hard, detections that
overlap well or badly, and false ones. "Bootstrap" is the percentile bootstrap, which hrnet-zoo
never had for AP; it is taken of every fourth part up to 250 images. "Plain" is the jackknife around
the value found, and "now" around that without its bias. A part that lacks a category has no
interval in the package; here it has one all the same, and is counted apart.

python bench/studies/coverage_ap.py      # about ten minutes
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.tasks.detection.accumulating import reweighted_ap
from hrnet_zoo.tasks.detection.matches import NUM_AREAS, NUM_THRESHOLDS, Matches
from hrnet_zoo.tasks.detection.task import DetectionTask
from hrnet_zoo.tasks.jackknife import interval

CATEGORIES = 20
RAREST = 0.03
"""In which share of the images the rarest category is."""
WHOLE = 2500
PARTS = (100, 250, 500, 1000)
_RESAMPLES = 200


def made_up(num_images: int, seed: int) -> list[Matches]:
    """Return what a trained detector found in the images of a data set."""
    rng = np.random.default_rng(seed)
    shown_in = np.geomspace(0.5, RAREST, CATEGORIES)
    skill = rng.normal(0, 0.7, CATEGORIES)
    return [_image(i, shown_in, skill + rng.normal(0, 0.7), rng) for i in range(num_images)]


def _image(
    image_id: int,
    shown_in: NDArray[np.float64],
    skill: NDArray[np.float64],
    rng: np.random.Generator,
) -> Matches:
    shown = rng.random(CATEGORIES) < shown_in
    num_objects = np.where(shown, 1 + rng.poisson(1.5, CATEGORIES), 0)
    of_objects = np.repeat(np.arange(CATEGORIES), num_objects)
    # How well an object is found: at how many thresholds it overlaps enough, and how sure that is.
    found = skill[of_objects] + rng.normal(0, 1.5, len(of_objects))
    good = np.clip(np.round(4 + 3 * found), 0, NUM_THRESHOLDS).astype(int)
    num_false = rng.poisson(0.3 + 1.5 * shown)
    of_false = np.repeat(np.arange(CATEGORIES), num_false)
    labels = np.concatenate([of_objects, of_false])
    sure = np.concatenate(
        [found + rng.normal(0, 1, len(found)), rng.normal(-1.2, 1, len(of_false))]
    )
    scores = (1 / (1 + np.exp(-sure))).astype(np.float32)
    order = np.lexsort((-scores, labels))
    matched = np.zeros((len(labels), NUM_AREAS, NUM_THRESHOLDS), bool)
    matched[: len(good), 0] = np.arange(NUM_THRESHOLDS) < good[:, None]
    objects = np.zeros((CATEGORIES, NUM_AREAS), np.int64)
    objects[:, 0] = num_objects
    return Matches(
        image_id=image_id,
        scores=scores[order],
        categories=labels[order],
        matched=matched[order],
        ignored=np.zeros_like(matched),
        objects=objects,
    )


def value_of(matches: list[Matches]) -> float:
    """Return AP, percent."""
    return float(reweighted_ap(matches, CATEGORIES)(np.ones((1, len(matches))))[0])


def holds(part: list[Matches], whole: int | None, truth: float) -> tuple[bool, bool]:
    """Whether the jackknife's interval holds the truth, around the value found and as it is now."""
    groups = DetectionTask.most_groups_of_part if whole else DetectionTask.most_groups
    found = interval(reweighted_ap(part, CATEGORIES), len(part), whole, groups)
    if found is None:
        return False, False
    half = (found.high - found.low) / 2
    return abs(value_of(part) - truth) <= half, found.low <= truth <= found.high


def held_by_bootstrap(part: list[Matches], truth: float, rng: np.random.Generator) -> bool:
    """Whether the percentile bootstrap's interval held the truth."""
    num = len(part)
    draws = rng.multinomial(num, np.full(num, 1 / num), _RESAMPLES).astype(np.float64)
    low, high = np.nanquantile(reweighted_ap(part, CATEGORIES)(draws), [0.025, 0.975])
    return bool(low <= truth <= high)


def row(size: int, draws: int, populations: int = 4) -> list[float]:
    """Return coverage of bootstrap and both jackknives, share that lack a category, and bias."""
    before, now, lacking, errors = list[bool](), list[tuple[bool, bool]](), list[bool](), []
    for seed in range(populations):
        images, rng = made_up(WHOLE, seed), np.random.default_rng(seed)
        truth = value_of(images)
        for draw in range(draws // populations):
            part = [images[i] for i in random_order(WHOLE, draw)[:size]]
            if draw % 4 == 0 and size <= 250:  # it takes ten times as long
                before.append(held_by_bootstrap(part, truth, rng))
            now.append(holds(part, WHOLE, truth))
            lacking.append(not np.all(sum(each.objects[:, 0] for each in part)))
            errors.append(value_of(part) - truth)
    of_bootstrap = float(np.mean(before)) if before else float("nan")
    plain, corrected = (float(share) for share in np.mean(now, axis=0))
    return [of_bootstrap, plain, corrected, float(np.mean(lacking)), float(np.mean(errors))]


def row_of_all(size: int, draws: int, endless: int = 40_000) -> float:
    """Return how often the interval of a whole data set holds the AP of endlessly many images."""
    images = made_up(endless, seed=0)
    truth, rng = value_of(images), np.random.default_rng(1)
    drawn = (rng.choice(endless, size, replace=False) for _ in range(draws))
    return float(np.mean([holds([images[i] for i in each], None, truth)[1] for each in drawn]))


def main() -> None:
    """Print the table of bench/README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=400)
    options = parser.parse_args()
    print("| part of 2500 images | bootstrap | plain | now | lacks a category | mean error |")
    print("|---|---|---|---|---|---|")
    for size in PARTS:
        before, plain, now, lacking, error = row(size, options.draws)
        said = f"{before:.1%} | {plain:.1%} | {now:.1%} | {lacking:.0%} | {error:+.2f}"
        print(f"| {size} | {said} |", flush=True)
    print(f"| all, of endlessly many | | | {row_of_all(WHOLE, options.draws // 4):.1%} | 0% | |")


if __name__ == "__main__":
    main()
