from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from support.coco_matches import made_up

from hrnet_zoo.tasks.detection.matches import Matches

MATCHES = made_up(0).matches("bbox")


@pytest.mark.parametrize("matches", MATCHES, ids=lambda each: f"{len(each.scores)} detections")
def test_nothing_is_lost_in_the_text(matches: Matches) -> None:
    text = matches.to_text()
    read = Matches.from_text(text)
    assert read.image_id == matches.image_id
    for field in ("scores", "categories", "matched", "ignored", "objects"):
        before, after = getattr(matches, field), getattr(read, field)
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
    assert read.to_text() == text


def test_the_text_is_short() -> None:
    """Issue 13 wants about nine bytes per detection; text takes a quarter more."""
    matches = made_up(1, (100, 100, 100, 100)).matches("bbox")
    assert sum(len(each.to_text()) for each in matches) < 15 * 400


TEXT = MATCHES[0].to_text()
IMAGE_ID, NUM_CATEGORIES, COUNT, CODED = TEXT.split(" ")


def recoded(change: Callable[[bytes], bytes]) -> str:
    content = change(zlib.decompress(base64.b85decode(CODED)))
    coded = base64.b85encode(zlib.compress(content)).decode()
    return f"{IMAGE_ID} {NUM_CATEGORIES} {COUNT} {coded}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODED,
        TEXT[:-10],
        TEXT + "0" * 5,
        TEXT.replace(CODED[50:60], CODED[60:70]),
        f"{IMAGE_ID} {NUM_CATEGORIES} {int(COUNT) + 1} {CODED}",
        f"{IMAGE_ID} {NUM_CATEGORIES} {int(COUNT) - 1} {CODED}",
        f"{IMAGE_ID} {int(NUM_CATEGORIES) + 1} {COUNT} {CODED}",
        # 20 bytes of a category are not 14 of a detection, but ten are.
        f"{IMAGE_ID} {int(NUM_CATEGORIES) - 7} {int(COUNT) + 10} {CODED}",
        f"x {NUM_CATEGORIES} {COUNT} {CODED}",
        f"{IMAGE_ID} {NUM_CATEGORIES} {COUNT} äöü",
        recoded(lambda content: content[:-1]),
        recoded(lambda content: content + b"0"),
        # The first number is how many detections the first category has.
        recoded(lambda content: bytes([content[0] + 1]) + content[1:]),
    ],
)
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Matches.from_text(text)


@pytest.mark.parametrize("score", [-0.1, 1.1, np.nan, np.inf])
def test_scores_that_are_no_probabilities_are_refused(score: float) -> None:
    scores = MATCHES[0].scores.copy()
    scores[0] = score
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Matches.from_text(replace(MATCHES[0], scores=scores).to_text())


def test_another_order_is_refused() -> None:
    """With the bits of others, scores would tell another AP."""
    scores = MATCHES[0].scores.copy()
    assert scores[0] > scores[1] or scores[1] > scores[5]
    scores[:6] = scores[5::-1]
    with pytest.raises(ValueError, match="not sorted"):
        Matches.from_text(replace(MATCHES[0], scores=scores).to_text())


def test_more_found_than_there_is_is_refused() -> None:
    ours = MATCHES[0]
    matched = np.ones_like(ours.matched)
    with pytest.raises(ValueError, match="more detections match"):
        Matches.from_text(replace(ours, matched=matched).to_text())
    with pytest.raises(ValueError, match="more detections match"):
        Matches.from_text(replace(ours, objects=ours.objects * 0).to_text())
