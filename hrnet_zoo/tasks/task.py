"""What a task is: everything that the rest of the program asks about a row's kind of work.

A task is free of torch, because `list`, `show` and reports must start quickly. What needs torch
stands in `networks.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.errors import UsageError
from hrnet_zoo.tasks.metric import SINGLE, Metric
from hrnet_zoo.tasks.reference_bounds import ReferenceBounds
from hrnet_zoo.tasks.setup import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrnet_zoo.datasets.data_set import Samples
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.causes import Fact, Hypothesis
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.tasks.jackknife import Reweighted
    from hrnet_zoo.tasks.networks import Networks
    from hrnet_zoo.tasks.options import ScoreOptions
    from hrnet_zoo.tasks.scored import Interval, ProtocolUsed, Scored


class Task(ABC):
    """One kind of work that networks of a zoo do.

    Setups, samples, networks and metrics are those of the task; a task is never given another's.
    """

    name: ClassVar[str]
    setup: ClassVar[type[Setup]]
    """How its rows are set up."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Its numbers, in the order in which tables print them."""
    does: ClassVar[str]
    """What its networks do, for messages: "labels pixels"."""
    answers: ClassVar[str]
    """What they answer with: "labels"."""
    protocols: ClassVar[tuple[str, ...]] = (SINGLE,)
    """Ways to look at an image, of which `predict` takes any."""
    reference: ClassVar[ReferenceBounds]
    """How like upstream's its answers on reference images have to be."""
    counts: ClassVar[tuple[str, ...]] = ()
    """Protocols that look at the network alone, without data and weights; see `Networks.count`."""
    methods: ClassVar[Mapping[str, str]]
    """How the name of a configuration begins -> what READMEs call the method."""
    most_groups: ClassVar[int] = 512
    """Groups of images that a jackknife leaves out in turn, at most."""
    most_groups_of_part: ClassVar[int] = 512
    """The same where the images are a part of the data set."""
    corrects_bias: ClassVar[bool] = False
    """Whether intervals of parts have the jackknife's estimate of their bias taken off: AP needs
    that, and for mIoU of few images it errs by more than the bias is; see bench/README.md."""
    looks: ClassVar[tuple[int, ...]] = (16, 32, 64, 128, 256)
    """Images after which `verify --quick` looks whether the documented value is refuted."""
    num_probed: ClassVar[int] = 32
    """Random images on which causes of a wrong number are tried."""
    table_of: ClassVar[Literal["data set", "method"]] = "method"
    """What the models in one table of a README share: their heading."""

    def measures(self, metric: Metric) -> bool:
        """Whether `verify` can measure a metric for rows of this task."""
        return metric.protocol in (*self.protocols, *self.counts)

    def describe(self, setup: Any) -> list[tuple[str, str]]:
        """Return how a setup looks at images, in pairs of words, for `show`."""
        width, height = setup.test.scale
        return [
            ("test scale", f"{width} x {height} (width x height), keep ratio"),
            ("training", f"{setup.samples_per_gpu} samples per GPU on {setup.gpus} GPUs"),
        ]

    def protocol_used(self, setup: Any, protocol: str) -> ProtocolUsed:
        """Return how a protocol shows each image to the network: in one pass, mostly."""
        from hrnet_zoo.tasks.scored import ProtocolUsed

        return ProtocolUsed(
            name=protocol,
            test=setup.test.model_dump(mode="json"),
            normalisation=setup.normalisation,
            ratios=[1.0],
            flip=False,
        )

    def score(
        self,
        setup: Any,
        samples: Any,
        metrics: Sequence[Any],
        results: Mapping[str, ImageResult],
        options: ScoreOptions,
        progress: Progress,
    ) -> dict[str, Scored]:
        """Return the value of each metric over all images, with what it rests on."""
        del samples, options, progress
        # In the order of names: an interrupted run adds up as an uninterrupted one does.
        ordered = [results[name].counted for name in sorted(results)]
        return {m.name: self.scored(setup, m, [c[m.evidence] for c in ordered]) for m in metrics}

    @abstractmethod
    def scored(self, setup: Any, metric: Any, counted: Sequence[Any]) -> Scored:
        """Return a metric's value over what was counted in images, with what it rests on.

        Args:
            setup: of the row.
            metric: one of the task's.
            counted: what is kept of each image as the metric's evidence, in the order of names.
        """

    @abstractmethod
    def reweighted(self, metric: Any, counted: Sequence[Any]) -> Reweighted:
        """Return what computes a metric over images that count several times or not at all.

        Args:
            metric: one of the task's.
            counted: what is kept of each of N images as the metric's evidence.

        Returns:
            A function from how often each image counts, [D, N], to the D values; NaN for 0/0.
        """

    def relabelled(self, setup: Any, metric: Any, counted: Sequence[Any]) -> Iterator[Hypothesis]:
        """Yield the causes of a wrong number that what was counted can be freed from.

        Args:
            setup: of the row.
            metric: one of the task's.
            counted: what is kept of each image as the metric's evidence.
        """
        del setup, metric, counted
        yield from ()

    def facts(self, setup: Any, counted: Sequence[Any]) -> Iterator[Fact]:
        """Yield what stands out in what was counted, whatever the number."""
        del setup, counted
        yield from ()

    def label_facts(self, setup: Any, samples: Any, indices: Sequence[int]) -> Iterator[Fact]:
        """Yield what the label files of some images say by themselves."""
        del setup, samples, indices
        yield from ()

    def tolerant(self, samples: Any) -> Any:
        """Return samples that count labels without a class as upstream does, and do not refuse."""
        return samples

    def interval(self, setup: Any, metric: Any, counted: Sequence[Any]) -> Interval | None:
        """Return the jackknife's interval: for the data set if this is a part, or other images."""
        reweighted = self.reweighted(metric, counted)
        return self._interval(setup, reweighted, len(counted), corrects_bias=self.corrects_bias)

    def _interval(
        self, setup: Any, reweighted: Reweighted, num_images: int, *, corrects_bias: bool
    ) -> Interval | None:
        from hrnet_zoo.tasks.jackknife import interval

        whole = setup.num_images
        if num_images >= whole:
            return interval(reweighted, num_images, None, self.most_groups)
        groups = self.most_groups_of_part
        return interval(reweighted, num_images, whole, groups, corrects_bias=corrects_bias)

    def paired(
        self, setup: Any, metric: Any, then: Sequence[Any], now: Sequence[Any]
    ) -> tuple[float | None, Interval | None]:
        """Return now - then of a metric, in its unit, with the interval of the difference.

        Args:
            setup: of the row.
            metric: one of the task's.
            then: what is kept of each image as the metric's evidence.
            now: the same of the same images, in the same order.
        """
        import numpy as np

        before, after = self.reweighted(metric, then), self.reweighted(metric, now)

        def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            return after(weights) - before(weights)

        (value,) = difference(np.ones((1, len(now))))
        if np.isnan(value):
            return None, None
        # Both have the same bias.
        return float(value), self._interval(setup, difference, len(now), corrects_bias=False)

    def of_shown(self, setup: Any, metric: Any, counted: Sequence[Any]) -> tuple[Reweighted, float]:
        """Return what computes a metric over the classes that images show, and their share of all.

        The share is 1 where a metric is no mean over classes.
        """
        del setup
        return self.reweighted(metric, counted), 1.0

    def at_most(
        self, setup: Any, metric: Any, counted: Sequence[Any], level: float
    ) -> float | None:
        """Return what the whole data set's value is at most, by a random part, percent.

        What the part tells nothing of, the classes that it does not show, may be all right.

        Args:
            setup: of the row.
            metric: one of the task's, in percent.
            counted: what is kept of each image of the part as the metric's evidence.
            level: probability that it is at most that.

        Returns:
            None where the part is too small to tell.
        """
        from hrnet_zoo.tasks.jackknife import upper_bound

        reweighted, share = self.of_shown(setup, metric, counted)
        whole, groups = setup.num_images, self.most_groups_of_part
        most = upper_bound(reweighted, len(counted), whole, groups, level)
        return None if most is None else share * most + (1 - share) * 100

    def reweighted_runs(
        self, metric: Metric, runs: Sequence[Sequence[str]], weights: NDArray[np.float64]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return a metric of several runs over the same images, as they are and reweighted alike.

        Args:
            metric: one of the task's.
            runs: each run's N images in the same order, as `to_text` wrote the metric's evidence.
            weights: [D, N], how often each image counts.

        Returns:
            R values, and [R, D] of them.

        Raises:
            ValueError: a text is damaged, or the runs do not fit each other.
        """
        import numpy as np

        decoded = [[self.from_text(metric.evidence, text) for text in run] for run in runs]
        self.require_alike(decoded)
        values, drawn = list[float | None](), []
        for images in decoded:
            reweighted = self.reweighted(metric, images)
            (value,) = reweighted(np.ones((1, weights.shape[1])))
            values.append(None if np.isnan(value) else float(value))
            drawn.append(reweighted(weights))
        return values, np.stack(drawn)

    def require_alike(self, runs: Sequence[Sequence[Any]]) -> None:
        """Raise ValueError unless what was counted in several runs is of the same kind."""
        del runs

    def memory_family(self, setup: Any) -> str | None:
        """Return which rows' predicted training memory is off alike; None: that is not known."""
        del setup
        return None

    def open_data(self, setup: Any, folder: Path) -> Samples:
        """Return the validation split that is below a folder.

        Raises:
            DatasetError: it is missing or incomplete.
        """
        return DATASETS[setup.dataset].open(folder)

    def to_text(self, counted: Any) -> str:
        """Return what a journal keeps of what was counted in one image, under whatever name."""
        text: str = counted.to_text()
        return text

    @abstractmethod
    def counted(self, name: str) -> Any:
        """Return the class of what an image's result has under a name; it is imported then."""

    def from_text(self, name: str, text: str) -> Any:
        """Return what `to_text` kept under a name: that of a protocol, or a metric's evidence.

        Raises:
            ValueError: the text is damaged.
        """
        return self.counted(name).from_text(text)

    def check_options(self, options: ScoreOptions) -> None:
        """Refuse, before a long run, what could not be done at its end.

        Raises:
            PrerequisiteError: a library is missing.
        """
        del options

    def save_results(self, path: Path, samples: Any, results: Mapping[str, ImageResult]) -> str:
        """Write the answers for other tools to read, and return what was written, for people.

        Raises:
            UsageError: there is no such format for this task.
        """
        del path, samples, results
        msg = f"--save-results is for detections, and a {self.name} network {self.does}."
        raise UsageError(msg)

    @property
    def saves_results(self) -> bool:
        """Whether there is a format of results that other tools read."""
        return type(self).save_results is not Task.save_results

    def box(self, setup: Any) -> tuple[int, int]:
        """Return the documented (width, height) that images are resized to fit."""
        box: tuple[int, int] = setup.test.scale
        return box

    def slides(self, setup: Any) -> bool:
        """Whether an image goes through the network in windows, not at once."""
        del setup
        return False

    @abstractmethod
    def input_size(self, setup: Any) -> tuple[int, int]:
        """Return (height, width) of what goes through the network at once, as documented."""

    @property
    @abstractmethod
    def networks(self) -> Networks:
        """Return what is done with networks; torch is imported then."""
