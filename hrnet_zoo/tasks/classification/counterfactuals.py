"""Passes of classifiers in which something is otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.other_resizes import RESIZES
from hrnet_zoo.datasets.transforms import Resize
from hrnet_zoo.tasks.causes import Hypothesis
from hrnet_zoo.tasks.classification.evaluation import ClassificationEvaluator
from hrnet_zoo.tasks.classification.protocol import short_side_size
from hrnet_zoo.tasks.counterfactuals import ALIKE_RESIZES, only_if_shown
from hrnet_zoo.tasks.probe import Probe

_USUAL = "Pillow's bilinear, which smooths"
_MARGIN = 0.875
"""Share of the resized image's shorter side that is cropped, in most protocols: 224 of 256."""

Change = Callable[[ClassificationEvaluator], ClassificationEvaluator]


def hypotheses(probe: Probe) -> Iterator[Hypothesis]:
    """Yield the causes that classifiers alone have."""
    test = probe.setup.test
    for short in dict.fromkeys((round(test.crop / _MARGIN), test.crop)):
        words = f"shorter side resized to {short}, {test.crop} cropped"
        yield only_if_shown(probe, "size", words, _changing(resize_short=short))
    usual = RESIZES[_USUAL]
    squared = _changing(resize=lambda image, side: usual(image, (side, side)))
    yield only_if_shown(probe, "size", "ratio of sides not kept", squared)
    for name, resize in RESIZES.items():
        if name != _USUAL:
            change = _changing(resize=_of_short_side(resize))
            yield only_if_shown(probe, "resize", f"resized by {name}", change, ALIKE_RESIZES)


def _of_short_side(resize: Resize) -> Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]:
    return lambda image, short: resize(image, short_side_size(image.shape[1::-1], short))


def _changing(**changes: Any) -> Change:
    def change(usual: ClassificationEvaluator) -> ClassificationEvaluator:
        return replace(usual, protocol=replace(usual.protocol, **changes))

    return change
