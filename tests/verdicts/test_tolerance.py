from __future__ import annotations

from decimal import Decimal

import pytest

from hrnet_zoo.records.accuracy import Measurement
from hrnet_zoo.tasks.scored import Allowance
from hrnet_zoo.verdicts.tolerance import tolerance_for


def measured(*points: float) -> Measurement:
    allowances = [
        Allowance(name=f"cause {i}", points=each, num_images=20, num_changed=4, how="otherwise")
        for i, each in enumerate(points)
    ]
    return Measurement(metric="miou", value=77.0, allowances=allowances)


@pytest.mark.parametrize(
    ("printed", "noise", "limit"),
    [
        ("73.86", "0.10", "0.105"),
        ("65.5", "0.10", "0.15"),
        ("78.80", "0", "0.005"),
        ("41", "0", "0.5"),
    ],
)
def test_it_follows_the_printed_decimals_and_the_users_word(
    printed: str, noise: str, limit: str
) -> None:
    tolerance = tolerance_for(Decimal(printed), "miou", measured(0.7), Decimal(noise))
    assert tolerance.limit == Decimal(limit)
    assert tolerance.is_given


def test_without_the_users_word_it_is_what_the_run_measured() -> None:
    tolerance = tolerance_for(Decimal("77.19"), "miou", measured(0.00231, 0.03))
    assert tolerance.limit == Decimal("0.005") + Decimal("0.0024") + Decimal("0.03")
    assert list(tolerance.describe()) == [
        "0.005 rounding: the table prints 77.19",
        "0.0024 cause 0: 4 of 20 images moved the value: otherwise",
        "0.0300 cause 1: 4 of 20 images moved the value: otherwise",
    ]
    assert tolerance_for(Decimal("77.19"), "miou", measured(0.0)).limit == Decimal("0.005")


def test_an_edited_allowance_is_only_large() -> None:
    assert tolerance_for(Decimal("77.19"), "miou", measured(1e300)).limit > Decimal("1e299")


def test_a_run_that_measured_nothing_is_held_to_what_was_usual() -> None:
    assert tolerance_for(Decimal("77.19"), "miou", measured()).limit == Decimal("0.105")
    assert tolerance_for(Decimal("77.19"), "top1").limit == Decimal("0.045")


def test_sizes_have_no_noise_whatever_the_user_allows() -> None:
    tolerance = tolerance_for(Decimal("21.30"), "params_m", noise=Decimal(1))
    assert tolerance.limit == Decimal("0.005")
    assert not tolerance.is_given
