"""Image classification: an image gets one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hrnet_zoo.tasks.classification.metrics import METRICS, TopK
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.metric import SIZE, Metric
from hrnet_zoo.tasks.reference import ReferenceBounds
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrnet_zoo.tasks.classification.networks import ClassificationNetworks
    from hrnet_zoo.tasks.classification.top_k import Ranking


class ClassificationTask(Task):
    """See `Task`."""

    name = "classification"
    setup = ClassificationSetup
    metrics = METRICS
    does = "tells what images show"
    answers = "classes"
    counts = (SIZE,)
    methods = {"hrnet": "HRNet"}
    table_of = "data set"

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

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return the values of runs over the same images, and of their resamples."""
        from hrnet_zoo.tasks.classification.top_k import resampled_accuracies, top_k_accuracy

        assert isinstance(metric, TopK)
        decoded = [[self.from_text(text) for text in run] for run in runs]
        values = [top_k_accuracy(run, metric.k) for run in decoded]
        return values, resampled_accuracies(decoded, metric.k, draws)

    @property
    def counted(self) -> type[Ranking]:
        """Return class numbers."""
        from hrnet_zoo.tasks.classification.top_k import Ranking

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
