"""Whole detectors against upstream's: intermediate maps, proposals, detections and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matching import areas_agree, masks_agree, match_detections, match_proposals
from support.detection_goldens import (
    ARCHITECTURES,
    FCOS_LATER,
    FCOS_OF_THE_README,
    GEOMETRY,
    ORIGINAL_SIZE,
    RGB,
    as_arrays,
    backbone_maps,
    detect,
    given_backbone,
    golden,
    golden_masks,
    model_w18,
    named_maps,
    network_input,
    pasted,
    recorded,
    reference,
    thinned,
    threshold_of,
)
from torch import Tensor

from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.models.detection.boxes import Numbers
from hrnet_zoo.models.detection.detector import Detections
from hrnet_zoo.models.detection.rpn import candidates, proposals
from hrnet_zoo.tasks.detection.protocol import to_image_detections

TWO_STAGE = [name for name in ARCHITECTURES if name != "fcos"]
WITH_MASKS = ["mask", "cascade_mask", "htc"]
FOLDED = [False, True]
FOLDED_IDS = ["plain", "folded"]

Seen = tuple[str, Detections, dict[str, Any]]


def close(ours: Any, stored: Any, limit: float = 1e-4) -> bool:
    return bool(np.abs(ours - stored).max() <= limit * np.abs(stored).max())


@pytest.mark.parametrize("model", ["faster", "fcos"])
def test_input_is_upstreams(model: str) -> None:
    x = network_input(RGB if model == "faster" else FCOS_OF_THE_README)
    assert list(x.shape) == golden(model)["v2_input_shape"].tolist()
    assert np.abs(x[0, :, ::37, ::41].numpy() - golden(model)["v2_input"]).max() <= 2e-6


def test_all_models_share_their_backbone() -> None:
    expected = backbone_state("mask")
    for name in ARCHITECTURES:
        state = backbone_state(name)
        assert state.keys() == expected.keys()
        assert all(torch.equal(value, expected[key]) for key, value in state.items())


def backbone_state(name: str) -> dict[str, Tensor]:
    state = model_w18(name).state_dict()
    return {key: value for key, value in state.items() if key.startswith("backbone.")}


def test_a_detector_runs_from_the_image() -> None:
    for name, normalisation in (("faster", RGB), ("fcos", FCOS_OF_THE_README)):
        found = detect(model_w18(name), normalisation, 0.05)
        assert match_detections(reference(name), as_arrays(found)).agrees


@pytest.fixture(
    params=[(name, fold) for name in ARCHITECTURES for fold in FOLDED],
    ids=lambda p: f"{p[0]}-{FOLDED_IDS[p[1]]}",
    scope="module",
)
def seen(request: pytest.FixtureRequest) -> Seen:
    """A detector's answer and what its parts said on the way."""
    name, fold = request.param
    normalisation = FCOS_OF_THE_README if name == "fcos" else RGB
    detector = model_w18(name)
    with (
        given_backbone(detector, backbone_maps(fold, normalisation)),
        recorded(detector) as outputs,
    ):
        found = detect(detector, normalisation, threshold_of(name))
    return name, found, outputs


def test_maps_of_all_parts(seen: Seen) -> None:
    name, _, outputs = seen
    stored, ours = golden(name), named_maps(outputs)
    shapes = {key.removesuffix("_shape") for key in stored if key.endswith("_shape")}
    for key in shapes - {"v2_img", "v2_input"}:
        assert list(ours[key.removeprefix("v2_")].shape) == stored[f"{key}_shape"].tolist()
    for key, x in ours.items():
        assert close(thinned(x), stored[f"v2_{key}"]), key
        if f"v2_{key}_summary" in stored:
            assert np.abs(summary(x) - stored[f"v2_{key}_summary"]).max() <= 1e-4 * x.abs().max()


def summary(x: Tensor) -> Any:
    y = x.double()
    return np.array([f() for f in (y.mean, y.std, y.min, y.max, y.abs().mean)])


def test_detections(seen: Seen) -> None:
    name, found, _ = seen
    matching = match_detections(reference(name), as_arrays(found))
    assert matching.agrees, matching
    assert (np.diff(found.scores.numpy()) <= 0).all()


def test_proposals(seen: Seen) -> None:
    name, _, outputs = seen
    if name == "fcos":
        assert "rpn_head" not in outputs
        return
    stored = golden(name)
    boxes, scores = proposals(candidates(outputs["rpn_head"]), GEOMETRY.size, Numbers())
    assert len(scores) == len(stored["v2_proposal_scores"])
    assert np.abs(scores.numpy() - stored["v2_proposal_scores"]).max() <= 1e-5
    first, first_scores = stored["v2_proposals_first100"], stored["v2_proposal_scores"][:100]
    # A few more of ours: the order may swap at the end of the hundred.
    matched = match_proposals(first, first_scores, boxes[:105].numpy(), scores[:105].numpy())
    assert matched >= 99


def test_logits_of_all_stages(seen: Seen) -> None:
    name, _, outputs = seen
    if name == "fcos":
        return
    stored = golden(name)
    stages = [""] if name in {"faster", "mask"} else [".0", ".1", ".2"]
    for i, stage in enumerate(stages):
        logits, deltas = outputs[f"roi_head.bbox_head{stage}"]
        assert close(logits[:20].numpy(), stored[f"v2_stage{i}_cls_logits_first20"])
        assert close(deltas[:20].flatten(1).numpy(), stored[f"v2_stage{i}_bbox_pred_first20"])


def test_masks(seen: Seen) -> None:
    name, found, outputs = seen
    if name not in WITH_MASKS:
        assert found.masks is None
        return
    assert found.masks is not None
    stored = golden(name)
    stages = 1 if name == "mask" else 3
    assert len(outputs["mask_logits"]) == stages
    for i, logits in enumerate(outputs["mask_logits"]):
        assert close(logits[:8].numpy(), stored[f"v2_mask_logits_stage{i}_first8"]), i
    images = pasted(found.masks, found.boxes)
    matching = match_detections(reference(name), as_arrays(found))
    for i, j in matching.pairs:
        assert areas_agree(stored["v2_mask_area"][i], int(images[j].sum())), (i, j)
    shown = [(i, j) for i, j in matching.pairs if i < len(golden_masks(name))]
    assert len(shown) >= 23
    assert all(masks_agree(golden_masks(name)[i], images[j]) for i, j in shown)
    kept = to_image_detections(found, ORIGINAL_SIZE)
    assert kept.masks is not None
    assert (decode_masks(kept.masks) ^ images).sum(axis=(1, 2)).max() <= 1


def test_semantic_logits() -> None:
    """Only training uses them, but they tell that the branch is right up to there."""
    detector: Any = model_w18("htc")
    head = detector.roi_head.semantic_head
    with torch.inference_mode():
        maps = detector.neck(backbone_maps(False, RGB))
        logits = head.conv_logits(head.convs(head.fused(maps)))
    assert close(thinned(logits), golden("htc")["v2_semantic_logits"])


def test_fcos_with_the_later_normalisation() -> None:
    found = detect(model_w18("fcos"), FCOS_LATER, 0.05)
    assert match_detections(reference("fcos", "v2later"), as_arrays(found)).agrees
    assert not match_detections(reference("fcos", "v2"), as_arrays(found)).agrees
