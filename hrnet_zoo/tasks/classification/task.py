"""Image classification: an image gets one class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks.classification.metrics import METRICS, TopK
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.metric import SIZE
from hrnet_zoo.tasks.reference_bounds import ReferenceBounds
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    from hrnet_zoo.tasks.causes import Hypothesis
    from hrnet_zoo.tasks.classification.networks import ClassificationNetworks
    from hrnet_zoo.tasks.classification.top_k import Ranking
    from hrnet_zoo.tasks.jackknife import Reweighted
    from hrnet_zoo.tasks.scored import Interval, Scored


class ClassificationTask(Task):
    """See `Task`."""

    name = "classification"
    setup = ClassificationSetup
    metrics = METRICS
    does = "tells what images show"
    answers = "classes"
    counts = (SIZE,)
    methods = {"hrnet": "HRNet"}
    num_probed = 256  # an image is one right or wrong answer, not thousands of pixels
    table_of = "data set"
    looks = (64, 250, 1000, 2500)

    reference = ReferenceBounds(
        least=1.0,
        score=2e-3,
        reason="upstream differs from itself by 4e-5 with other threads and by 9e-5 in another "
        "layout; its first five classes are 0.011 apart, and the smallest known mistake moves the "
        "twenty largest logits by 0.038",
    )

    def describe(self, setup: ClassificationSetup) -> list[tuple[str, str]]:
        """Return resize and crop."""
        test = setup.test
        return [
            ("test", f"shorter side to {test.resize_short}, {test.crop} x {test.crop} from middle"),
            ("training", f"{setup.samples_per_gpu} samples per GPU on {setup.gpus} GPUs"),
        ]

    def scored(
        self, setup: ClassificationSetup, metric: TopK, counted: Sequence[Ranking]
    ) -> Scored:
        """Return a metric with the accuracy on every class."""
        from hrnet_zoo.tasks.classification.top_k import (
            class_accuracies,
            require_k,
            top_k_accuracy,
        )
        from hrnet_zoo.tasks.scored import ClassFigures, Scored

        require_k(metric.k, setup.num_classes)
        names = DATASETS[setup.dataset].classes.names
        of_classes = class_accuracies(counted, metric.k, setup.num_classes)
        return Scored(
            value=top_k_accuracy(counted, metric.k),
            interval=self.interval(setup, metric, counted),
            classes=[
                ClassFigures(name=name, figures={metric.name: accuracy})
                for name, accuracy in zip(names, of_classes, strict=True)
            ],
        )

    def interval(
        self, setup: ClassificationSetup, metric: TopK, counted: Sequence[Ranking]
    ) -> Interval | None:
        """Return Wilson's, for a value is a share of images; None below two."""
        from hrnet_zoo.tasks.classification.top_k import wilson

        num, hits = len(counted), sum(ranking.is_hit(metric.k) for ranking in counted)
        population = setup.num_images if num < setup.num_images else None
        return wilson(hits, num, population) if num > 1 else None

    def at_most(
        self, setup: ClassificationSetup, metric: TopK, counted: Sequence[Ranking], level: float
    ) -> float | None:
        """Return the exact bound of a share of images."""
        from hrnet_zoo.tasks.classification.top_k import at_most

        del setup
        return at_most(sum(ranking.is_hit(metric.k) for ranking in counted), len(counted), level)

    def reweighted(self, metric: TopK, counted: Sequence[Ranking]) -> Reweighted:
        """Return what computes an accuracy over images that count several times or not at all."""
        from hrnet_zoo.tasks.classification.top_k import reweighted

        return reweighted(counted, metric.k)

    def relabelled(
        self, setup: ClassificationSetup, metric: TopK, counted: Sequence[Ranking]
    ) -> Iterator[Hypothesis]:
        """Yield other classes, and other definitions of the metric."""
        from hrnet_zoo.tasks.classification.relabelling import relabelled

        return relabelled(setup, metric, counted)

    def counted(self, name: str) -> type[Ranking]:
        """Return class numbers."""
        from hrnet_zoo.tasks.classification.top_k import Ranking

        del name  # they are all of one kind
        return Ranking

    def box(self, setup: ClassificationSetup) -> tuple[int, int]:
        """Return the crop, which stands for the resize before it, too."""
        return setup.test.crop, setup.test.crop

    def input_size(self, setup: ClassificationSetup) -> tuple[int, int]:
        """Return the crop."""
        return setup.test.crop, setup.test.crop

    @property
    def networks(self) -> ClassificationNetworks:
        """Return what is done with networks."""
        from hrnet_zoo.tasks.classification.networks import ClassificationNetworks

        return ClassificationNetworks()
