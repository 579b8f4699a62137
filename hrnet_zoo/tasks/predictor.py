"""One image in, what a network sees in it out: the Python interface to a trained network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.devices import failure_explained, memory_explained
from hrnet_zoo.system.image_files import FoundImage
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.ahead import image_too_large
from hrnet_zoo.tasks.options import LookOptions


@dataclass(frozen=True, kw_only=True)
class SeenImage:
    """What was seen in one image and where it was written, or why it was not."""

    image: Path
    size: tuple[int, int] | None = None
    """(height, width)."""
    classes: Mapping[str, float] = field(default_factory=dict)
    """Class name -> its share, number or score, largest first."""
    files: Mapping[str, Path | None]
    """What was written, by what it is: "picture" and others."""
    summary: str = ""
    """The most important of it, for people."""
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it for programs."""
        height, width = self.size or (None, None)
        files = {what: str(path) if path else None for what, path in self.files.items()}
        return {
            "image": str(self.image),
            "height": height,
            "width": width,
            "classes": dict(self.classes),
            **files,
            "error": self.error,
        }

    def as_text(self) -> str:
        """Return it in a line."""
        if self.error is not None:
            return self.error  # which names the file
        return f"{self.image}: {self.summary} -> {self.files['picture']}"


class Predictor(ABC):
    """A row's network with its weights, and the row's way of looking at images.

    ``model`` is the network as published, for whatever else it is wanted for; predictions come from
    what was made of it to evaluate with, usually a copy with BatchNorm folded in.
    """

    writes: ClassVar[tuple[str, ...]]
    """What `see` writes for an image, by the names of `SeenImage.files`."""
    doing: ClassVar[str]
    """What it is busy with meanwhile: "labelling"."""

    def __init__(
        self, name: str, setup: Any, model: Any, device: torch.device, network: Any
    ) -> None:
        """Take the row's name and setup, and its network, which is on ``device``.

        Args:
            name: of the row.
            setup: of the row.
            model: as published.
            device: where it is.
            network: what evaluates with the model's weights, see `Networks.network`.
        """
        self.name = name
        self.setup = setup
        self.model = model
        self._network = network
        self._device = device
        self._classes = DATASETS[setup.dataset].classes

    @contextmanager
    def explained(self, size: tuple[int, int]) -> Iterator[None]:
        """Explain that the device fails, or has too little memory for (height, width)."""
        with (
            failure_explained(self._device),
            memory_explained(partial(image_too_large, size, self._device)),
        ):
            yield

    @property
    def remarks(self) -> list[str]:
        """Return what whoever looks at images should know about how they were looked at."""
        return []

    @abstractmethod
    def predict(self, image: str | Path | NDArray[np.uint8]) -> Any:
        """Return what the network sees in an image: a file, or RGB [H, W, 3] uint8."""

    @abstractmethod
    def see(self, image: FoundImage, pixels: NDArray[np.uint8], options: LookOptions) -> SeenImage:
        """Predict an image and write what is seen into the options' folder."""

    @abstractmethod
    def beside_truth(self, samples: Any, index: int, zoom: int) -> Image.Image:
        """Return an image of a data set, its truth and the prediction side by side, enlarged."""


def see_images(
    predictor: Predictor, images: Sequence[FoundImage], options: LookOptions, progress: Progress
) -> list[SeenImage]:
    """Predict every image and write what is seen.

    An image that cannot be decoded is reported in its place; the others go on.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    progress.begin(f"{predictor.doing} with {predictor.name}", len(images), "images")
    nothing = dict.fromkeys(predictor.writes)
    seen: list[SeenImage] = []
    for image in images:
        try:
            pixels = decode_image(read_bytes(image.path), image.path)
            seen.append(predictor.see(image, pixels, options))
        except DatasetError as error:
            seen.append(SeenImage(image=image.path, files=nothing, error=str(error)))
        progress.update(len(seen))
    for remark in predictor.remarks:
        progress.say(remark)
    return seen
