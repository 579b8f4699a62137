"""Faster evaluators than pycocotools, used only where they give the same figures.

Which one agrees is not taken for granted: it has to, on a part of the very detections to be scored,
each time. Otherwise pycocotools scores them, and the outcome says why.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.tasks.detection.coco_ap import (
    FIGURES,
    CocoFigures,
    Curves,
    Entry,
    accumulate,
    category_ids,
    coco_figures,
    copied,
    figures_of,
    selected,
)
from hrnet_zoo.tasks.detection.metrics import Kind

BackendName = Literal["pycocotools", "hotcoco", "faster"]
BackendChoice = Literal["auto", "pycocotools", "hotcoco", "faster"]

TOLERANCE = 1e-9
"""Points of percent by which a fast evaluator may differ from pycocotools."""

# Ten thousand detections of a usual run; pycocotools takes a fiftieth of its time for them.
_SAMPLE_IMAGES = 100
# Below this pycocotools is done before a comparison with it is.
_AUTO_FROM_IMAGES = 500
_NO_FIGURE = 100.0


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How a fast evaluator compared with pycocotools on a part of the run."""

    num_images: int
    largest_difference: float | None
    """Over the twelve figures and the AP of every category, in points of percent; 100 where only
    one of them has a figure. None: the evaluator failed."""

    @property
    def agreed(self) -> bool:
        """Tell whether the evaluator may be used."""
        return self.largest_difference is not None and self.largest_difference <= TOLERANCE


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """The figures of a run, and who computed them."""

    figures: CocoFigures
    backend: BackendName
    """Who computed the figures."""
    version: str
    """Of that package."""
    asked: BackendChoice
    """Who was asked for."""
    parity: Parity | None = None
    """The comparison of the last fast evaluator that was tried; None: none was."""
    remarks: tuple[str, ...] = ()
    """What the user should know: fast evaluators that were not used although they are there."""


def require_installed(backend: BackendChoice) -> None:
    """Raise PrerequisiteError if the evaluator asked for by name is not installed."""
    if backend != "auto" and not _is_installed(backend):
        msg = (
            f"The evaluator {_PACKAGES[backend]} is not installed. Run: "
            'pip install "hrnet-zoo[coco-fast]"'
        )
        raise PrerequisiteError(msg)


def score_detections(
    ground_truth: Entry,
    results: Sequence[Entry],
    kind: Kind,
    *,
    image_ids: Sequence[int],
    backend: BackendChoice = "auto",
) -> ScoredRun:
    """Return the figures of some images, from the fastest evaluator that is allowed to.

    Args:
        ground_truth: an instances file as parsed; left as it is.
        results: entries as `coco_figures` takes them; left as they are.
        kind: boxes or masks.
        image_ids: images to evaluate.
        backend: "auto" is the fastest that is installed and agrees, and pycocotools in small runs.

    Raises:
        PrerequisiteError: the evaluator asked for by name is not installed.
    """
    parity: Parity | None = None
    remarks: list[str] = []
    for name in _candidates(backend, len(image_ids)):
        parity = _compare(name, ground_truth, results, kind, _spread(image_ids))
        figures = None
        if parity.agreed:
            figures = _attempt(name, ground_truth, results, kind, image_ids)
        if figures is not None:
            return ScoredRun(
                figures=figures,
                backend=name,
                version=_version(name),
                asked=backend,
                parity=parity,
                remarks=tuple(remarks),
            )
        remarks.append(_remark(name, parity))
    return ScoredRun(
        figures=coco_figures(ground_truth, results, kind, image_ids=image_ids),
        backend="pycocotools",
        version=_version("pycocotools"),
        asked=backend,
        parity=parity,
        remarks=tuple(remarks),
    )


def _hotcoco(truth: dict[str, Any], entries: list[Entry], kind: Kind) -> Curves:
    # It takes what it reads into structures of its own, and so needs no copies; half a million
    # of these would take as long as the evaluation.
    hotcoco = importlib.import_module("hotcoco")
    reference = hotcoco.COCO(truth)
    return accumulate(hotcoco.COCOeval(reference, reference.load_res(entries), kind))


