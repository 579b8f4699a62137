"""COCO's twelve figures of boxes or masks: pycocotools is the reference, others are faster.

Whether a faster evaluator agrees is not taken for granted: it has to, on a part of the very
detections to be scored, each time. Otherwise pycocotools scores them, and the outcome says why. All
take plain dicts in COCO's form; nothing here knows models or data sets.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.environment import installed_version
from hrnet_zoo.tasks.detection.metrics import Kind
from hrnet_zoo.tasks.scored import Scoring

Entry = Mapping[str, Any]
BackendName = Literal["pycocotools", "hotcoco", "faster"]
BackendChoice = Literal["auto", "pycocotools", "hotcoco", "faster"]

MaxDets = tuple[int, int, int]
ProtocolName = Literal["coco", "mmdet"]

PROTOCOLS: Mapping[ProtocolName, MaxDets] = {
    "coco": (1, 10, 100),
    "mmdet": (100, 300, 1000),
}
"""By how many of the best detections per image and category recall is told, in each protocol.

Nothing else differs: the overall AP takes 100 in both, all other figures as many as the last.

Source:
    pycocotools 2.0.11, cocoeval.py, Params.setDetParams; mmdetection 2.3.0, mmdet/datasets/coco.py,
    evaluate, which replaces maxDets by its proposal_nums.
"""

TOLERANCE = 1e-9
"""Points of percent by which a fast evaluator may differ from pycocotools."""

OVERALL_MAX_DETS = 100
_IOU_50, _IOU_75 = 0, 5  # places among the thresholds .50, .55 ... .95
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)  # places among the ranges of areas
# Ten thousand detections of a usual run; pycocotools takes a fiftieth of its time for them.
_SAMPLE_IMAGES = 100
# Below this pycocotools is done before a comparison with it is.
_AUTO_FROM_IMAGES = 500
_NO_FIGURE = 100.0


@dataclass(frozen=True, kw_only=True)
class CocoFigures:
    """COCO's twelve figures, in percent; None where there is nothing to find."""

    twelve: Mapping[str, float | None]
    """By name, in pycocotools' order.

    ap is the mean over IoU thresholds .50 to .95 and categories, ap50 and ap75 those at one
    threshold; ap_small, ap_medium and ap_large are of objects below 32 x 32 pixels, between, and
    above 96 x 96. ar_100 is recall with at most 100 detections per image and category, and likewise
    for the protocol's other numbers; then ar_small, ar_medium and ar_large.
    """
    per_category: Mapping[int, float | None]
    """Category id -> AP; None where no image evaluated shows one."""

    @property
    def ap(self) -> float | None:
        """The overall AP."""
        return self.twelve["ap"]

    def by_place(self, categories: Sequence[int]) -> CocoFigures:
        """Return the same with the places of categories in a list of all instead of their ids."""
        places = {place: self.per_category[id_] for place, id_ in enumerate(categories)}
        return replace(self, per_category=places)

    def all_of_them(self) -> dict[str | int, float | None]:
        """Return the twelve by name, and the AP of every category by its id."""
        return dict(self.twelve) | dict(self.per_category)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """What an evaluator accumulated; -1 where there is nothing to find."""

    precision: NDArray[np.float64]
    """[10 IoU thresholds, 101 recalls, K categories, 4 areas, 3 numbers of detections]."""
    recall: NDArray[np.float64]
    """[10 IoU thresholds, K categories, 4 areas, 3 numbers of detections]."""


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """The figures of a run, and who computed them."""

    figures: CocoFigures
    scoring: Scoring


