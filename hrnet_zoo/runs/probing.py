"""A random part of a row's images, on which causes of a wrong number are tried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.data_set import DataSet, Samples
from hrnet_zoo.datasets.images import decode_unturned, is_turned
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.errors import DatasetError, ZooError
from hrnet_zoo.runs.in_question import FEWEST, Asked, Looked, facts_of_record
from hrnet_zoo.system.devices import resolve_device
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.causes import Fact, Hypothesis
from hrnet_zoo.tasks.counterfactuals import (
    OtherWeights,
    hypothesis,
    of_inputs,
    of_numerics,
    of_weights,
)
from hrnet_zoo.tasks.probe import Probe
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.zoo.checkpoint import fetch_row

_OTHER_SPLITS = {"val": ("train", "test"), "validation": ("training", "testing")}
"""Word for the validation split in the names of folders and files -> words for others."""


def look_at_images(asked: Asked, progress: Progress) -> Looked:
    """Return a random part of a row's images, its network's results and what can be tried.

    Raises:
        DatasetError: the data cannot be used.
        CheckpointError: the checkpoint cannot be had or loaded.
    """
    row, options, task = asked.row, asked.options, TASKS[asked.row.task]
    opened = task.open_data(row.setup, options.folder_of(row))
    indices = sorted(random_order(len(opened), options.seed)[: options.limit])
    if len(indices) < FEWEST:
        msg = f"{opened.root} has {len(opened)} images, too few to tell causes by."
        raise DatasetError(msg)
    facts = [*facts_of_record(asked), *_facts_of_files(asked, opened, indices)]
    file = options.file_for(row, progress)
    device = resolve_device(options.device, progress)
    progress.begin("loading the model", None, "")
    with canonical_precision():
        loaded = task.networks.load(row.name, row.setup, file.path, device)
    probe = Probe(
        task=task,
        setup=row.setup,
        samples=task.tolerant(opened),
        indices=indices,
        metric=asked.metric,
        model=loaded.model,
        device=device,
        num_workers=options.num_workers,
    )
    progress.begin(f"looking at {len(indices)} images", None, "")
    counted = [result.counted[asked.metric.evidence] for result in probe.usual]
    others, not_tried = _other_weights(asked, file, loaded.taken)
    facts += [*task.facts(row.setup, counted), *_facts_of_weights(loaded.taken)]
    return Looked(
        base=probe.reweighted(probe.usual),
        num_images=len(indices),
        facts=[*facts, *_facts_of_results(asked, probe)],
        hypotheses=[
            *task.relabelled(row.setup, asked.metric, counted),
            *of_inputs(probe, asked.known),
            *task.networks.hypotheses(probe),
            *of_numerics(probe),
            *of_weights(probe, row.name, others),
            *_of_turned(probe),
            *_of_splits(asked, probe),
        ],
        seed=options.seed,
        not_tried=not_tried,
    )


def _facts_of_files(asked: Asked, samples: Samples, indices: Sequence[int]) -> Iterator[Fact]:
    """Yield what lists, labels and headers say."""
    expected = asked.row.setup.num_images
    if len(samples) != expected:
        yield Fact(says=f"{len(samples)} images are there, not {expected}", is_cause=False)
    yield from TASKS[asked.row.task].label_facts(asked.row.setup, samples, indices)
    turned = sum(is_turned(samples.path_of(index)) for index in indices)
    if turned:
        says = f"{turned} of {len(indices)} images are turned as their EXIF headers say"
        yield Fact(says=says, is_cause=False)


def _facts_of_weights(taken: Taken) -> Iterator[Fact]:
    yield from (Fact(says=f"the file: {remark}", is_cause=False) for remark in taken.remarks)


def _facts_of_results(asked: Asked, probe: Probe) -> Iterator[Fact]:
    """Yield whether a record's images, files and results are those of now."""
    if asked.run is None or asked.run.record.status != "completed":
        return
    try:
        counted, digests = asked.run.results(asked.metric, asked.row.task)
    except ZooError as error:
        yield Fact(says=str(error), is_cause=False)
        return
    names = {probe.samples.name_of(index) for index in range(len(probe.samples))}
    if gone := sorted(counted.keys() - names):
        says = f"{len(gone)} images of the record are not there now, such as {gone[0]}"
        yield Fact(says=says, is_cause=False)
    both = [result for result in probe.usual if result.name in counted]
    changed = [result.name for result in both if result.digest != digests[result.name]]
    if changed:
        says = f"{len(changed)} of {len(both)} images or labels were others in the record"
        yield Fact(says=says, is_cause=False)
    to_text = probe.task.to_text
    other = sum(
        to_text(result.counted[asked.metric.evidence]) != to_text(counted[result.name])
        for result in both
        if result.name not in changed
    )
    if other:
        says = f"{other} of {len(both)} images have another result here than in the record"
        yield Fact(says=says, is_cause=False)


def _other_weights(
    asked: Asked, file: FetchedFile, taken: Taken
) -> tuple[list[OtherWeights], dict[str, str]]:
    """Return the weights that are at hand beside those evaluated, and why others are not."""
    row, options = asked.row, asked.options
    others = [
        OtherWeights(says=f'weights under "{key}"', setup=row.setup, path=file.path, container=key)
        for key in taken.other_containers
    ]
    not_tried = {}
    for edition in (each for each in row.editions if each.edition != row.edition):
        says = f'the file of the "{edition.edition}" edition, and its normalisation'
        try:
            fetch = replace(options.fetch, offline=True)
            at_hand = fetch_row(edition, options.manifest_dir, fetch, Silent())
            others.append(OtherWeights(says=says, setup=edition.setup, path=at_hand.path))
        except ZooError:
            command = f"hrnet-zoo fetch {row.name} --edition {edition.edition}"
            not_tried[says] = f'it is not at hand; "{command}" gets it'
    return others, not_tried


def _of_turned(probe: Probe) -> Iterator[Hypothesis]:
    """Yield images as they are stored, where their headers have them turned."""
    samples = probe.samples
    if not any(is_turned(samples.path_of(index)) for index in probe.indices):
        return

    def load(index: int) -> Any:  # noqa: ANN401 - of any data set
        return replace(samples.load(index), image=decode_unturned(samples.path_of(index)))

    yield hypothesis(probe, "images", "EXIF orientation not heeded", load=load)


def _of_splits(asked: Asked, probe: Probe) -> Iterator[Hypothesis]:
    """Yield other splits of the data set that are beside the one evaluated."""
    data_set = DATASETS[asked.row.setup.dataset]
    for split, renamed in _other_splits(data_set).items():
        if not (probe.samples.root / renamed.image_dir).is_dir():
            continue
        try:
            other = probe.task.tolerant(renamed.open(probe.samples.root))
        except ZooError:
            continue
        part = random_order(len(other), asked.options.seed)[: len(probe.indices)]
        if len(part) == len(probe.indices):
            words = f'images of "{split}"'
            yield hypothesis(probe, "images", words, load=other.load, indices=sorted(part))


def _other_splits(data_set: DataSet) -> Mapping[str, DataSet]:
    """Return the same data set with the places of other splits, by the words for them."""
    found = {}
    for word, others in _OTHER_SPLITS.items():
        pattern = re.compile(rf"(?<![a-z]){word}(?![a-z])")
        if not pattern.search(data_set.image_dir):
            continue
        for other in others:
            places = (f.name for f in fields(data_set) if f.name.endswith(("_dir", "_file")))
            changed: dict[str, Any] = {
                name: pattern.sub(other, text)
                for name in places
                if (text := getattr(data_set, name)) is not None
            }
            found[other] = replace(data_set, **changed)
    return found
