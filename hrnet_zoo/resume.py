"""What an unfinished run leaves in its journal, and what the next run may use of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hrnet_zoo.download import FetchedFile
from hrnet_zoo.evaluation import ImageResult
from hrnet_zoo.inference.segmentation import SegmentationProtocol
from hrnet_zoo.journal import Journal
from hrnet_zoo.metrics.per_image import SparseCounts
from hrnet_zoo.observed import protocol_used
from hrnet_zoo.progress import Progress
from hrnet_zoo.records import RecordFile
from hrnet_zoo.row import Metric, Row

_FORMAT = 1


def open_journal(
    file: RecordFile,
    row: Row,
    protocols: Mapping[Metric, SegmentationProtocol],
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
            metric: protocol_used(row, metric, protocol).model_dump(mode="json")
            for metric, protocol in protocols.items()
        },
    }
    return Journal(path, identity)


def take_over(journal: Journal, file: RecordFile, progress: Progress) -> dict[str, ImageResult]:
    """Return the results of an interrupted run, and note there that this run continues it."""
    if journal.changed:
        changed = ", ".join(journal.changed)
        progress.say(f"an unfinished run was found, but of another {changed}; starting anew")
    results = {e["name"]: _result(e) for e in journal.entries if "name" in e}
    runs = [e["record"] for e in journal.entries if "record" in e]
    if results:
        progress.say(f"going on after {len(results)} images of an interrupted run")
        file.mark_continued(runs[-1])
    journal.append({"record": file.path.name})
    return results


def add_result(journal: Journal, result: ImageResult) -> None:
    """Keep the result of one image."""
    counts = {metric: counts.to_text() for metric, counts in result.counts.items()}
    journal.append({"name": result.name, "digest": result.digest, "counts": counts})


def _result(entry: Mapping[str, Any]) -> ImageResult:
    counts = {name: SparseCounts.from_text(text) for name, text in entry["counts"].items()}
    return ImageResult(name=entry["name"], digest=entry["digest"], counts=counts)
