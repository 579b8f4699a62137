"""Documented training memory against siblings: what is found, and that no sound row is accused."""

from __future__ import annotations

from decimal import Decimal

import memory_siblings
import pytest
from support.stored_runs import memory_of

from hrnet_zoo.system.wording import GIB
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.verdicts.memory import (
    MemoryVerdict,
    Sibling,
    all_siblings,
    judge_memory,
    sibling_bounds,
)
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"


def sibling(name: str, predicted_gib: float, documented: str = "10.00") -> Sibling:
    predicted = int(predicted_gib * GIB)
    return Sibling(name=name, family="family", documented=Decimal(documented), predicted=predicted)


def test_siblings_are_the_rows_that_document_it() -> None:
    expected = {
        row.name: (str(row.documented("train_memory_gb")), TASKS[row.task].memory_family(row.setup))
        for row in load_zoo().rows
        if row.documented("train_memory_gb") is not None
    }
    assert {s.name: (str(s.documented), s.family) for s in all_siblings()} == expected


@pytest.mark.parametrize(("error", "at_least"), [(0.05, 61), (0.10, 80)])
def test_planted_errors_are_found_and_no_sound_row_is_accused(error: float, at_least: int) -> None:
    """Of 80; no chance is in it. Before it was 25 and 58."""
    rows = all_siblings()
    assert len(rows) == 40
    assert memory_siblings.outside(memory_siblings.now, rows, 0) == 0
    found = [memory_siblings.outside(memory_siblings.now, rows, e) for e in (-error, error)]
    assert sum(found) >= at_least


def test_no_row_draws_its_own_bounds() -> None:
    others = [sibling("a", 9.5), sibling("b", 9.6)]
    documented = Decimal("10.00")
    alone = sibling_bounds("c", "family", documented, others)
    beside = sibling_bounds("c", "family", documented, [*others, sibling("c", 5.0)])
    assert alone is not None
    assert alone == beside
    # Both printed numbers may be off by 0.005, and versions of PyTorch by half a percent.
    assert alone.low == pytest.approx(0.95 * 0.995 * 0.9995**2, rel=1e-4)
    assert alone.high == pytest.approx(0.96 * 1.005 * 1.0005**2, rel=1e-4)


def test_one_sibling_says_nothing() -> None:
    others = [sibling("a", 9.5), sibling("c", 9.5)]
    assert sibling_bounds("c", "family", Decimal("10.0"), others) is None
    assert sibling_bounds("c", "another", Decimal("10.0"), others) is None
    assert sibling_bounds("c", None, Decimal("10.0"), others) is None


def test_without_siblings_there_is_no_verdict_but_a_measurement_has_one() -> None:
    row = load_zoo().row(NAME)
    setup = row.setup.model_copy(update={"backbone": "w40"})
    other, record = row.model_copy(update={"setup": setup}), memory_of(NAME, predicted_gib=1.6)
    judged = judge_memory(other, record)
    assert judged.verdict is MemoryVerdict.TOO_FEW_SIBLINGS
    assert judged.verdict.label == "too few siblings"
    assert "a GPU can measure it" in judged.describe_tolerance()
    training = record.training.model_copy(update={"measured": int(1.7 * GIB)})
    measured = judge_memory(other, record.model_copy(update={"training": training}))
    assert measured.verdict is MemoryVerdict.CONSISTENT
