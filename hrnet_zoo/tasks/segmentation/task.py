"""Semantic segmentation: every pixel of an image gets a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks.metric import SINGLE, Metric
from hrnet_zoo.tasks.segmentation.metrics import METRICS, MS_FLIP
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS, SegmentationSetup, SlideTest
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrnet_zoo.tasks.scored import ProtocolUsed
    from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
    from hrnet_zoo.tasks.segmentation.networks import SegmentationNetworks


class SegmentationTask(Task):
    """See `Task`."""

    name = "segmentation"
    setup = SegmentationSetup
    metrics = METRICS
    does = "labels pixels"
    answers = "labels"
    protocols = (SINGLE, MS_FLIP)
    methods = {"fcn": "FCN"}
    table_of = "data set"

    def describe(self, setup: SegmentationSetup) -> list[tuple[str, str]]:
        """Return how windows are cut, if they are."""
        mode: str = setup.test.mode
        if isinstance(setup.test, SlideTest):
            (h, w), (dy, dx) = setup.test.crop_size, setup.test.stride
            mode = f"slide, windows of {h} x {w}, stride {dy} x {dx}"
        return [*super().describe(setup), ("test mode", mode)]

    def protocol_used(self, setup: SegmentationSetup, protocol: str) -> ProtocolUsed:
        """Return one pass, or several over sizes and mirror images."""
        used = super().protocol_used(setup, protocol)
        several = {"ratios": list(MS_FLIP_RATIOS), "flip": True}
        return used.model_copy(update=several) if protocol == MS_FLIP else used

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return the values of runs over the same images, and of their resamples."""
        from hrnet_zoo.tasks.segmentation.confusion import (
            SegmentationScores,
            bootstrap_runs,
            total,
        )

        assert metric.value_of is not None
        decoded = [[self.from_text(text) for text in run] for run in runs]
        numbers = {image.num_classes for images in decoded for image in images}
        if len(numbers) > 1:
            msg = f"they have {' and '.join(map(str, sorted(numbers)))} classes, of the same data"
            raise ValueError(msg)
        values = [
            metric.value_of(SegmentationScores.of(total(images, *numbers))) for images in decoded
        ]
        return values, bootstrap_runs(decoded, draws, metric.value_of)

    def memory_family(self, setup: SegmentationSetup) -> str:
        """Return the width: narrow networks have more workspaces beside their tensors."""
        return f"segmentors of {setup.backbone}"

    @property
    def counted(self) -> type[SparseCounts]:
        """Return confusion counts."""
        from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

        return SparseCounts

    def slides(self, setup: SegmentationSetup) -> bool:
        """Whether the row documents sliding windows."""
        return isinstance(setup.test, SlideTest)

    def input_size(self, setup: SegmentationSetup) -> tuple[int, int]:
        """Return a full window, though many images are too low for one, or a typical image."""
        from hrnet_zoo.datasets.transforms import keep_ratio_size

        if isinstance(setup.test, SlideTest):
            return setup.test.crop_size
        typical = DATASETS[setup.dataset].typical_image
        width, height = keep_ratio_size(typical, setup.test.scale)
        return height, width

    @property
    def networks(self) -> SegmentationNetworks:
        """Return what is done with networks."""
        from hrnet_zoo.tasks.segmentation.networks import SegmentationNetworks

        return SegmentationNetworks()
