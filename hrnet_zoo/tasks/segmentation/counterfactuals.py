"""Passes of segmentors in which something is otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from hrnet_zoo.datasets.transforms import Resize
from hrnet_zoo.tasks.causes import Cause, Hypothesis
from hrnet_zoo.tasks.counterfactuals import hypothesis, of_resizes
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.probe import Probe
from hrnet_zoo.tasks.segmentation.evaluation import SegmentationEvaluator
from hrnet_zoo.tasks.segmentation.relabelling import label_tables
from hrnet_zoo.tasks.segmentation.setup import SlideTest, WholeTest


def hypotheses(probe: Probe) -> Iterator[Hypothesis]:
    """Yield the causes that segmentors alone have."""
    yield from _of_labels(probe)
    yield from of_resizes(probe, _resizing)
    yield Hypothesis(
        cause=Cause(family="borders", change="maps enlarged with align_corners"),
        reweighted=lambda: _aligned(probe),
    )
    yield _of_windows(probe)


def _of_labels(probe: Probe) -> Iterator[Hypothesis]:
    for change, table in label_tables(probe.setup, probe.samples, probe.indices):
        pairs = [replace(pair, table=table) for pair in probe.samples.images]
        samples = replace(probe.samples, images=pairs)
        yield hypothesis(probe, "labels", f"labels: {change}", load=samples.load)


def _resizing(resize: Resize) -> Callable[[SegmentationEvaluator], SegmentationEvaluator]:
    def change(usual: SegmentationEvaluator) -> SegmentationEvaluator:
        protocols = {name: replace(p, resize=resize) for name, p in usual.protocols.items()}
        return replace(usual, protocols=protocols)

    return change


class _AlignedCorners(TorchFunctionMode):
    """Has torch put the corners of enlarged maps on the corners of pixels, not on their middles."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        del types
        given = dict(kwargs or {})
        if func is F.interpolate and given.get("mode") == "bilinear":
            given["align_corners"] = True
        return func(*args, **given)


def _aligned(probe: Probe) -> Reweighted:
    with _AlignedCorners():
        results = probe.look()
    return probe.reweighted(results)


def _of_windows(probe: Probe) -> Hypothesis:
    """Return the whole image at once for windows, or windows as mmsegmentation has them."""
    test, (height, width) = probe.setup.test, probe.setup.train_crop
    change = "whole images at once"
    other: WholeTest | SlideTest = WholeTest(mode="whole", scale=test.scale)
    if isinstance(test, WholeTest):
        # mmsegmentation 0.20.2, configs/_base_/models: windows of a crop, two thirds apart.
        stride = (max(1, round(2 * height / 3)), max(1, round(2 * width / 3)))
        crop = (height, width)
        change = f"windows of {height} x {width}, stride {stride[0]} x {stride[1]}"
        other = SlideTest(mode="slide", scale=test.scale, crop_size=crop, stride=stride)
    setup = probe.setup.model_copy(update={"test": other})
    return hypothesis(probe, "windows", change, setup=setup)
