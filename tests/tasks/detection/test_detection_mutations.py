"""The goldens can see every mistake that upstream's record of typical ones lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch
from matching import Matching, areas_agree, match_detections
from support.detection_goldens import (
    FCOS_OF_THE_README,
    FOLDER,
    GEOMETRY,
    RGB,
    as_arrays,
    backbone_maps,
    given_backbone,
    golden,
    model_w18,
    network_input,
    pasted,
    reference,
    threshold_of,
)
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import ops

from hrnet_zoo.models.detection import (
    fcos,
    heads,
    necks,
    roi_features,
    roi_head,
    rpn,
    two_stage,
)
from hrnet_zoo.models.detection.boxes import Numbers
from hrnet_zoo.models.detection.detector import Detections, ImageGeometry

Patch = pytest.MonkeyPatch
RECORDED: list[dict[str, Any]] = json.loads((FOLDER / "mutations.json").read_text())


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One deliberate mistake."""

    apply: Callable[[Patch], None] = lambda _: None
    geometry: ImageGeometry = GEOMETRY
    in_masks: bool = False
    """Whether only masks show it."""
    from_image: bool = False
    """Whether it is in the backbone."""


def resized_with(mode: str, align_corners: bool | None) -> Callable[[Patch], None]:
    def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(x, size=size, mode=mode, align_corners=align_corners)

    return lambda patch: patch.setattr(necks, "resize", resize)


def pooled_by_maximum(patch: Patch) -> None:
    patch.setattr("torch.nn.functional.avg_pool2d", F.max_pool2d)


def roi_align_with(**changed: Any) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        original: Any = ops.roi_align
        patch.setattr(ops, "roi_align", lambda *a, **k: original(*a, **{**k, **changed}))

    return apply


def anchors_at_half_a_cell(patch: Patch) -> None:
    original = rpn.grid_anchors
    patch.setattr(rpn, "grid_anchors", lambda size, s, device: original(size, s, device) + s / 2)


def proposals_clipped_to_the_padded_size(patch: Patch) -> None:
    original = two_stage.proposals  # type: ignore[attr-defined]
    padded = (448, 672)
    patch.setattr(
        two_stage, "proposals", lambda found, _, numbers: original(found, padded, numbers)
    )


def norm_eps(kind: type[nn.Module], model: str) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        for module in model_w18(model).modules():
            if isinstance(module, kind):
                patch.setattr(module, "eps", 1e-3)

    return apply


def mean_of_probabilities(patch: Patch) -> None:
    patch.setattr(
        roi_head,
        "mean_logits",
        lambda stages: torch.stack(stages).softmax(dim=-1).mean(dim=0).log(),
    )


def wrong_last_stds(patch: Patch) -> None:
    *first, _ = roi_head.STAGE_STDS
    patch.setattr(roi_head, "STAGE_STDS", (*first, (0.033, 0.033, 0.066, 0.066)))


def last_mask_head_only(patch: Patch) -> None:
    patch.setattr(roi_head, "mean_probabilities", lambda stages: stages[-1].sigmoid())


def semantic_without_aligned_corners(patch: Patch) -> None:
    resized = partial(F.interpolate, mode="bilinear", align_corners=False)
    patch.setattr(heads, "_resized", resized)


def root_of_the_product(patch: Patch) -> None:
    original = fcos.multiclass_nms  # type: ignore[attr-defined]

    def rooted(
        boxes: Tensor, scores: Tensor, numbers: Numbers, *, score_threshold: float, factors: Tensor
    ) -> Detections:
        root = score_threshold**0.5
        found: Detections = original(
            boxes, scores.sqrt(), numbers, score_threshold=root, factors=factors.sqrt()
        )
        return found

    patch.setattr(fcos, "multiclass_nms", rooted)


MUTATIONS = {
    "HRFPN upsampling align_corners=True": Mutation(apply=resized_with("bilinear", True)),
    "HRFPN nearest upsampling": Mutation(apply=resized_with("nearest", None)),
    "HRFPN max pooling": Mutation(apply=pooled_by_maximum),
    "RoIAlign aligned=False": Mutation(apply=roi_align_with(aligned=False)),
    "RoIAlign sampling_ratio=2": Mutation(apply=roi_align_with(sampling_ratio=2)),
    "anchor centre at half a cell": Mutation(apply=anchors_at_half_a_cell),
    "extractor finest scale 64": Mutation(
        apply=lambda patch: patch.setattr(roi_features, "_FINEST_SIZE", 64)
    ),
    "BatchNorm eps 1e-3": Mutation(apply=norm_eps(nn.BatchNorm2d, "mask"), from_image=True),
    "RPN clips to the padded size": Mutation(apply=proposals_clipped_to_the_padded_size),
    "one scale factor for both axes": Mutation(
        geometry=replace(GEOMETRY, scale_factors=(653 / 350, 653 / 350))
    ),
    "cascade: mean of probabilities": Mutation(apply=mean_of_probabilities),
    "cascade: last stds .066 for .067": Mutation(apply=wrong_last_stds),
    "HTC as in 3.3.0: last mask head only": Mutation(apply=last_mask_head_only, in_masks=True),
    "HTC semantic resize align_corners=False": Mutation(apply=semantic_without_aligned_corners),
    "FCOS sqrt of product": Mutation(apply=root_of_the_product),
    "FCOS GroupNorm eps 1e-3": Mutation(apply=norm_eps(nn.GroupNorm, "fcos")),
}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["mutation"])
def test_the_goldens_reject(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = case["model"].removesuffix("_w18")
    is_mutated = "none" not in case["mutation"]
    mutation = MUTATIONS[case["mutation"]] if is_mutated else Mutation()
    mutation.apply(monkeypatch)
    found = answer(model, mutation)
    matching = match_detections(reference(model), as_arrays(found))
    assert matching.agrees == (mutation.in_masks or not is_mutated), matching
    if mutation.in_masks:
        assert not masks_agree(model, found, matching)


def answer(model: str, mutation: Mutation) -> Detections:
    detector, normalisation = model_w18(model), FCOS_OF_THE_README if model == "fcos" else RGB
    with ExitStack() as stack:
        if not mutation.from_image:
            stack.enter_context(given_backbone(detector, backbone_maps(False, normalisation)))
        stack.enter_context(torch.inference_mode())
        found: Detections = detector(
            network_input(normalisation),
            mutation.geometry,
            score_threshold=threshold_of(model),
            with_masks=mutation.in_masks,
        )
    return found


def masks_agree(model: str, found: Detections, matching: Matching) -> bool:
    assert found.masks is not None
    images, areas = pasted(found.masks, found.boxes), golden(model)["v2_mask_area"]
    return all(areas_agree(int(areas[i]), int(images[j].sum())) for i, j in matching.pairs)
