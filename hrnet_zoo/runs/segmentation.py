"""Measures a segmentation row: checkpoint, data, network, images, and what they add up to.

Finished images go into a journal beside the record, so that a run that was killed can go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.records.accuracy import RecordFile, now
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.observed import (
    checkpoint_used,
    dataset_used,
    measurement_of,
    protocol_used,
    settings_in_force,
    timings_of,
)
from hrnet_zoo.runs.options import (
    MeasureOptions,
    checkpoint_for,
    data_folder,
    not_measurable,
    require_measurable,
)
from hrnet_zoo.runs.resume import open_journal, segmentation_entry, segmentation_result, take_over
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.devices import canonical_precision, resolve_device
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.loading import load_segmentor, network_for_evaluation, single_protocol
from hrnet_zoo.tasks.segmentation.evaluation import ImageResult, evaluate_images
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol
from hrnet_zoo.tasks.segmentation.worst import save_worst, worst_images
from hrnet_zoo.tasks.tracing import traced
from hrnet_zoo.verdicts.accuracy import PROTOCOL_OF
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.row import Metric, Row


def measure_segmentation(
    row: Row,
    metrics: Sequence[Metric],
    options: MeasureOptions,
    file: RecordFile,
    progress: Progress,
) -> None:
    """Evaluate a row under all asked-for protocols and complete its record.

    Raises:
        ZooError: something needed is missing or wrong.
    """
    run = _prepare(row, metrics, options, progress)
    with open_journal(
        file,
        {m: protocol_used(row, m, p) for m, p in run.protocols.items()},
        checkpoint=run.checkpoint,
        dataset_stamp=run.dataset.stamp(run.num_images),
        limit=options.limit,
    ) as journal:
        results = take_over(journal, file, segmentation_result, progress)
        url = None if options.checkpoint else row.checkpoint_url
        images_file = file.path.with_suffix(".images.jsonl")
        file.update(
            checkpoint=checkpoint_used(run.checkpoint, url),
            num_images_taken_over=len(results),
            images_file=images_file.name,
        )
        progress.begin("loading the model", None, "")
        network = network_for_evaluation(load_segmentor(row, run.checkpoint.path, run.device))
        with canonical_precision():
            file.update(settings=settings_in_force(run.device, run.num_workers))
            seconds = _evaluate(run, network, journal, results, progress)
        file.update(
            status="completed",
            finished_at=now(),
            dataset=dataset_used(
                row, len(run.dataset), {name: result.digest for name, result in results.items()}
            ),
            measurements=[measurement_of(row, m, p, results) for m, p in run.protocols.items()],
            not_run=not_measurable(metrics),
            timings=timings_of(seconds),
        )
        journal.finish(images_file)
    if options.worst:
        _draw_worst(run, network, results, options.worst, file.path.with_suffix(".worst"), progress)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is settled before the first image."""

    row: Row
    protocols: dict[Metric, SegmentationProtocol]
    dataset: LabelSamples
    checkpoint: FetchedFile
    device: torch.device
    num_images: int
    num_workers: int | None
    trace: Path | None


def _prepare(
    row: Row, metrics: Sequence[Metric], options: MeasureOptions, progress: Progress
) -> _Run:
    device = resolve_device(options.device)
    protocols = _protocols(row, metrics)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    dataset = _open_dataset(row, options.data_folders)
    return _Run(
        row=row,
        protocols=protocols,
        dataset=dataset,
        checkpoint=checkpoint_for(row, options, progress),
        device=device,
        num_images=min(len(dataset), options.limit or len(dataset)),
        num_workers=options.num_workers,
        trace=options.profile,
    )


def _evaluate(
    run: _Run,
    network: Network,
    journal: Journal,
    results: dict[str, ImageResult],
    progress: Progress,
) -> StageSeconds:
    """Add the result of every image that has none yet."""
    seconds = StageSeconds()
    progress.begin(f"evaluating {run.row.name} on {run.device}", run.num_images, "images")
    evaluation = evaluate_images(
        network,
        run.dataset,
        [i for i in range(run.num_images) if run.dataset.name_of(i) not in results],
        run.protocols,
        num_workers=run.num_workers,
        device=run.device,
        seconds=seconds,
    )
    for result in traced(evaluation, run.trace, progress):
        journal.append(segmentation_entry(result))
        results[result.name] = result
        progress.update(len(results))
    return seconds


def _draw_worst(
    run: _Run,
    network: Network,
    results: Mapping[str, ImageResult],
    count: int,
    folder: Path,
    progress: Progress,
) -> None:
    metric, protocol = next(iter(run.protocols.items()))
    worst = worst_images(results, metric, count)
    progress.begin(f"drawing the worst images into {folder}", len(worst), "images")
    save_worst(network, run.dataset, run.row, protocol, worst, folder, run.device, progress)


def _protocols(row: Row, metrics: Sequence[Metric]) -> dict[Metric, SegmentationProtocol]:
    single = single_protocol(row)
    return {
        metric: single if PROTOCOL_OF[metric] == "single" else single.ms_flip()
        for metric in require_measurable(metrics)
    }


def _open_dataset(row: Row, folders: DataFolders) -> LabelSamples:
    dataset = of_kind(LabelImages)[row.setup.dataset]
    return dataset.open(data_folder(row, dataset.title, dataset.root, folders))
