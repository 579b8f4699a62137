"""By how much a run's values may differ from documented ones although nothing is wrong.

A few of the run's images are computed again in ways that are as right: with BatchNorm unfolded, the
other memory layout and another number of threads; and, where JPEGs are decoded here into other
pixels than upstream's, with a decoder that gives those. What that does to the value is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.decoders import gives_upstreams_pixels, pillow_decoded
from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.runs.looking import Looking
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.scored import Allowance

NUM_IMAGES = 20
"""Images that are computed again."""

SIGMAS = 3
"""Standard deviations of the value that are allowed for."""

_SEED = 1
_JPEG = {".jpg", ".jpeg"}


@dataclass(frozen=True, kw_only=True)
class _Cause:
    """What is done otherwise to some images."""

    name: str
    how: str
    samples: Any
    """The data set as it is read then."""


def measured_allowances(
    looking: Looking,
    samples: Samples,
    metrics: Sequence[Metric],
    results: Mapping[str, ImageResult],
    progress: Progress,
) -> dict[str, list[Allowance]]:
    """Return what is allowed for each metric, and why.

    Args:
        looking: what looked at the images.
        samples: the data set.
        metrics: of the row's task.
        results: of all images of the data set.
        progress: told what is done, and about a decoder that nothing can be said of.
    """
    indices = sorted(random_order(len(samples), _SEED)[:NUM_IMAGES])
    threads = torch.get_num_threads()
    other = threads // 2 or 2
    how = f"BatchNorm unfolded, the other memory layout, {other} instead of {threads} threads"
    causes = [_Cause(name="numeric noise", how=how, samples=samples)]
    causes += _decoder(samples, indices, progress)
    found: dict[str, list[Allowance]] = {metric.name: [] for metric in metrics}
    for cause in causes:
        progress.begin(f"measuring {cause.name}", len(indices), "images")
        again = []
        with _threads(other):
            for result in looking.computed_otherwise(cause.samples, indices):
                again.append(result)
                progress.update(len(again))
        for metric in metrics:
            found[metric.name].append(_allowance(metric, cause, results, again))
    return found


def _decoder(samples: Samples, indices: Sequence[int], progress: Progress) -> Iterator[_Cause]:
    """Yield the decoder as a cause, where it makes a difference that can be measured."""
    if not any(samples.path_of(i).suffix.lower() in _JPEG for i in indices):
        return
    if gives_upstreams_pixels():
        return
    if not gives_upstreams_pixels(pillow_decoded):
        said = "JPEGs are decoded here into other pixels than upstream's, and nothing here tells by"
        progress.say(f'{said} how much that moves the value; see "hrnet-zoo doctor"')
        return
    how = "JPEGs decoded by Pillow, which gives upstream's pixels; OpenCV does not here"
    yield _Cause(name="JPEG decoder", how=how, samples=_Redecoded(samples))


class _Redecoded:
    """A data set whose images Pillow decodes."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any data set
        return getattr(self._samples, name)

    def load(self, index: int) -> Any:  # noqa: ANN401 - of any data set
        sample, path = self._samples.load(index), self._samples.path_of(index)
        return replace(sample, image=pillow_decoded(read_bytes(path), path))


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _allowance(
    metric: Metric, cause: _Cause, results: Mapping[str, ImageResult], again: Sequence[ImageResult]
) -> Allowance:
    moves = _moves(metric, results, again)
    # Every image moves the value a little, up or down; so their squares add up.
    deviation = math.sqrt(len(results) * float((moves**2).mean()))
    return Allowance(
        name=cause.name,
        points=SIGMAS * deviation,
        num_images=len(again),
        num_changed=int(np.count_nonzero(moves)),
        how=cause.how,
    )


def _moves(
    metric: Metric, results: Mapping[str, ImageResult], again: Sequence[ImageResult]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return by how much the value moves when each image has its other result instead."""
    names, key = sorted(results), metric.evidence
    place = {name: i for i, name in enumerate(names)}
    counted = [results[name].counted[key] for name in names]
    counted += [result.counted[key] for result in again]
    weights = np.zeros((1 + len(again), len(counted)))
    weights[:, : len(names)] = 1
    for i, result in enumerate(again):
        weights[1 + i, place[result.name]] = 0
        weights[1 + i, len(names) + i] = 1
    values = TASKS[metric.task or ""].reweighted(metric, counted)(weights)
    return np.asarray(values[1:] - values[0], np.float64)
