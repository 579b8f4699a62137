"""Whether this installation, on this device, gives upstream's own answers on reference images.

A network is filled by the names of its weights, as upstream's was, and evaluated by the very code
that evaluates a row: its resize, its engine, its layout, its folding, its precision, its counting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.digests import digest_of, fingerprint
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.errors import explain_os_error
from hrnet_zoo.records.accuracy import EngineChoice
from hrnet_zoo.records.files import now
from hrnet_zoo.runs.looking import Look, Looking
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.references import FOLDER, references_for
from hrnet_zoo.settings import torch_variables
from hrnet_zoo.system.devices import describe_device, one_of_each_kind
from hrnet_zoo.system.environment import describe_environment
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.system.sources import sources_digest
from hrnet_zoo.system.whole_file import write_whole
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import evaluate
from hrnet_zoo.tasks.filled import fill
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.networks import LoadedNetwork
from hrnet_zoo.tasks.reference import Expected, Reference, ReferenceAgreement
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.zoo.row import Row

_LARGEST = 100_000
"""Bytes of what is kept of a test; it has about a thousand."""


def held_against_upstream(
    row: Row,
    metrics: Sequence[Metric],
    devices: Sequence[torch.device],
    options: MeasureOptions,
    progress: Progress,
    *,
    engine: EngineChoice,
    anew: bool = False,
) -> list[ReferenceAgreement]:
    """Return how far one device of each kind gives upstream's own answers for a row's network.

    Args:
        row: see `references_for`.
        metrics: likewise.
        devices: those of the run.
        options: those of the run.
        progress: told what is compared.
        engine: what computes the network.
        anew: whether to run what is known of this installation, too.

    Raises:
        ZooError: a device or the engine cannot be used.
    """
    found: list[ReferenceAgreement] = []
    for device in one_of_each_kind(devices):
        test = SelfTest(
            device=device,
            engine=engine,
            graphs=options.graphs,
            cache_dir=options.fetch.cache_dir,
        )
        references = references_for(row, metrics)
        found += test.run(references, progress) if anew else test.kept(references, progress)
    return found


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """How references are looked at: as the images of a row are."""

    device: torch.device
    engine: EngineChoice
    graphs: bool
    cache_dir: Path

    def kept(self, references: Sequence[Reference], progress: Progress) -> list[ReferenceAgreement]:
        """Return the agreement on each reference; what this installation knows is not run again.

        It knows what it found with the same files of this package, versions, processor, GPUs,
        variables, threads, device and engine.

        Raises:
            ZooError: the device or the engine cannot be used.
        """
        known = {each.name: found for each in references if (found := self._known(each))}
        missing = [each for each in references if each.name not in known]
        for found in self.run(missing, progress):
            known[found.reference] = found
        return [known[each.name] for each in references]

    def run(
        self, references: Sequence[Reference], progress: Progress
    ) -> Iterator[ReferenceAgreement]:
        """Yield the agreement on each reference, found anew, and keep it for later runs.

        Raises:
            ZooError: as above.
        """
        if references:
            progress.begin("comparing with upstream's own answers", len(references), "images")
        for _, of_one in groupby(references, key=lambda each: (each.setup, each.classifier)):
            for found in self._run_network(list(of_one), progress):
                self._keep(found, progress)
                yield found

    def _run_network(
        self, references: Sequence[Reference], progress: Progress
    ) -> Iterator[ReferenceAgreement]:
        """Yield the agreement on each reference of one network."""
        setup = references[0].setup
        task, networks = TASKS[setup.task], TASKS[setup.task].networks
        expected = [_expected(each) for each in references]
        seen = [each.sample(_image_of(each.reference)) for each in expected]
        samples = _Samples(seen, range(setup.num_classes))
        loaded = _filled(expected[0], self.device)
        look = Look(
            name=references[0].name,
            setup=setup,
            metrics=[],
            checkpoint=FOLDER,  # no file is read: the network has its weights
            data_folder=FOLDER,
            num_workers=1,
            graphs=self.graphs,
            engine=self.engine,
        )
        with Looking(look, self.device, progress, samples, loaded) as looking:
            for i, each in enumerate(expected):
                protocol = each.reference.protocol
                metrics = [metric for metric in task.metrics if metric.protocol == protocol]
                evaluator = networks.evaluator(
                    setup, samples, each.watched(looking.network), metrics, self.device
                )
                with canonical_precision():
                    (found,) = evaluate(evaluator, [i], num_workers=1, seconds=StageSeconds())
                yield ReferenceAgreement(
                    reference=each.reference.name,
                    upstream=each.reference.upstream,
                    device=describe_device(self.device),
                    tested_at=now(),
                    **vars(each.compared(found.counted[protocol])),
                )

    def _known(self, reference: Reference) -> ReferenceAgreement | None:
        """Return what was found before, if it can be read: it is only a cache."""
        try:
            text = read_regular(self._file(reference.name), _LARGEST)
            found = ReferenceAgreement.model_validate_json(text)
        except (OSError, ValueError):
            return None
        return found if found.reference == reference.name else None

    def _keep(self, found: ReferenceAgreement, progress: Progress) -> None:
        path = self._file(found.reference)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, found.model_dump_json(indent=2) + "\n")
        except OSError as error:
            progress.say(f"the next run will test itself again: {explain_os_error(error)}")

    def _file(self, name: str) -> Path:
        """Return where the agreement on a reference is kept, for all that it may depend on."""
        depends_on = {
            "reference": name,
            "sources": sources_digest(),
            "references": _references(),
            "environment": describe_environment(torch_variables()).model_dump(mode="json"),
            "threads": torch.get_num_threads(),
            "device": describe_device(self.device),
            "engine": self.engine,
            "graphs": self.graphs,
        }
        digest = digest_of(json.dumps(depends_on, sort_keys=True).encode())
        return self.cache_dir / "self-tests" / f"{digest}.json"


@dataclass(frozen=True)
class _Samples:
    """Samples in the form of a data set, as far as evaluations ask for it."""

    samples: Sequence[Any]
    category_ids: Sequence[int]
    """Detectors hold what they find against annotations, of which there are none."""

    def __len__(self) -> int:
        return len(self.samples)

    def name_of(self, index: int) -> str:
        return str(self.samples[index].name)

    def load(self, index: int) -> Any:  # noqa: ANN401 - of any task
        return self.samples[index]


def _expected(reference: Reference) -> Expected:
    answer = read_bytes(FOLDER / reference.answer)
    return TASKS[reference.setup.task].networks.expected(reference, answer)


def _image_of(reference: Reference) -> NDArray[np.uint8]:
    path = FOLDER / reference.image
    return decode_image(read_bytes(path), path)


def _filled(expected: Expected, device: torch.device) -> LoadedNetwork:
    """Return a reference's network, as `Networks.load` returns one with the weights of a file."""
    setup = expected.reference.setup
    networks = TASKS[setup.task].networks
    with torch.device("meta"):
        model = networks.build(setup)
    fill(model, networks.filling)
    expected.adjust(model)
    model = model.to(device).to(memory_format=torch.channels_last)
    return LoadedNetwork(model=model, taken=Taken())


@cache
def _references() -> str:
    """Return a digest of the references."""
    return fingerprint({path.name: digest_of(path.read_bytes()) for path in FOLDER.iterdir()})
