"""When answers on reference images count as upstream's, and what a verdict makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from hrnet_zoo.records.files import now
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.verdicts.self_test import agrees, disagreement, exit_code, in_words

SEGMENTATION, CLASSIFICATION = TASKS["segmentation"], TASKS["classification"]


def agreement(num_equal: int, num_compared: int = 100_000, **given: Any) -> ReferenceAgreement:
    return ReferenceAgreement(
        reference="a network",
        upstream="upstream 1.0",
        device="cpu",
        tested_at=now(),
        num_compared=num_compared,
        num_equal=num_equal,
        **given,
    )


@pytest.mark.parametrize(
    ("num_equal", "expected"), [(100_000, True), (99_990, True), (99_989, False)]
)
def test_a_few_labels_may_differ(num_equal: int, expected: bool) -> None:
    assert agrees(SEGMENTATION, agreement(num_equal)) is expected


@pytest.mark.parametrize(
    ("num_equal", "difference", "expected"),
    [(5, 4e-5, True), (5, 0.076, False), (4, 4e-5, False), (5, None, False)],
)
def test_classes_need_their_scores(
    num_equal: int, difference: float | None, expected: bool
) -> None:
    found = agreement(num_equal, 5, largest_score_difference=difference)
    assert agrees(CLASSIFICATION, found) is expected


def test_what_is_found_and_needed_is_said() -> None:
    assert in_words(SEGMENTATION, agreement(97_210)) == "97.2100% of labels equal, 99.9900% needed"
    found = agreement(4, 5, largest_score_difference=0.5)
    assert in_words(CLASSIFICATION, found) == (
        "80.0000% of classes equal, 100.0000% needed; scores differ by up to 5.0e-01, 2e-03 allowed"
    )


def test_nothing_that_was_compared_is_no_disagreement() -> None:
    assert disagreement(SEGMENTATION, None) == disagreement(SEGMENTATION, []) == ""
    assert disagreement(SEGMENTATION, [agreement(100_000)]) == ""


def test_only_what_disagrees_is_named() -> None:
    said = disagreement(SEGMENTATION, [agreement(100_000), agreement(97_210)])
    assert said == (
        "labels disagree with upstream's own code on reference images "
        "(a network on cpu: 97.2100% of labels equal, 99.9900% needed)"
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([[agreement(100_000)]], 0),
        ([[agreement(100_000)], []], 3),
        ([[agreement(97_000)], []], 1),
    ],
)
def test_exit_code(found: list[list[ReferenceAgreement]], code: int) -> None:
    assert exit_code([(SEGMENTATION, each) for each in found]) == code
