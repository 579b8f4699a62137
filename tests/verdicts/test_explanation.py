"""Which cause is named, of made-up effects on made-up images."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hrnet_zoo.tasks.causes import Cause, Family
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.verdicts.explanation import Gap, Ranking

N, POPULATION = 32, 500
RNG = np.random.default_rng(4)
SCORES = RNG.normal(60, 8, N)


def mean_of(scores: NDArray[np.float64]) -> Reweighted:
    return lambda weights: (weights @ scores) / weights.sum(axis=1)


def ranking(gap: Gap) -> Ranking:
    numbers = {"num_images": N, "population": POPULATION, "most_groups": 512}
    return Ranking(gap, mean_of(SCORES), **numbers)


def gains(points: float, noise: float = 0.5) -> Reweighted:
    """Return a mean that is higher than the base by so many points, nearly alike everywhere."""
    return mean_of(SCORES + points + RNG.normal(0, noise, N))


def cause(family: Family, change: str = "") -> Cause:
    return Cause(family=family, change=change or family)


def named(points: dict[str, float], *, documented: float, noise: float = 0.5) -> str | None:
    ranked = ranking(Gap(documented=documented, measured=60.0))
    for family, gained in points.items():
        assert not ranked.add(cause(family), gains(gained, noise))  # type: ignore[arg-type]
    best, _, why_not = ranked.decide()
    assert (best is None) == bool(why_not)
    return None if best is None else best.cause.family


def test_what_closes_the_gap_is_named() -> None:
    assert named({"channels": 10, "normalisation": 2, "size": 0}, documented=70) == "channels"
    # A number that is too high has a cause as well.
    assert named({"channels": -10, "normalisation": 10}, documented=50) == "channels"


def test_what_closes_half_of_it_is_not() -> None:
    assert named({"channels": 5, "normalisation": 5}, documented=70) is None


def test_what_overshoots_is_not() -> None:
    assert named({"channels": 20}, documented=70) is None


def test_of_two_that_close_it_none_is() -> None:
    assert named({"channels": 10, "normalisation": 9.7}, documented=70) is None


def test_what_varies_from_image_to_image_as_much_as_it_gains_is_not() -> None:
    assert named({"channels": 1}, documented=61, noise=8) is None


def test_of_one_family_the_simpler_one_is_named() -> None:
    ranked = ranking(Gap(documented=70, measured=60.0))
    ranked.add(cause("labels", "shifted"), gains(9.8))
    ranked.add(cause("labels", "renamed"), gains(10))
    best, near, _ = ranked.decide()
    assert best is not None
    assert best.cause.change == "shifted"
    assert not near


def test_the_gap_of_a_few_images_must_be_more_than_chance() -> None:
    unsure = ranking(Gap(documented=float(SCORES.mean()) + 1, measured=None))
    assert not unsure.shows_gap
    assert unsure.decide()[0] is None
    assert ranking(Gap(documented=90, measured=None)).shows_gap


def test_intervals_hold_what_closes_as_often_as_they_say() -> None:
    """Of parts of a population whose mean a cause raises by all of the gap, drawn 400 times."""
    population = RNG.normal(60, 8, POPULATION)
    gained = RNG.normal(10, 6, POPULATION)
    gained += 9 - gained.mean()
    held = 0
    for seed in range(400):
        part = np.random.default_rng(seed).permutation(POPULATION)[:N]
        ranked = Ranking(
            Gap(documented=70, measured=60.0),
            mean_of(population[part]),
            num_images=N,
            population=POPULATION,
            most_groups=512,
        )
        ranked.add(cause("channels"), mean_of((population + gained)[part]))
        (effect,) = ranked.effects()
        held += effect.low <= 0.9 <= effect.high
    assert 0.92 <= held / 400 <= 1


def test_what_has_no_value_without_some_image_is_said() -> None:
    ranked = ranking(Gap(documented=70, measured=60.0))

    def undefined(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(weights.sum(axis=1) < N, np.nan, 60.0)

    assert "no such number" in ranked.add(cause("crowds"), undefined)
    assert ranked.decide()[2] == "nothing could be tried"


@pytest.mark.parametrize("documented", [60.5, 63, 66, 75])
def test_changes_of_no_effect_are_never_named(documented: float) -> None:
    assert named({"channels": 0, "normalisation": 0.1, "size": -0.1}, documented=documented) is None