def _faster(truth: dict[str, Any], entries: list[Entry], kind: Kind) -> Curves:
    faster = importlib.import_module("faster_coco_eval")
    own_truth, own_entries = copied(truth, entries)
    reference = faster.COCO(own_truth)
    return accumulate(faster.COCOeval_faster(reference, reference.loadRes(own_entries), kind))


_Evaluate = Callable[[dict[str, Any], list[Entry], Kind], Curves]
# The fastest first.
_FAST: dict[BackendName, _Evaluate] = {"hotcoco": _hotcoco, "faster": _faster}
_PACKAGES: dict[BackendName, str] = {
    "pycocotools": "pycocotools",
    "hotcoco": "hotcoco",
    "faster": "faster-coco-eval",
}


def _candidates(backend: BackendChoice, num_images: int) -> list[BackendName]:
    """Return the fast evaluators to try, in turn."""
    if backend == "auto":
        return [n for n in _FAST if num_images >= _AUTO_FROM_IMAGES and _is_installed(n)]
    require_installed(backend)
    return [] if backend == "pycocotools" else [backend]


def _is_installed(name: BackendName) -> bool:
    try:
        _version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _version(name: BackendName) -> str:
    return importlib.metadata.version(_PACKAGES[name])


def _spread(image_ids: Sequence[int]) -> list[int]:
    """Return some of the images, always the same ones, from all over the run."""
    ordered = sorted(set(image_ids))
    count = min(_SAMPLE_IMAGES, len(ordered))
    return [ordered[i] for i in np.linspace(0, len(ordered) - 1, count).astype(int)]


def _compare(
    name: BackendName,
    ground_truth: Entry,
    results: Sequence[Entry],
    kind: Kind,
    image_ids: Sequence[int],
) -> Parity:
    expected = coco_figures(ground_truth, results, kind, image_ids=image_ids)
    given = _attempt(name, ground_truth, results, kind, image_ids)
    difference = None if given is None else _largest_difference(expected, given)
    return Parity(num_images=len(image_ids), largest_difference=difference)


def evaluate(
    name: BackendName,
    ground_truth: Entry,
    results: Sequence[Entry],
    kind: Kind,
    *,
    image_ids: Sequence[int],
) -> CocoFigures:
    """Return what one evaluator gives, right or wrong; `score_detections` is the careful way."""
    if name == "pycocotools":
        return coco_figures(ground_truth, results, kind, image_ids=image_ids)
    truth, entries = selected(ground_truth, results, image_ids)
    with contextlib.redirect_stdout(io.StringIO()):
        curves = _FAST[name](truth, entries, kind)
    return figures_of(curves, category_ids(ground_truth))


def _attempt(
    name: BackendName,
    ground_truth: Entry,
    results: Sequence[Entry],
    kind: Kind,
    image_ids: Sequence[int],
) -> CocoFigures | None:
    """Return a fast evaluator's figures, or None if it cannot compute them."""
    try:
        return evaluate(name, ground_truth, results, kind, image_ids=image_ids)
    except Exception:  # noqa: BLE001 - whatever fails there, pycocotools can still score the run
        return None


def _largest_difference(a: CocoFigures, b: CocoFigures) -> float:
    pairs = [(getattr(a, name), getattr(b, name)) for name in FIGURES]
    pairs += [(a.per_category[key], b.per_category[key]) for key in a.per_category]
    return max(map(_difference, pairs))


def _difference(pair: tuple[float | None, float | None]) -> float:
    one, other = pair
    if one is None or other is None:
        return 0.0 if one is other else _NO_FIGURE
    return abs(one - other)


def _remark(name: BackendName, parity: Parity) -> str:
    if parity.largest_difference is None or parity.agreed:
        what = "failed on these detections"
    else:
        what = (
            f"differs from pycocotools by {parity.largest_difference:.2g} points on "
            f"{parity.num_images} images"
        )
    return f"{_PACKAGES[name]} {_version(name)} {what}; it is not used"