def require_installed(backend: BackendChoice) -> None:
    """Raise PrerequisiteError if the evaluator asked for by name is not installed."""
    if backend != "auto" and _version(backend) is None:
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
    protocol: ProtocolName,
    backend: BackendChoice = "auto",
) -> ScoredRun:
    """Return the figures of some images, from the fastest evaluator that is allowed to.

    Args:
        ground_truth: an instances file as parsed; left as it is.
        results: entries as `coco_figures` takes them; left as they are.
        kind: boxes or masks.
        image_ids: images to evaluate.
        protocol: one of `PROTOCOLS`.
        backend: "auto" is the fastest that is installed and agrees, and pycocotools in small runs.

    Raises:
        PrerequisiteError: the evaluator asked for by name is not installed.
    """

    def figures_by(name: BackendName, ids: Sequence[int]) -> CocoFigures | None:
        try:
            return coco_figures(
                ground_truth, results, kind, image_ids=ids, protocol=protocol, backend=name
            )
        except Exception:
            if name == "pycocotools":
                raise
            return None  # whatever fails there, pycocotools can still score the run

    require_installed(backend)
    some = _spread(image_ids)
    num_compared = difference = figures = None
    remarks = []
    for name in _candidates(backend, len(image_ids)):
        num_compared = len(some)
        difference = difference_of(figures_by("pycocotools", some), figures_by(name, some))
        figures = figures_by(name, image_ids) if agrees(difference) else None
        if figures is not None:
            break
        what = "failed on these detections"
        if difference is not None and not agrees(difference):
            what = f"differs from pycocotools by {difference:.2g} points on {len(some)} images"
        remarks.append(f"{_PACKAGES[name]} {_version(name)} {what}; it is not used")
    else:
        name = "pycocotools"
        figures = figures_by(name, image_ids)
        assert figures is not None
    scoring = Scoring(
        backend=name,
        version=_version(name) or "",
        asked=backend,
        parity_num_images=num_compared,
        parity_largest_difference=difference,
        remarks=remarks,
    )
    return ScoredRun(figures=figures, scoring=scoring)


def agrees(difference: float | None) -> bool:
    """Whether an evaluator may be used whose figures differ so much; None: it failed."""
    return difference is not None and difference <= TOLERANCE


def coco_figures(
    ground_truth: Entry,
    results: Sequence[Entry],
    kind: Kind,
    *,
    image_ids: Sequence[int],
    protocol: ProtocolName,
    backend: BackendName = "pycocotools",
) -> CocoFigures:
    """Return the figures one evaluator gives for some images; the inputs are left as they are.

    Results that have boxes are sorted into small, medium and large by these, also for masks; only
    entries without "bbox" are sorted by the areas of their masks. Upstream did the former when the
    documented numbers were measured; the overall AP does not depend on it.

    Args:
        ground_truth: an instances file as parsed.
        results: entries with image_id, category_id, score, and bbox or segmentation.
        kind: boxes or masks; masks must be in the entries.
        image_ids: images to evaluate, with and without annotations.
        protocol: one of `PROTOCOLS`.
        backend: pycocotools is right by definition; `score_detections` checks the others.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval; mmdetection 2.3.0, mmdet/datasets/coco.py,
        evaluate.
    """
    wanted = set(image_ids)
    truth = {
        "images": [image for image in ground_truth["images"] if image["id"] in wanted],
        "annotations": [a for a in ground_truth["annotations"] if a["image_id"] in wanted],
        "categories": [{"id": c["id"], "name": c["name"]} for c in ground_truth["categories"]],
    }
    entries = [entry for entry in results if entry["image_id"] in wanted]
    with contextlib.redirect_stdout(io.StringIO()):  # they print progress that nobody asked for
        curves = _EVALUATORS[backend](truth, entries, kind, PROTOCOLS[protocol])
    categories = sorted(category["id"] for category in truth["categories"])
    return figures_of_curves(curves, categories, PROTOCOLS[protocol])


def _pycocotools(
    truth: dict[str, Any], entries: list[Entry], kind: Kind, max_dets: MaxDets
) -> Curves:
    coco = importlib.import_module("pycocotools.coco")
    cocoeval = importlib.import_module("pycocotools.cocoeval")

    def indexed(annotations: Sequence[Entry]) -> Any:  # noqa: ANN401 - pycocotools is not typed
        made = coco.COCO()
        made.dataset = truth | {"annotations": [dict(annotation) for annotation in annotations]}
        made.createIndex()
        return made

    reference = indexed(truth["annotations"])
    # Its own loader fails on an empty list.
    found = reference.loadRes([dict(entry) for entry in entries]) if entries else indexed([])
    return _accumulated(cocoeval.COCOeval(reference, found, kind), max_dets)


def _hotcoco(truth: dict[str, Any], entries: list[Entry], kind: Kind, max_dets: MaxDets) -> Curves:
    # It takes what it reads into structures of its own, and so needs no copies; half a million
    # of these would take as long as the evaluation.
    hotcoco = importlib.import_module("hotcoco")
    reference = hotcoco.COCO(truth)
    return _accumulated(hotcoco.COCOeval(reference, reference.load_res(entries), kind), max_dets)


