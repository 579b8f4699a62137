from __future__ import annotations

from hrnet_zoo.datasets.parts import random_order


def test_parts_are_random_repeatable_and_nested() -> None:
    order = random_order(500, seed=7)
    assert sorted(order) == list(range(500))
    assert order == random_order(500, seed=7)
    assert order[:32] != random_order(500, seed=8)[:32]
    first = sum(index < 250 for index in order[:100])
    assert 35 <= first <= 65, "not the first ones of a sorted folder"
