"""Measures a row, whatever its task: checkpoint, data, network, images, and what they add up to.

All metrics of one protocol come from one pass. Finished images go into a journal beside the record,
so that a run that was killed can go on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.records.accuracy import CheckpointUsed, DatasetUsed, Measurement, Settings, Timings
from hrnet_zoo.records.files import RecordFile, now
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.options import (
    MeasureOptions,
    checkpoint_for,
    data_folder,
    not_measurable,
    require_measurable,
)
from hrnet_zoo.system.devices import canonical_precision, resolve_device
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import Evaluator, ImageResult, evaluate
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import WorstOptions
from hrnet_zoo.tasks.scored import Scored
from hrnet_zoo.tasks.task import Task
from hrnet_zoo.tasks.tracing import traced
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.row import Row

_JOURNAL_FORMAT = 2


def measure(
    row: Row,
    metrics: Sequence[str],
    options: MeasureOptions,
    file: RecordFile,
    progress: Progress,
) -> None:
    """Measure all asked-for numbers of a row and complete its record.

    Raises:
        ZooError: something needed is missing or wrong.
    """
    require_measurable(metrics)
    task = TASKS[row.task]
    wanted = [METRICS[name] for name in metrics if METRICS[name].protocol is not None]
    counted = [metric for metric in wanted if task.count(row.setup, metric.protocol or "")]
    seen = [metric for metric in wanted if metric not in counted]
    if counted:
        file.update(measurements=[_count(row, task, metric) for metric in counted])
    if seen:
        _measure_images(_prepare(row, task, seen, options, progress), options, file, progress)
    file.update(status="completed", finished_at=now(), not_run=not_measurable(metrics))


def _count(row: Row, task: Task, metric: Metric) -> Measurement:
    """Return a number of the network itself, which needs neither data nor weights."""
    assert metric.protocol is not None
    assert metric.value_of is not None
    found = task.count(row.setup, metric.protocol)
    return Measurement(
        metric=metric.name, value=metric.value_of(found), convention=found.convention
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is settled before the first image."""

    row: Row
    task: Task
    metrics: list[Metric]
    samples: Samples
    checkpoint: FetchedFile
    device: torch.device
    num_images: int


def _prepare(
    row: Row, task: Task, metrics: list[Metric], options: MeasureOptions, progress: Progress
) -> _Run:
    device = resolve_device(options.device)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    task.check_options(options.score)
    samples = task.open_data(row.setup, data_folder(row, options.data_folders))
    return _Run(
        row=row,
        task=task,
        metrics=metrics,
        samples=samples,
        checkpoint=checkpoint_for(row, options, progress),
        device=device,
        num_images=min(len(samples), options.limit or len(samples)),
    )


def _measure_images(
    run: _Run, options: MeasureOptions, file: RecordFile, progress: Progress
) -> None:
    row, task = run.row, run.task
    with _open_journal(run, options.limit, file) as journal:
        results = _take_over(run, journal, file, progress)
        images_file = file.path.with_suffix(".images.jsonl")
        progress.begin("loading the model", None, "")
        loaded = task.load(row.name, row.setup, run.checkpoint.path, run.device)
        if loaded.extra_keys:
            progress.say(loaded.describe_extra(run.checkpoint.path))
        url = None if options.checkpoint else row.checkpoint_url
        file.update(
            checkpoint=_checkpoint_used(run.checkpoint, url, loaded.extra_keys),
            num_images_taken_over=len(results),
            images_file=images_file.name,
        )
        network = task.network(loaded.model)
        evaluator = task.evaluator(row.setup, run.samples, network, run.metrics, run.device)
        with canonical_precision():
            file.update(settings=_settings_in_force(run.device, options.num_workers))
            seconds = _evaluate(run, evaluator, options, journal, results, progress)
        if options.save_results is not None:
            progress.say(task.save_results(options.save_results, run.samples, results))
        started = time.perf_counter()
        scored = task.score(row.setup, run.samples, run.metrics, results, options.score, progress)
        seconds.metric += time.perf_counter() - started
        file.update(
            dataset=_dataset_used(run, {name: result.digest for name, result in results.items()}),
            measurements=[
                *file.record.measurements,
                *(_measurement(run, metric, scored[metric.name]) for metric in run.metrics),
            ],
            timings=_timings(seconds),
        )
        journal.finish(images_file)
    if options.worst:
        worst = WorstOptions(
            count=options.worst,
            folder=file.path.with_suffix(".worst"),
            dataset=row.setup.dataset,
            title=run.metrics[0].title,
            device=run.device,
        )
        task.draw_worst(row.setup, run.samples, network, run.metrics[0], results, worst, progress)


