"""What an unfinished run leaves in its journal, and what the next run may use of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.records.accuracy import ProtocolUsed
from hrnet_zoo.records.files import RecordFile
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.evaluation import EvaluatedImage
from hrnet_zoo.tasks.segmentation.evaluation import ImageResult
from hrnet_zoo.tasks.segmentation.per_image import SparseCounts
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.row import Metric

Result = TypeVar("Result")

_FORMAT = 1


def open_journal(
    file: RecordFile,
    protocols: Mapping[Metric, ProtocolUsed],
    *,
    checkpoint: FetchedFile,
    dataset_stamp: str,
    limit: int | None,
) -> Journal:
    """Return the journal of this run, which may hold the results of an unfinished one.

    Other metrics or another limit have journals of their own; another checkpoint, data set or
    protocol makes what is in the journal useless.

    Raises:
        RecordError: another run of this row is going on, or the journal cannot be written.
    """
    limited = f"-first-{limit}" if limit else ""
    path = file.path.with_name(f".unfinished-{'+'.join(protocols)}{limited}.jsonl")
    identity = {
        "format": _FORMAT,
        "checkpoint": checkpoint.sha256,
        "dataset": dataset_stamp,
        "protocol": {
            metric: protocol.model_dump(mode="json") for metric, protocol in protocols.items()
        },
    }
    return Journal(path, identity)


def take_over(
    journal: Journal,
    file: RecordFile,
    read: Callable[[Mapping[str, Any]], Result],
    progress: Progress,
) -> dict[str, Result]:
    """Return the results of an interrupted run, and note there that this run continues it.

    Args:
        journal: of this run.
        file: the record of this run.
        read: from an entry of the journal to an image's result.
        progress: told what was found.
    """
    if journal.changed:
        changed = ", ".join(journal.changed)
        progress.say(f"an unfinished run was found, but of another {changed}; starting anew")
    results = {e["name"]: read(e) for e in journal.entries if "name" in e}
    runs = [e["record"] for e in journal.entries if "record" in e]
    if results:
        progress.say(f"going on after {len(results)} images of an interrupted run")
        file.mark_continued(runs[-1])
    journal.append({"record": file.path.name})
    return results


def segmentation_entry(result: ImageResult) -> dict[str, Any]:
    """Return what the journal keeps of one image."""
    counts = {metric: counts.to_text() for metric, counts in result.counts.items()}
    return {"name": result.name, "digest": result.digest, "counts": counts}


def segmentation_result(entry: Mapping[str, Any]) -> ImageResult:
    """Return the result that `segmentation_entry` kept."""
    counts = {name: SparseCounts.from_text(text) for name, text in entry["counts"].items()}
    return ImageResult(name=entry["name"], digest=entry["digest"], counts=counts)


def detection_entry(result: EvaluatedImage) -> dict[str, Any]:
    """Return what the journal keeps of one image."""
    return {
        "name": result.name,
        "image_id": result.image_id,
        "digest": result.digest,
        "detections": result.detections.to_text(),
    }


def detection_result(entry: Mapping[str, Any]) -> EvaluatedImage:
    """Return the result that `detection_entry` kept."""
    return EvaluatedImage(
        name=entry["name"],
        image_id=entry["image_id"],
        digest=entry["digest"],
        detections=ImageDetections.from_text(entry["detections"]),
    )
