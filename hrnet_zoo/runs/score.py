"""Scores a results file in a process of its own.

pycocotools gives back no control, and a mistake in it ends its process. Masks and boxes are looked
at before it gets them; what that overlooks ends in a message here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.coco_results import has_masks, read_results
from hrnet_zoo.datasets.problems import ProblemKind
from hrnet_zoo.errors import ResultsError, UsageError
from hrnet_zoo.runs.processes import EndedError, in_new_process
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.coco_ap import (
    BackendChoice,
    Entry,
    ProtocolName,
    ScoredRun,
    score_detections,
)
from hrnet_zoo.tasks.detection.metrics import Kind

_LEAST_S = 60.0
_BYTES_PER_SECOND = 20_000
"""Of results and annotations; pycocotools takes a tenth of the time for COCO's."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to score, and how."""

    results: Path
    dataset: str
    folder: Path
    """As for `DataSet.open`."""
    kind: str
    """bbox, segm or auto."""
    protocol: ProtocolName
    backend: BackendChoice


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What came out of it."""

    num_images: int
    num_entries: int
    """Results that were read."""
    runs: Mapping[Kind, ScoredRun]


def score_apart(asked: Asked, progress: Progress) -> Scores:
    """Return the scores of a results file.

    Raises:
        ZooError: results or annotations cannot be used, or scoring them ended badly.
    """
    data_set = of_kind(CocoInstances)[asked.dataset]
    annotations = (
        folder / data_set.annotation_file for folder in (asked.folder / data_set.root, asked.folder)
    )
    num_bytes = sum(f.stat().st_size for f in (asked.results, *annotations) if f.is_file())
    limit_s = _LEAST_S + num_bytes / _BYTES_PER_SECOND
    try:
        return in_new_process(progress, scores_of, asked, limit_s=limit_s)
    except EndedError as error:
        msg = f"{asked.results} could not be scored. {error} Is it a results file as COCO has them?"
        raise ResultsError(msg) from None


def scores_of(asked: Asked, progress: Progress) -> Scores:
    """Return the scores of a results file, in this process.

    Raises:
        ZooError: results or annotations cannot be used.
    """
    expected = of_kind(CocoInstances)[asked.dataset]
    found = expected.inventory(asked.folder)
    # Boxes are scored whatever the masks are, as by pycocotools; images are not looked at.
    found.require_usable(expected.title, harmless=(ProblemKind.MISSING_IMAGE, ProblemKind.MASKS))
    with_masks = asked.kind != "bbox" and found.has_masks
    entries = read_results(asked.results, found.ground_truth, with_masks=with_masks)
    kinds = _kinds(asked.kind, entries)
    if "segm" in kinds:
        advice = "Boxes alone are scored with --kind bbox."
        found.require_usable(expected.title, harmless=(ProblemKind.MISSING_IMAGE,), advice=advice)
    image_ids = [image.id for image in found.images]
    runs = {
        kind: score_detections(
            found.ground_truth,
            entries,
            kind,
            image_ids=image_ids,
            protocol=asked.protocol,
            backend=asked.backend,
        )
        for kind in kinds
    }
    for remark in dict.fromkeys(remark for run in runs.values() for remark in run.scoring.remarks):
        progress.say(remark)
    return Scores(num_images=len(image_ids), num_entries=len(entries), runs=runs)


def _kinds(asked: str, entries: Sequence[Entry]) -> list[Kind]:
    """Return what to score: as asked for, or all that results and annotations have.

    Args:
        asked: bbox, segm or auto.
        entries: results, with masks only if the annotations have some, too.
    """
    there: list[Kind] = ["bbox"] if not entries or "bbox" in entries[0] else []
    if has_masks(entries):
        there.append("segm")
    chosen: list[Kind] = [kind for kind in there if asked in ("auto", kind)]
    if not chosen:
        what = "boxes" if asked == "bbox" else "masks"
        advice = "Write boxes into the results, too." if asked == "auto" else "Leave --kind out."
        msg = f"Results and annotations do not both have {what}. {advice}"
        raise UsageError(msg)
    return chosen
