"""Pictures of the images that a network did worst on, whatever its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import WorstOptions


class WorstImages(ABC):
    """What a run found in images, scored one by one."""

    def __init__(
        self,
        setup: Any,
        samples: Any,
        network: Any,
        metric: Metric,
        results: Mapping[str, ImageResult],
        options: WorstOptions,
    ) -> None:
        """Take a setup, samples, network and metric of one task, and what a run found."""
        self.setup, self.samples, self.network = setup, samples, network
        self.metric, self.results, self.options = metric, results, options
        self.classes = DATASETS[setup.dataset].classes

    @abstractmethod
    def values(self) -> Iterator[float | None]:
        """Yield the score of each image alone, in percent, in the order of the results."""

    @abstractmethod
    def picture(self, index: int, name: str, value: float) -> Image.Image:
        """Return the picture of an image, by its place among the samples."""

    def draw(self, progress: Progress) -> None:
        """Save one picture for each of the worst images that have a score, numbered from 01.

        Raises:
            DatasetError: a file can no longer be used.
            OSError: a picture cannot be written.
        """
        progress.begin("looking for the worst images", len(self.results), "images")
        scored = []
        for done, (name, value) in enumerate(zip(self.results, self.values(), strict=True), 1):
            if value is not None:
                scored.append((value, name))
            progress.update(done)
        worst = sorted(scored)[: self.options.count]
        folder = self.options.folder
        progress.begin(f"drawing the worst images into {folder}", len(worst), "images")
        folder.mkdir(exist_ok=True)  # no folder of a record that was deleted is made anew
        index_of = {self.samples.name_of(i): i for i in range(len(self.samples))}
        for place, (value, name) in enumerate(worst, 1):
            picture = self.picture(index_of[name], name, value)
            picture.save(folder / f"{place:02d}_{name.replace('/', '_')}.png")
            progress.update(place)