def _evaluate(
    run: _Run,
    evaluator: Evaluator[Any],
    options: MeasureOptions,
    journal: Journal,
    results: dict[str, ImageResult],
    progress: Progress,
) -> StageSeconds:
    """Add the result of every image that has none yet."""
    seconds = StageSeconds()
    progress.begin(f"evaluating {run.row.name} on {run.device}", run.num_images, "images")
    missing = [i for i in range(run.num_images) if run.samples.name_of(i) not in results]
    evaluation = evaluate(evaluator, missing, num_workers=options.num_workers, seconds=seconds)
    for result in traced(evaluation, options.profile, progress):
        texts = {name: run.task.to_text(counted) for name, counted in result.counted.items()}
        journal.append({"name": result.name, "digest": result.digest, "results": texts})
        results[result.name] = result
        progress.update(len(results))
    return seconds


def _open_journal(run: _Run, limit: int | None, file: RecordFile) -> Journal:
    """Return the journal of this run, which may hold the results of an unfinished one.

    Other metrics or another limit have journals of their own; another checkpoint, data set or
    protocol makes what is in the journal useless.

    Raises:
        RecordError: another run of this row is going on, or the journal cannot be written.
    """
    names = "+".join(metric.name for metric in run.metrics)
    limited = f"-first-{limit}" if limit else ""
    protocols = dict.fromkeys(metric.protocol or "" for metric in run.metrics)
    identity = {
        "format": _JOURNAL_FORMAT,
        "checkpoint": run.checkpoint.sha256,
        "dataset": run.samples.stamp(run.num_images),
        "protocol": {
            name: run.task.protocol_used(run.row.setup, name).model_dump(mode="json")
            for name in protocols
        },
    }
    return Journal(file.path.with_name(f".unfinished-{names}{limited}.jsonl"), identity)


def _take_over(
    run: _Run, journal: Journal, file: RecordFile, progress: Progress
) -> dict[str, ImageResult]:
    """Return the results of an interrupted run, and note there that this run continues it."""
    if journal.changed:
        changed = ", ".join(journal.changed)
        progress.say(f"an unfinished run was found, but of another {changed}; starting anew")
    results = {
        entry["name"]: ImageResult(
            name=entry["name"],
            digest=entry["digest"],
            counted={name: run.task.from_text(text) for name, text in entry["results"].items()},
        )
        for entry in journal.entries
        if "name" in entry
    }
    runs = [entry["record"] for entry in journal.entries if "record" in entry]
    if results:
        progress.say(f"going on after {len(results)} images of an interrupted run")
        file.mark_continued(runs[-1])
    journal.append({"record": file.path.name})
    return results


def _measurement(run: _Run, metric: Metric, scored: Scored) -> Measurement:
    used = run.task.protocol_used(run.row.setup, metric.protocol or "")
    return Measurement(metric=metric.name, protocol=used, **dict(scored))


def _settings_in_force(device: torch.device, num_workers: int | None) -> Settings:
    """Return what torch is really set to, and what this program always does."""
    return Settings(
        device=str(device),
        dtype="float32",
        tf32=torch.backends.cudnn.allow_tf32 or torch.get_float32_matmul_precision() != "highest",
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        cudnn_deterministic=torch.backends.cudnn.deterministic,
        memory_format="channels_last",
        batch_norm_folded=True,
        num_threads=torch.get_num_threads(),
        num_workers=num_workers,
    )


def _checkpoint_used(
    file: FetchedFile, url: str | None, extra_keys: Sequence[str]
) -> CheckpointUsed:
    """Return the file that was evaluated; ``url`` is None for a file of the user's own."""
    return CheckpointUsed(
        file_name=file.path.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        url=url,
        extra_keys=list(extra_keys),
    )


def _dataset_used(run: _Run, digests: Mapping[str, str]) -> DatasetUsed:
    """Return the files that were evaluated; ``digests`` are of every image, by its name."""
    return DatasetUsed(
        name=run.row.setup.dataset,
        num_images=len(digests),
        num_images_found=len(run.samples),
        fingerprint=fingerprint(digests),
    )


def _timings(seconds: StageSeconds) -> Timings:
    """Return the seconds of every stage, and which one there is most to gain from."""
    shares = {
        "waiting for images": seconds.waiting,
        "network": seconds.forward,
        "post-processing": seconds.post,
        "metric": seconds.metric,
    }
    return Timings(
        wall_s=seconds.wall,
        decode_s=seconds.decode,
        waiting_s=seconds.waiting,
        forward_s=seconds.forward,
        post_s=seconds.post,
        metric_s=seconds.metric,
        num_workers=seconds.num_workers,
        bottleneck=max(shares, key=shares.__getitem__) if seconds.wall else None,
    )
