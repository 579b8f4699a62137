"""The one loop over a data set's images, whatever the task.

Decoding and resizing run ahead of the network in threads, and so does copying to a GPU. What a GPU
answers is awaited and coded in a thread while it computes the next image. Memory does not grow with
the number of images. It knows no checkpoints and no documented values.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.system.devices import failure_explained, memory_explained
from hrnet_zoo.tasks.ahead import (
    StageSeconds,
    ahead,
    image_too_large,
    no_main_memory,
    one_behind,
)
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.upload import upload_ahead

AnySample = TypeVar("AnySample")
"""One decoded image, with its name and the SHA-256 digest over all that was read."""


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What the evaluation of one image left."""

    name: str
    digest: str
    """SHA-256 of its files."""
    counted: dict[str, Any]
    """By protocol: what was counted. Tasks know how to write and read it."""


class Evaluator(ABC, Generic[AnySample]):
    """A network that looks at a data set's images, under one or more protocols."""

    samples: Any
    device: torch.device

    def load(self, index: int) -> AnySample:
        """Return a decoded sample; called in threads."""
        sample: AnySample = self.samples.load(index)
        return sample

    @abstractmethod
    def arrays(self, sample: AnySample) -> Sequence[NDArray[np.uint8]]:
        """Return what the device needs of a sample, all protocols together; called in threads."""

    @abstractmethod
    def look(
        self, sample: AnySample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> Callable[[], dict[str, Any]]:
        """Have the network look at one image.

        Args:
            sample: what `load` returned.
            arrays: what `arrays` returned, where the network needs it.
            seconds: the time of the network, what follows it and the counting is added to it.

        Returns:
            What waits for the answer and returns what is counted in it, by protocol; called once,
            maybe in another thread.
        """

    @abstractmethod
    def protocols_used(self) -> dict[str, ProtocolUsed]:
        """Return how images are looked at, by protocol: said by what is in force, by no setup."""

    @property
    def remarks(self) -> list[str]:
        """Return what a record should say about how images were looked at."""
        return []


def evaluate(
    evaluator: Evaluator[Any],
    indices: Iterable[int],
    *,
    num_workers: int | None,
    seconds: StageSeconds,
    lags: bool | None = None,
) -> Iterator[ImageResult]:
    """Yield the result of each image in turn, under every protocol.

    Args:
        evaluator: each image is decoded once for all of its protocols.
        indices: which samples, in the order wanted.
        num_workers: threads that decode and resize; None: as many as keep up with the network.
            The results do not depend on it.
        seconds: the time of every stage is added to it.
        lags: whether an image's answer is awaited in a thread while the next one is computed; None:
            on a GPU. On a CPU both would compute on the same processors. The results do not depend
            on it.

    Raises:
        CheckpointError: the network's outputs are not numbers.
        DatasetError: a file cannot be used.
        PrerequisiteError: the device's memory does not suffice.
    """

    def prepare(index: int) -> tuple[Any, Sequence[NDArray[np.uint8]], float]:
        started = time.perf_counter()
        with memory_explained(lambda: no_main_memory(index)):
            sample = evaluator.load(index)
            arrays = evaluator.arrays(sample)
        return sample, arrays, time.perf_counter() - started

    def looked_at() -> Iterator[tuple[Any, Callable[[], dict[str, Any]]]]:
        begin = time.perf_counter()
        decoded = ahead(prepare, indices, num_workers, seconds)
        for (sample, _, decode_s), arrays in upload_ahead(decoded, itemgetter(1), evaluator.device):
            seconds.waiting += time.perf_counter() - begin
            seconds.decode += decode_s
            with _explained(sample, evaluator.device):
                answer = evaluator.look(sample, arrays, seconds)
            yield sample, partial(_answered, answer, sample, evaluator.device)
            begin = time.perf_counter()

    begin = time.perf_counter()
    lags = evaluator.device.type == "cuda" if lags is None else lags
    pieces = looked_at()
    answered = one_behind(pieces) if lags else ((sample, answer()) for sample, answer in pieces)
    for sample, counted in answered:
        seconds.wall += time.perf_counter() - begin
        yield ImageResult(name=sample.name, digest=sample.digest, counted=counted)
        begin = time.perf_counter()


def _answered(
    answer: Callable[[], dict[str, Any]], sample: Any, device: torch.device
) -> dict[str, Any]:
    with _explained(sample, device):
        return answer()


@contextmanager
def _explained(sample: Any, device: torch.device) -> Iterator[None]:
    size = (sample.image.shape[0], sample.image.shape[1])
    with (
        failure_explained(device),
        memory_explained(partial(image_too_large, size, device)),
    ):
        yield
