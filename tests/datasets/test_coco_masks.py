"""Which masks are refused before pycocotools gets them, and that it takes all others."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

from hrnet_zoo.datasets.coco_masks import as_rle, mask_faults
from hrnet_zoo.datasets.rle import decode_runs, is_code

# pycocotools' decode is older than NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (10, 12)
SQUARE = [0, 0, 5, 0, 5, 5, 0, 5]
RUNS = {"size": [10, 12], "counts": [0, 50, 70]}
NAN = float("nan")


def encoded(mask: NDArray[np.bool_]) -> dict[str, Any]:
    rle = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


TEXT = encoded(np.arange(120).reshape(12, 10).T < 50)


def blobs(rng: np.random.Generator, count: int) -> list[NDArray[np.bool_]]:
    """Return masks of any density, from empty to full."""
    return [rng.random(SIZE) < density for density in np.linspace(0, 1, count)]


def fault(mask: object) -> str | None:
    return mask_faults([mask], [SIZE]).get(0)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (None, "it has no mask"),
        ([], "it has no mask"),
        ({}, "it has no mask"),
        ("0b1V2", "neither a list of polygons nor size and counts"),
        (3, "neither a list of polygons nor size and counts"),
        ([[]], "polygon no. 1 of the mask has 0 numbers"),
        (
            [[1, 2]],
            "polygon no. 1 of the mask has 2 numbers, not x and y of each of at least three",
        ),
        ([[1, 2, 3, 4]], "polygon no. 1 of the mask has 4 numbers"),
        ([[0, 0, 5, 0, 5, 5, 0]], "polygon no. 1 of the mask has 7 numbers"),
        ([SQUARE, [1, 2, 3]], "polygon no. 2 of the mask has 3 numbers"),
        ([0, 0, 5, 0, 5, 5], "polygon no. 1 of the mask is not one list of numbers x, y, x, y"),
        ([[0, 0], [5, 0], [5, 5], [0, 5]], "polygon no. 1 of the mask has 2 numbers"),
        ([[[0, 0], [5, 0], [5, 5]]], "polygon no. 1 of the mask is not one list of numbers x, y"),
        (["abcdefgh"], "polygon no. 1 of the mask is not one list of numbers x, y"),
        ([SQUARE, "abcdefgh"], "polygon no. 2 of the mask is not one list of numbers x, y"),
        (
            [["0", "0", "5", "0", "5", "5"]],
            "polygon no. 1 of the mask is not one list of numbers x, y",
        ),
        ([[0, 0, None, 0, 5, 5]], "polygon no. 1 of the mask is not one list of numbers x, y"),
        ([[0, 0, True, 0, 5, 5]], "polygon no. 1 of the mask is not one list of numbers x, y"),
        ([[0, 0, NAN, 0, 5, 5]], "polygon no. 1 of the mask is not one list of numbers x, y"),
        ([[0, 0, float("inf"), 0, 5, 5]], "of numbers x, y, x, y, ... up to 100000: [0, 0, "),
        ([[0, 0, -1e9, 0, 5, 5]], "of numbers x, y, x, y, ... up to 100000: [0, 0, "),
        ([[0, 0, 10**400, 0, 5, 5]], "of numbers x, y, x, y, ... up to 100000: [0, 0, "),
        ([RUNS], "polygon no. 1 of the mask is not one list of numbers x, y"),
        ([[0, 0, 50, 0, 50, 50] * 4000] * 2, "polygons are longer than 1000000 pixels together"),
        ([[-1e5, 0, 1e5, 0] * 4], "polygons are longer than 1000000 pixels together"),
        ([SQUARE] * 5001, "the mask has 5001 polygons, more than 5000"),
        (RUNS | {"counts": [120] + [0] * 4_000_000}, "more than 4000000 runs or characters"),
        (TEXT | {"counts": "0" * 4_000_001}, "more than 4000000 runs or characters"),
        ({"counts": TEXT["counts"]}, "the mask's size is None, the image's [10, 12]"),
        (TEXT | {"size": [12, 10]}, "the mask's size is [12, 10], the image's [10, 12]"),
        (TEXT | {"size": 120}, "the mask's size is 120, the image's [10, 12]"),
        ({"size": [10, 12]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": 120}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": ["0", "120"]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": [[0], [120]]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": [0, 49.5, 70.5]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": [NAN]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": [10**400, 0.0]}, "counts are neither COCO's text nor a list"),
        (RUNS | {"counts": []}, "the mask's runs add up to 0 pixels, not to 12 x 10"),
        (RUNS | {"counts": [0, 50]}, "the mask's runs add up to 50 pixels, not to 12 x 10"),
        (RUNS | {"counts": [0, 50, 71.0]}, "the mask's runs add up to 121 pixels, not to 12 x 10"),
        (RUNS | {"counts": [0, -1, 121]}, "a run of negative length"),
        (TEXT | {"counts": ""}, "text is not in COCO's code, or cut short"),
        (TEXT | {"counts": "0b1V"}, "text is not in COCO's code, or cut short"),
        (TEXT | {"counts": "0b1V2\x00"}, "text is not in COCO's code, or cut short"),
        (TEXT | {"counts": "0b1V\u00e9"}, "text is not in COCO's code, or cut short"),
        (TEXT | {"counts": "0" + 6 * "P" + "0"}, "text is not in COCO's code, or cut short"),
        (TEXT | {"counts": "0b1"}, "the mask's runs add up to 50 pixels, not to 12 x 10"),
        (TEXT | {"counts": "0O"}, "a run of negative length"),
    ],
    ids=lambda given: str(given)[:80],
)
def test_what_is_refused(mask: object, said: str) -> None:
    found = fault(mask)
    assert found is not None
    assert said in found
    assert len(found) < 200


@pytest.mark.parametrize(
    "mask",
    [
        [SQUARE],
        [SQUARE, [6, 6, 9, 6, 9, 9]],
        [[-3, -3, 40, 0, 5.5, 500.25]],
        # A later one that encloses nothing.
        # Far corners, and many of them near.
        [[-1e5, 0, 1e5, 0, 0, 1e5]],
        [[float(i % 12) for i in range(100_000)] + [9, 0, 0, 9]],
        [SQUARE, []],
        [SQUARE, [1, 2]],
        [SQUARE, [1, 2, 3, 4]],
        RUNS,
        RUNS | {"counts": [0.0, 50.0, 70.0]},
        TEXT,
        TEXT | {"size": [10.0, 12.0]},
    ],
    ids=lambda given: str(given)[:80],
)
def test_what_pycocotools_takes_is_taken(mask: Any) -> None:
    assert fault(mask) is None
    rle = as_rle(mask, SIZE)
    assert rle["size"] == [10, 12]
    decoded = coco_masks.decode(rle)
    if isinstance(mask, list):
        parts = coco_masks.decode(coco_masks.frPyObjects(mask, *SIZE))
        assert np.array_equal(decoded, parts.any(axis=2))
    else:
        assert decoded.T.ravel().tolist() == [1] * 50 + [0] * 70


def test_each_mask_is_held_against_its_own_image() -> None:
    masks = [TEXT, TEXT | {"size": [12, 10]}, [SQUARE], [], TEXT | {"counts": "0b1"}]
    faults = mask_faults(masks, [SIZE, (12, 10), (3, 3), SIZE, SIZE])
    assert list(faults) == [3, 4]


def test_texts_are_decoded_together_as_they_are_alone() -> None:
    masks = blobs(np.random.default_rng(1), 40)
    texts = [encoded(mask)["counts"] for mask in masks]
    for mask, text, runs in zip(masks, texts, decode_runs(texts), strict=True):
        assert runs.tolist() == decode_runs([text])[0].tolist()
        inside = np.repeat(np.arange(runs.size) % 2 == 1, runs)
        assert np.array_equal(inside, mask.T.ravel())
    assert decode_runs([]) == []


def test_more_masks_than_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[object] = [TEXT] * 2500
    masks[1700] = TEXT | {"counts": "0b1"}
    monkeypatch.setattr("hrnet_zoo.datasets.coco_masks._AT_ONCE", 999)
    assert list(mask_faults(masks, [SIZE] * 2500)) == [1700]


def test_no_part_of_a_text_fills_the_image() -> None:
    for mask in blobs(np.random.default_rng(2), 30):
        whole = encoded(mask)
        cut = [whole | {"counts": whole["counts"][:end]} for end in range(len(whole["counts"]))]
        assert fault(whole) is None
        assert len(mask_faults(cut, [SIZE] * len(cut))) == len(cut)


def test_texts_with_other_characters_are_refused_or_masks() -> None:
    """What is let through must be what pycocotools reads, or it might compare it for ever."""
    rng, chance = np.random.default_rng(3), random.Random(3)
    num_taken = 0
    for mask in blobs(rng, 1000):
        whole = encoded(mask)
        characters = list(whole["counts"])
        for _ in range(chance.randint(1, 3)):
            characters[chance.randrange(len(characters))] = chr(chance.randint(48, 112))
        changed = whole | {"counts": "".join(characters)}
        if fault(changed) is None:
            num_taken += 1
            assert is_code(changed["counts"])
            ours = decode_runs([changed["counts"]])[0]
            inside = np.repeat(np.arange(ours.size) % 2 == 1, ours)
            assert np.array_equal(coco_masks.decode(changed).T.ravel(), inside)
    assert num_taken > 5