def _faster(truth: dict[str, Any], entries: list[Entry], kind: Kind, max_dets: MaxDets) -> Curves:
    faster = importlib.import_module("faster_coco_eval")
    copies = [dict(annotation) for annotation in truth["annotations"]]
    reference = faster.COCO(truth | {"annotations": copies})
    found = reference.loadRes([dict(entry) for entry in entries])
    return _accumulated(faster.COCOeval_faster(reference, found, kind), max_dets)


_EVALUATORS: dict[BackendName, Callable[[dict[str, Any], list[Entry], Kind, MaxDets], Curves]] = {
    "hotcoco": _hotcoco,
    "faster": _faster,
    "pycocotools": _pycocotools,
}
"""The fastest first; the last one is the reference."""
_PACKAGES: dict[BackendName, str] = {
    "hotcoco": "hotcoco",
    "faster": "faster-coco-eval",
    "pycocotools": "pycocotools",
}


def _accumulated(evaluator: Any, max_dets: MaxDets) -> Curves:  # noqa: ANN401 - none is typed
    evaluator.params.maxDets = list(max_dets)
    evaluator.evaluate()
    evaluator.accumulate()
    return Curves(
        precision=np.asarray(evaluator.eval["precision"]),
        recall=np.asarray(evaluator.eval["recall"]),
    )


def figures_of_curves(curves: Curves, categories: Sequence[int], max_dets: MaxDets) -> CocoFigures:
    """Return the figures that an evaluator's curves amount to.

    They are summed up here, and not by the evaluators, because those disagree about which number
    of detections the overall AP takes.

    Args:
        curves: over the categories in ascending order of their ids.
        categories: these ids.
        max_dets: the numbers of detections that the curves are of.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval.summarize; per category: mmdetection 2.3.0,
        mmdet/datasets/coco.py, evaluate with classwise.
    """
    precision, recall = curves.precision, curves.recall
    recalls = {f"ar_{count}": _mean(recall[..., _ALL, i]) for i, count in enumerate(max_dets)}
    return CocoFigures(
        twelve={
            "ap": _mean(precision[..., _ALL, max_dets.index(OVERALL_MAX_DETS)]),
            "ap50": _mean(precision[_IOU_50, ..., _ALL, -1]),
            "ap75": _mean(precision[_IOU_75, ..., _ALL, -1]),
            "ap_small": _mean(precision[..., _SMALL, -1]),
            "ap_medium": _mean(precision[..., _MEDIUM, -1]),
            "ap_large": _mean(precision[..., _LARGE, -1]),
            **recalls,
            "ar_small": _mean(recall[..., _SMALL, -1]),
            "ar_medium": _mean(recall[..., _MEDIUM, -1]),
            "ar_large": _mean(recall[..., _LARGE, -1]),
        },
        per_category={
            category: _mean(precision[:, :, place, _ALL, -1])
            for place, category in enumerate(categories)
        },
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(100 * known.mean()) if known.size else None


def _candidates(backend: BackendChoice, num_images: int) -> list[BackendName]:
    """Return the fast evaluators to try, in turn."""
    if backend != "auto":
        return [] if backend == "pycocotools" else [backend]
    fast = (name for name in _EVALUATORS if name != "pycocotools" and _version(name))
    return list(fast) if num_images >= _AUTO_FROM_IMAGES else []


def _version(name: BackendName) -> str | None:
    return installed_version(_PACKAGES[name])


def _spread(image_ids: Sequence[int]) -> list[int]:
    """Return some of the images, always the same ones, from all over the run."""
    ordered = sorted(set(image_ids))
    count = min(_SAMPLE_IMAGES, len(ordered))
    return [ordered[i] for i in np.linspace(0, len(ordered) - 1, count).astype(int)]


def difference_of(expected: CocoFigures | None, given: CocoFigures | None) -> float | None:
    """Return the largest difference of any figure, in points; None where there are no figures."""
    if expected is None or given is None:
        return None
    theirs = given.all_of_them()
    pairs = ((ours, theirs[name]) for name, ours in expected.all_of_them().items())
    return max(
        abs(one - other)
        if one is not None and other is not None
        else (0.0 if one is other else _NO_FIGURE)
        for one, other in pairs
    )
