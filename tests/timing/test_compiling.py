"""Variants that torch compiles are compiled, whatever their shape and whichever row they are of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from fill import small_segmentor
from torch import Tensor, nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models import build_detector
from hrnet_zoo.models.classifier import build_hrnet_classifier
from hrnet_zoo.tasks.classification.timed import TimedClassifier
from hrnet_zoo.tasks.detection.timed import TimedDetector
from hrnet_zoo.timing import compiling
from hrnet_zoo.timing.compiling import forget_compiled
from hrnet_zoo.timing.variants import Recipe, explained, in_precision, settings_for

CPU = torch.device("cpu")
COMPILE = Recipe(name="compile", fast=True, engine="compile")


class Tiny(nn.Module):
    """A network as small as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image).relu()  # type: ignore[no-any-return]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let torch compile without a compiler of C++; return a list that grows with each graph."""
    made: list[Any] = []

    def keep(graph: torch.fx.GraphModule, _example: object) -> Callable[..., object]:
        made.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=keep))
    forget_compiled()
    return made


def run_all_shapes(network: nn.Module, count: int) -> None:
    """Compute images of so many widths as `time` does, outside its clock."""
    compute = in_precision(network, COMPILE)
    with explained(COMPILE, (1, 1), CPU), torch.inference_mode():
        for width in range(2, count + 2):
            with settings_for(COMPILE)():
                compute(torch.ones(1, 3, 2, width))


def test_the_ninth_shape_is_compiled_too(compilations: list[Any]) -> None:
    run_all_shapes(Tiny(), 12)
    assert len(compilations) == 12


def test_no_shape_is_computed_eagerly_without_a_word(
    compilations: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_MOST_SHAPES", 3)
    with pytest.raises(PrerequisiteError, match="another shape of input after 3 compilations"):
        run_all_shapes(Tiny(), 4)
    assert len(compilations) == 3
    # The networks of another row share their code, and begin anew.
    forget_compiled()
    run_all_shapes(Tiny(), 3)
    assert len(compilations) == 6


@pytest.mark.usefixtures("compilations")
def test_what_cannot_be_compiled_as_a_whole_is_not_timed_in_parts() -> None:
    class Looks(Tiny):
        def forward(self, image: Tensor) -> Tensor:
            return super().forward(image + 1 if image.sum() > 0 else image)

    with pytest.raises(PrerequisiteError, match="Data-dependent"):
        run_all_shapes(Looks(), 1)


def test_networks_are_one_compiled_graph(compilations: list[Any]) -> None:
    image = torch.rand(1, 3, 64, 64)
    classifier = build_hrnet_classifier("w5_small", 4, (8, 8, 8, 8, 8)).eval()
    detector = build_detector("fcos_hrnet", backbone="w5_small", num_classes=4, channels=32).eval()
    segmentor = small_segmentor()
    with torch.inference_mode(), settings_for(COMPILE)():
        for compute, expected in (
            (TimedClassifier.fast(classifier, COMPILE), classifier(image)),
            (in_precision(segmentor.coarse_logits, COMPILE), segmentor.coarse_logits(image)),
        ):
            assert torch.allclose(compute(image), expected, atol=1e-4)
        fast = TimedDetector.fast(detector, COMPILE)
        for ours, theirs in zip(
            fast.backbone(image), detector.neck(detector.backbone(image)), strict=True
        ):
            assert torch.allclose(ours, theirs, atol=1e-4)
    assert len(compilations) == 3
