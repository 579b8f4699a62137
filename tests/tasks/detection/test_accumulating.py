from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.coco_matches import CATEGORY_IDS, MadeUp, made_up

from hrnet_zoo.tasks.detection.accumulating import figures_of, reweighted_ap
from hrnet_zoo.tasks.detection.coco_ap import PROTOCOLS, CocoFigures, ProtocolName, coco_figures
from hrnet_zoo.tasks.detection.metrics import Kind

KINDS: tuple[Kind, ...] = ("bbox", "segm")
K = len(CATEGORY_IDS)


def by_pycocotools(case: MadeUp, kind: Kind, protocol: ProtocolName = "mmdet") -> CocoFigures:
    return coco_figures(
        case.truth, case.entries, kind, image_ids=list(case.found), protocol=protocol
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_pycocotools(seed: int, kind: Kind, protocol: ProtocolName) -> None:
    """To the last bit: nothing is rounded on the way."""
    case = made_up(seed, (40, 0, 900, 12, 500, 7))
    ours = figures_of(case.matches(kind), K, protocol)
    expected = by_pycocotools(case, kind, protocol)
    assert ours.twelve == expected.twelve
    assert list(ours.per_category.values()) == list(expected.per_category.values())
    assert None in ours.per_category.values()
    # It matters how many count; otherwise one number could pass for another.
    fewest, _, most = list(ours.twelve.values())[6:9]
    assert fewest != most
    if protocol == "mmdet":
        assert ours.ap is not None
        assert reweighted_ap(case.matches(kind), K)(np.ones((1, 6))) == pytest.approx(ours.ap)
        assert ours.ap != pytest.approx(np.mean([v for v in ours.per_category.values() if v]))


def test_the_order_of_images_does_not_matter() -> None:
    matches = made_up(3).matches("bbox")
    assert figures_of(matches[::-1], K, "mmdet") == figures_of(matches, K, "mmdet")
    weights = np.array([[1.0, 0.0, 2.0, 1.0, 1.0, 0.0]])
    turned = reweighted_ap(matches[::-1], K)(weights[:, ::-1])
    assert turned == pytest.approx(reweighted_ap(matches, K)(weights))


def test_nothing_found_is_zero_and_nothing_to_find_is_none() -> None:
    case = made_up(0, (0, 0, 0))
    figures = figures_of(case.matches("bbox"), K, "mmdet")
    assert figures.twelve == by_pycocotools(case, "bbox").twelve
    assert figures.ap == 0.0
    assert reweighted_ap(case.matches("bbox"), K)(np.ones((1, 3))).tolist() == [0.0]
    assert set(figures_of([], K, "mmdet").twelve.values()) == {None}
    [blank] = made_up(0).only([4]).matches("bbox")
    assert set(figures_of([blank], K, "mmdet").twelve.values()) == {None}
    assert np.isnan(reweighted_ap([blank], K)(np.ones((2, 1)))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_counts_as_if_it_were_all(kind: Kind) -> None:
    """Parts without any object of a category leave it out, as pycocotools does."""
    case = made_up(5, (30, 0, 60, 12, 25, 7, 9, 30, 14, 3))
    ids = list(case.found)
    weights = np.random.default_rng(0).integers(0, 2, (8, len(ids))).astype(float)
    expected = [
        by_pycocotools(case.only([i for i, kept in zip(ids, row, strict=True) if kept]), kind).ap
        for row in weights
    ]
    assert len(set(expected)) > 4
    assert reweighted_ap(case.matches(kind), K)(weights) == pytest.approx(expected, abs=1e-9)


def test_an_image_drawn_twice_counts_as_two() -> None:
    case = made_up(6)
    matches = case.matches("bbox")
    # Equal scores of other images stand between the two, or not; so scores are made unequal.
    rng = np.random.default_rng(0)
    matches = [
        replace(each, scores=-np.sort(-rng.random(len(each.scores)).astype(np.float32)))
        for each in matches
    ]
    twice = [*matches, *(replace(each, image_id=each.image_id + 1000) for each in matches[:3])]
    expected = figures_of(twice, K, "mmdet").ap
    found = reweighted_ap(matches, K)(np.array([[2.0, 2.0, 2.0, 1.0, 1.0, 1.0]]))
    assert found.tolist() == pytest.approx([expected], abs=1e-9)


def test_one_image_may_take_the_place_of_another() -> None:
    """So a run learns what an image's other result would have changed."""
    matches = made_up(8).matches("bbox")
    other = replace(matches[2], matched=matches[2].matched & False)
    changed = [*matches[:2], other, *matches[3:]]
    values = reweighted_ap([*matches, other], K)(np.array([[1.0] * 6 + [0], [1, 1, 0, 1, 1, 1, 1]]))
    expected = [figures_of(each, K, "mmdet").ap for each in (matches, changed)]
    assert expected[0] != expected[1]
    assert values == pytest.approx(expected, abs=1e-9)


def test_all_draws_are_taken_though_not_at_once() -> None:
    matches = made_up(7).matches("bbox")
    weights = np.random.default_rng(0).integers(0, 3, (120, len(matches))).astype(float)
    one_by_one = [reweighted_ap(matches, K)(row[None])[0] for row in weights]
    np.testing.assert_allclose(reweighted_ap(matches, K)(weights), one_by_one)


def test_images_that_do_not_fit_each_other_are_refused() -> None:
    matches = made_up(0).matches("bbox")
    with pytest.raises(ValueError, match="occurs twice"):
        figures_of([*matches, matches[0]], K, "mmdet")
    with pytest.raises(ValueError, match="other than 5 categories"):
        reweighted_ap(matches, 5)
