"""From a row to a record of its timings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from hrnet_zoo.errors import ZooError
from hrnet_zoo.records.files import beginning, new_record_path, now, write_record
from hrnet_zoo.records.timing import TimingAsked, TimingRecord
from hrnet_zoo.runs.apart import as_twins, merged
from hrnet_zoo.runs.prepared import PreparedRow, TimeOptions, prepare
from hrnet_zoo.runs.processes import in_new_process
from hrnet_zoo.settings import torch_variables
from hrnet_zoo.system.devices import describe_device, resolve_device, synchronised_time
from hrnet_zoo.system.environment import describe_environment
from hrnet_zoo.system.host_memory import keep_freed_memory
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.agreement import calibrated, has_noise
from hrnet_zoo.timing.bottlenecks import measure_work, observe
from hrnet_zoo.timing.compiling import forget_compiled
from hrnet_zoo.timing.engines import require_possible
from hrnet_zoo.timing.machine_state import Watch
from hrnet_zoo.timing.observations import (
    Agreement,
    Calibration,
    Engine,
    Precision,
    SamplingUsed,
    TrainedFigure,
    VariantTimed,
)
from hrnet_zoo.timing.sampling import Sampling, SamplingRule, Subject, sample
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    Recipe,
    explained,
    in_one_line,
    recipes,
    settings_for,
)
from hrnet_zoo.zoo.row import EditionName, Row

_DIGITS = 7
"""Of a latency in seconds in the record; finer than any clock's noise."""

TrainedFigures = Callable[
    [str, Sequence[Precision], torch.device, Progress], Sequence[TrainedFigure]
]
"""Finds out what lower precisions do to trained networks of a task.

The command hands it over, because the demo, whose networks they are, is not below this module.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A recipe that was tried once: the record's words for it, and what is timed, if it can be."""

    recipe: Recipe
    said: VariantTimed
    subject: Subject | None


