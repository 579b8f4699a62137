"""Semantic segmentation: every pixel of an image gets a class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.metric import SINGLE, Metric
from hrnet_zoo.tasks.reference_bounds import ReferenceBounds
from hrnet_zoo.tasks.segmentation.metrics import METRICS, MS_FLIP
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS, SegmentationSetup, SlideTest
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    from hrnet_zoo.datasets.label_samples import LabelSamples
    from hrnet_zoo.tasks.causes import Fact, Hypothesis
    from hrnet_zoo.tasks.jackknife import Reweighted
    from hrnet_zoo.tasks.scored import ProtocolUsed, Scored
    from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
    from hrnet_zoo.tasks.segmentation.networks import SegmentationNetworks

_NAMED = 3
"""Classes that a message names at most."""


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

    reference = ReferenceBounds(
        least=0.9999,
        reason="of 100,487 pixels other threads, layouts and engines turn at most 2; kernels that "
        "round logits to 1e-4 could turn the 10 whose best two classes are as near; the smallest "
        "of the known mistakes turns 18",
    )

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

    def scored(
        self, setup: SegmentationSetup, metric: Metric, counted: Sequence[SparseCounts]
    ) -> Scored:
        """Return a metric with the scores of all classes."""
        from hrnet_zoo.tasks.scored import ClassFigures, Scored
        from hrnet_zoo.tasks.segmentation.confusion import SegmentationScores, total, unlabelled

        assert metric.value_of is not None
        num_classes, names = setup.num_classes, DATASETS[setup.dataset].classes.names
        scores = SegmentationScores.of(total(counted, num_classes))
        # A class that the part lacks would have its say in the whole: how much, nothing here tells.
        lacking = unlabelled(counted, num_classes) if len(counted) < setup.num_images else ()
        no_interval = None
        if len(lacking):
            said = and_more([names[i] for i in lacking], _NAMED)
            no_interval = f"no pixel of these images is labelled {said}"
        return Scored(
            value=metric.value_of(scores),
            interval=None if no_interval else self.interval(setup, metric, counted),
            no_interval=no_interval,
            figures={"macc": scores.macc, "aacc": scores.aacc},
            classes=[
                ClassFigures(name=name, figures={"iou": iou, "accuracy": accuracy})
                for name, iou, accuracy in zip(names, scores.iou, scores.accuracy, strict=True)
            ],
        )

    def reweighted(self, metric: Metric, counted: Sequence[SparseCounts]) -> Reweighted:
        """Return what computes a score over images that count several times or not at all."""
        from hrnet_zoo.tasks.segmentation.confusion import reweighted

        assert metric.value_of is not None
        return reweighted(counted, metric.value_of)

    def of_shown(
        self, setup: SegmentationSetup, metric: Metric, counted: Sequence[SparseCounts]
    ) -> tuple[Reweighted, float]:
        """Leave out the classes that no pixel is labelled with, whatever was predicted."""
        from hrnet_zoo.tasks.segmentation.confusion import reweighted, unlabelled

        assert metric.value_of is not None
        lacking = unlabelled(counted, setup.num_classes)
        share = 1 - len(lacking) / setup.num_classes
        return reweighted(counted, metric.value_of, lacking), share

    def relabelled(
        self, setup: SegmentationSetup, metric: Metric, counted: Sequence[SparseCounts]
    ) -> Iterator[Hypothesis]:
        """Yield other labels, and other definitions of the metric."""
        from hrnet_zoo.tasks.segmentation.relabelling import relabelled

        return relabelled(setup, metric, counted)

    def label_facts(
        self, setup: SegmentationSetup, samples: LabelSamples, indices: Sequence[int]
    ) -> Iterator[Fact]:
        """Yield whether labels hold values that stand for no class."""
        from hrnet_zoo.tasks.segmentation.relabelling import label_facts

        return label_facts(setup, samples, indices)

    def tolerant(self, samples: LabelSamples) -> LabelSamples:
        """Return samples that count such values in no class."""
        from hrnet_zoo.tasks.segmentation.relabelling import tolerant

        return tolerant(samples)

    def require_alike(self, runs: Sequence[Sequence[SparseCounts]]) -> None:
        """Raise ValueError unless all have as many classes."""
        numbers = {image.num_classes for images in runs for image in images}
        if len(numbers) > 1:
            msg = f"they have {' and '.join(map(str, sorted(numbers)))} classes, of the same data"
            raise ValueError(msg)

    def memory_family(self, setup: SegmentationSetup) -> str:
        """Return the width: narrow networks have more workspaces beside their tensors."""
        return f"segmentors of {setup.backbone}"

    def counted(self, name: str) -> type[SparseCounts]:
        """Return confusion counts."""
        from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

        del name  # they are all of one kind
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
