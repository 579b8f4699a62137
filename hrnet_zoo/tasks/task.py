"""What a task is: everything that the rest of the program asks about a row's kind of work.

A task is free of torch, because `list`, `show` and reports must start quickly. What needs torch
stands in `networks.py`.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.errors import UsageError
from hrnet_zoo.tasks.metric import SINGLE, Metric
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

_DRAWS_AT_ONCE = 100
"""Bounds the memory: 2000 draws of 50,000 images are 800 MB as floats."""


@dataclass(frozen=True, kw_only=True)
class MemoryBounds:
    """Which ratios of predicted to documented training memory are accepted, and why."""

    low: float
    high: float
    reason: str


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
    memory: ClassVar[MemoryBounds | None] = None
    """What predictions of training memory are held against; None: nothing is known."""
    counts: ClassVar[tuple[str, ...]] = ()
    """Protocols that look at the network alone, without data and weights; see `Networks.count`."""
    methods: ClassVar[Mapping[str, str]]
    """How the name of a configuration begins -> what READMEs call the method."""
    most_groups: ClassVar[int] = 512
    """Groups of images that a jackknife leaves out in turn, at most."""
    most_groups_of_part: ClassVar[int] = 512
    """The same where the images are a part of the data set."""
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

    def scored(self, setup: Any, metric: Any, counted: Sequence[Any]) -> Scored:
        """Return a metric's value over what was counted in images, with what it rests on.

        Args:
            setup: of the row.
            metric: one of the task's.
            counted: what is kept of each image as the metric's evidence, in the order of names.
        """
        raise NotImplementedError

    def reweighted(self, metric: Any, counted: Sequence[Any]) -> Reweighted:
        """Return what computes a metric over images that count several times or not at all.

        Args:
            metric: one of the task's.
            counted: what is kept of each of N images as the metric's evidence.

        Returns:
            A function from how often each image counts, [D, N], to the D values; NaN for 0/0.
        """
        raise NotImplementedError

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
        from hrnet_zoo.tasks.jackknife import interval

        found, whole = len(counted), setup.num_images
        reweighted = self.reweighted(metric, counted)
        if found < whole:
            return interval(reweighted, found, whole, self.most_groups_of_part)
        return interval(reweighted, found, None, self.most_groups)

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return a metric of several runs over the same images, and the same over resamples.

        Args:
            metric: one of the task's.
            runs: each run's N images in the same order, as `to_text` wrote them.
            draws: [resamples, N] of `draw_images`; making them takes longer than using them.

        Returns:
            R values, and [R, resamples] of them in which all runs drew alike.

        Raises:
            ValueError: a text is damaged, or the runs do not fit each other.
        """
        import numpy as np

        decoded = [[self.from_text(metric.evidence, text) for text in run] for run in runs]
        self.require_alike(decoded)
        once = np.ones((1, draws.shape[1]))
        chunks = np.array_split(draws, -(-len(draws) // _DRAWS_AT_ONCE))
        values, drawn = list[float | None](), []
        for images in decoded:
            reweighted = self.reweighted(metric, images)
            (value,) = reweighted(once)
            values.append(None if np.isnan(value) else float(value))
            drawn.append(np.concatenate([reweighted(c.astype(np.float64)) for c in chunks]))
        return values, np.stack(drawn)

    def require_alike(self, runs: Sequence[Sequence[Any]]) -> None:
        """Raise ValueError unless what was counted in several runs is of the same kind."""
        del runs

    @property
    def resamples(self) -> bool:
        """Whether a value follows from what is kept of images, so that these can be resampled."""
        return type(self).reweighted is not Task.reweighted

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
        try:
            return self.counted(name).from_text(text)
        except zlib.error as error:
            raise ValueError(str(error)) from None

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