def time_row(
    row: Row,
    options: TimeOptions,
    output: Path,
    progress: Progress,
    trained: TrainedFigures,
) -> tuple[TimingRecord, Path]:
    """Time a row's variants, or the documented one against itself; return the record and its file.

    Several processes do so one after the other, each starting anew, and share the time. A variant
    that cannot be run is part of the record, with its reason. ``trained`` is asked about the lower
    precisions that were timed.

    Raises:
        ZooError: the row cannot be timed as documented, or the record cannot be written; there is
            no record then.
    """
    device = resolve_device(options.device, progress)
    started_at, remarks = beginning(output, row.name, "timing")
    for remark in remarks:
        progress.say(f"{row.name}: {remark}")
    path = new_record_path(output, row.name, started_at, "timing")
    try:
        record = _record(row, options, progress)
        asked = _asked(options, record)
        times = {"started_at": started_at, "finished_at": max(started_at, record.finished_at)}
        record = record.model_copy(update={**times, "asked": asked})
        with _threads(options.num_threads):
            figures = _trained(record, device, trained, progress)
        record = record.model_copy(update={"trained": figures})
        write_record(record, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return record, path


def _record(row: Row, options: TimeOptions, progress: Progress) -> TimingRecord:
    """Return what one process finds, this one, or several that start anew."""
    count = 2 * options.num_twins or options.processes
    if count == 1:
        return _sampled(row, row.edition, options, None, progress)
    part = replace(options, limit_s=options.limit_s / count)
    # The manifest's own class of rows is made anew in each process.
    sent = Row.model_construct(**dict(row.in_edition("readme")))
    only = {DOCUMENTED.name} if options.num_twins else None
    records: list[TimingRecord] = []
    for number in range(1, count + 1):
        shown = _OfSeveral(progress, number, count)
        records.append(in_new_process(shown, _sampled, sent, row.edition, part, only))
        only = only or {v.name for v in records[0].variants if v.outcome == "timed"}
    return as_twins(records) if options.num_twins else merged(records)


def _sampled(
    row: Row,
    edition: EditionName,
    options: TimeOptions,
    only: Collection[str] | None,
    progress: Progress,
) -> TimingRecord:
    """Return what this process finds of a row's edition; see `_Timing`."""
    if options.keeps_freed_memory:
        keep_freed_memory()
    device = resolve_device(options.device, Silent())
    with _threads(options.num_threads):
        return _Timing(row.in_edition(edition), options, device, progress, only).record()


def _asked(options: TimeOptions, record: TimingRecord) -> TimingAsked:
    assert record.asked is not None
    more = {name: getattr(options, name) for name in ("limit_s", "num_twins", "processes")}
    return record.asked.model_copy(update=more)


class _OfSeveral:
    """A Progress that says which of several processes it shows."""

    def __init__(self, progress: Progress, number: int, count: int) -> None:
        self._progress, self._number, self._count = progress, number, count

    def begin(self, what: str, total: int | None, unit: str) -> None:
        what = f"{what} (process {self._number} of {self._count})"
        self._progress.begin(what, total, unit)

    def update(self, done: int, total: int | None = None) -> None:
        self._progress.update(done, total)

    def say(self, text: str) -> None:
        if self._number == 1:  # the others would say the same
            self._progress.say(text)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Timing:
    """One row that is timed on a device, in this process."""

    def __init__(
        self,
        row: Row,
        options: TimeOptions,
        device: torch.device,
        progress: Progress,
        only: Collection[str] | None,
    ) -> None:
        """Note what to do.

        Args:
            row: what to time.
            options: with what.
            device: where.
            progress: is told what goes on.
            only: names of the variants to take nothing but samples of; None: find out all.
        """
        self._only = only
        self._row, self._options, self._device, self._progress = row, options, device, progress
        self._timeable = TASKS[row.task].networks.timing
        self._rule = SamplingRule(limit_s=options.limit_s)
        self._calibration: Calibration | None = None
        self._clock = partial(synchronised_time, device)
        self._engines = tuple(dict.fromkeys(self._possible_engines()))

    def _possible_engines(self) -> Iterator[Engine]:
        """Yield the engines asked for, and for "auto" those that can be used here."""
        for engine in self._options.engines:
            if engine != "auto":
                yield engine
                continue
            yield "torch"
            openvino = Recipe(name="openvino", fast=True, engine="openvino")
            try:
                require_possible(openvino, self._timeable, self._device)
            except ZooError as error:
                self._progress.say(f"OpenVINO is not timed: {error}")
            else:
                yield "openvino"

    def record(self) -> TimingRecord:
        started_at = now()
        row, options, device, progress = self._row, self._options, self._device, self._progress
        prepared = prepare(row, options, device, progress)
        # Before sampling: should the machine be unable to tell, no samples are lost.
        environment = describe_environment(torch_variables())
        documented = self._documented(prepared)
        if "compile" in self._engines:
            forget_compiled()
        if self._only is None and has_noise(device):
            progress.begin(f"{row.name}: finding out what kernels differ by", None, "")
            least = self._timeable.min_agreement
            self._calibration = calibrated(least, prepared.network.noise())
        candidates = [documented, *self._others(prepared)]
        with Watch(device) as watch:
            sampling = self._sample(candidates)
            machine = watch.state()
        variants = [self._timed(candidate, sampling) for candidate in candidates]
        precisions = [variant.precision for variant in variants if variant.outcome == "timed"]
        work = None
        if self._only is None:
            work = measure_work(prepared.network.first_pass, precisions, device, progress)
        documented_fps = row.documented("fps")
        asked = TimingAsked.model_fields.keys() - {"num_images", "engines"}
        return TimingRecord(
            row=row.name,
            edition=row.edition,
            task=row.task,
            documented_fps=None if documented_fps is None else str(documented_fps),
            started_at=started_at,
            finished_at=now(),
            asked=TimingAsked(
                num_images=len(options.images),
                engines=list(self._engines),
                **{name: getattr(options, name) for name in asked},
            ),
            device=describe_device(device),
            num_threads=torch.get_num_threads(),
            keeps_freed_memory=options.keeps_freed_memory,
            weights=prepared.weights,
            checkpoint=prepared.checkpoint,
            input=prepared.input,
            sampling=SamplingUsed(
                limit_s=self._rule.limit_s,
                precision=self._rule.precision,
                stopped_by=sampling.stopped_by,
                elapsed_s=round(sampling.elapsed_s, 3),
            ),
            variants=variants,
            calibration=self._calibration,
            layouts=prepared.network.layouts,
            work=work,
            machine=machine,
            environment=environment,
        )

    def _documented(self, prepared: PreparedRow) -> _Candidate:
        """Run the documented way once; nothing is worth comparing if that fails."""
        network = prepared.network
        with explained(DOCUMENTED, network.network_input, self._device):
            variant = network.variant(DOCUMENTED)
            subject = _subject(DOCUMENTED, variant.run)
            with subject.settings():
                subject.run()
        said = _said(DOCUMENTED, description=variant.description)
        return _Candidate(recipe=DOCUMENTED, said=said, subject=subject)

    def _others(self, prepared: PreparedRow) -> Iterator[_Candidate]:
        """Make all other variants ready."""
        options = self._options
        for recipe in recipes(self._timeable, self._engines, options.precisions, options.batch):
            if recipe != DOCUMENTED and (self._only is None or recipe.name in self._only):
                self._progress.begin(f"{self._row.name}: making {recipe.name} ready", None, "")
                yield self._try(recipe, prepared)

    def _try(self, recipe: Recipe, prepared: PreparedRow) -> _Candidate:
        """Make a variant ready and compare what it computes with the documented way."""
        network = prepared.network
        try:
            require_possible(recipe, self._timeable, self._device)
            with explained(recipe, network.network_input, self._device):
                variant = network.variant(recipe)
            agreement = variant.agree() if recipe.fast and self._only is None else None
        except ZooError as error:
            said = _said(recipe, outcome="unavailable", reason=str(error))
            return _Candidate(recipe=recipe, said=said, subject=None)
        said = _said(recipe, description=variant.description, agreement=agreement)
        reason = self._too_different(agreement) if recipe.precision == "fp32" else None
        if reason:
            said = said.model_copy(update={"outcome": "refused", "reason": reason})
            return _Candidate(recipe=recipe, said=said, subject=None)
        return _Candidate(recipe=recipe, said=said, subject=_subject(recipe, variant.run))

    def _too_different(self, agreement: Agreement | None) -> str | None:
        """Return why a variant in FP32 is refused, or None."""
        least, calibration = self._timeable.min_agreement, self._calibration
        needs = f"{least:.2%}"
        if calibration is not None:
            least, own = calibration.least, calibration.agreement.share
            needs = f"{least:.4%} where that agrees with itself in {own:.4%}"
        if agreement is None or agreement.share >= least:
            return None
        return (
            f"{agreement.share:.4%} of the {TASKS[self._row.task].answers} are those of the "
            f"documented way, and FP32 needs {needs}"
        )

    def _sample(self, candidates: Sequence[_Candidate]) -> Sampling:
        subjects = [candidate.subject for candidate in candidates if candidate.subject]
        self._progress.begin(f"timing {self._row.name} on {self._device}", None, "rounds")
        on_round = self._progress.update
        return sample(subjects, self._rule, clock=self._clock, on_round=on_round)

    def _timed(self, candidate: _Candidate, sampling: Sampling) -> VariantTimed:
        """Return a candidate with its samples, if it has any, and what limits it."""
        if candidate.subject is None:
            return candidate.said
        samples = sampling.samples[candidate.recipe.name]
        said: dict[str, object] = {
            "warm_up_s": _rounded(samples.warm_up),
            "is_warm": samples.is_warm,
            "seconds": _rounded(samples.seconds),
        }
        if samples.failure:
            said |= {"outcome": "unavailable", "reason": samples.failure}
        elif samples.seconds and self._only is None:
            device, progress = self._device, self._progress
            seconds = samples.seconds
            said |= asdict(observe(candidate.recipe, candidate.subject, seconds, device, progress))
        return candidate.said.model_copy(update=said)


def _subject(recipe: Recipe, run: Callable[[], object]) -> Subject:
    return Subject(name=recipe.name, run=run, settings=settings_for(recipe))


def _said(recipe: Recipe, description: str = "", **more: object) -> VariantTimed:
    """Return the record's words for a recipe; it is timed if nothing else is said."""
    how = {name: getattr(recipe, name) for name in ("name", "engine", "precision", "batch")}
    said = {"description": description, "outcome": "timed", **how, **more}
    return VariantTimed.model_validate(said)


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(value, _DIGITS) for value in seconds]


def _trained(
    record: TimingRecord, device: torch.device, trained: TrainedFigures, progress: Progress
) -> Sequence[TrainedFigure]:
    timed = (v.precision for v in record.variants if v.outcome == "timed")
    lower = [precision for precision in dict.fromkeys(timed) if precision != "fp32"]
    try:
        return trained(record.task, lower, device, progress)
    except (ZooError, RuntimeError, MemoryError) as error:
        # The latencies are taken; they are worth keeping without this.
        what = f"what {', '.join(lower)} does to a trained network"
        progress.say(f"{what} is not known: {in_one_line(error)}")
        return []
