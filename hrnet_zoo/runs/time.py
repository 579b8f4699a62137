"""From a row to a record of its timings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import torch

from hrnet_zoo.errors import ZooError
from hrnet_zoo.records.files import new_record_path, now, write_record
from hrnet_zoo.records.timing import TimingAsked, TimingRecord
from hrnet_zoo.runs.prepared import AnyTimed, TimeOptions, prepare
from hrnet_zoo.system.devices import describe_device, resolve_device, synchronised_time
from hrnet_zoo.system.environment import describe_environment
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.bottlenecks import Observed, measure_work, observe
from hrnet_zoo.timing.engines import require_possible
from hrnet_zoo.timing.machine_state import Watch
from hrnet_zoo.timing.observations import (
    Agreement,
    Outcome,
    Precision,
    SamplingUsed,
    TrainedFigure,
    TwinSamples,
    VariantTimed,
)
from hrnet_zoo.timing.sampling import (
    Samples,
    Sampling,
    SamplingRule,
    Subject,
    sample,
    sample_pairs,
)
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    Recipe,
    Timeable,
    Variant,
    explained,
    in_one_line,
    recipes,
    settings_for,
)
from hrnet_zoo.zoo.row import Row

_DIGITS = 7
"""Of a latency in seconds in the record; finer than any clock's noise."""

TrainedFigures = Callable[
    [str, Sequence[Precision], torch.device, Progress], Sequence[TrainedFigure]
]
"""Finds out what lower precisions do to trained networks of a task."""


@dataclass(frozen=True, kw_only=True)
class TimedRow:
    """A finished run and the file its record is in."""

    record: TimingRecord
    path: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A recipe that was tried once: ready to be timed, or why not."""

    recipe: Recipe
    variant: Variant | None = None
    agreement: Agreement | None = None
    outcome: Outcome = "timed"
    reason: str | None = None

    @property
    def subject(self) -> Subject:
        assert self.variant is not None
        return Subject(
            name=self.recipe.name, run=self.variant.run, settings=settings_for(self.recipe)
        )


def time_row(
    row: Row,
    options: TimeOptions,
    output: Path,
    progress: Progress,
    trained: TrainedFigures,
) -> TimedRow:
    """Time a row's variants, or the documented one against itself, and write the record.

    A variant that cannot be run is part of the record, with its reason. ``trained`` is asked about
    the lower precisions that were timed.

    Raises:
        ZooError: the row cannot be timed as documented, or the record cannot be written; there is
            no record then.
    """
    device = resolve_device(options.device)
    started_at = now()
    path = new_record_path(output, row.name, started_at, "timing")
    try:
        with _threads(options.num_threads):
            record = _time(row, options, device, started_at, progress)
            figures = _trained(record, device, trained, progress)
            record = record.model_copy(update={"trained": figures})
        write_record(record, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return TimedRow(record=record, path=path)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _time(
    row: Row,
    options: TimeOptions,
    device: torch.device,
    started_at: datetime,
    progress: Progress,
) -> TimingRecord:
    prepared = prepare(row, options, device, progress)
    rule = SamplingRule(limit_s=options.limit_s)
    documented = _try_documented(prepared.network, device)
    sampling, candidates, twins = None, [documented], list[TwinSamples]()
    if options.num_twins:
        watch = Watch(device)
        twins = _time_twins(row, documented, options.num_twins, rule, watch, progress)
    else:
        candidates += _try_others(row, prepared.network, options, device, progress)
        watch = Watch(device)
        sampling = _sample(row, candidates, rule, watch, progress)
    machine = watch.state()
    variants = [_timed(c, sampling, device, progress) for c in candidates] if sampling else []
    precisions = [variant.precision for variant in variants if variant.outcome == "timed"]
    first_pass = prepared.network.first_pass
    work = measure_work(first_pass, precisions, device, progress) if sampling else None
    return TimingRecord(
        row=row.name,
        edition=row.edition,
        task=row.task,
        documented_fps=_printed_fps(row),
        started_at=started_at,
        finished_at=now(),
        asked=_asked(options),
        device=describe_device(device),
        num_threads=torch.get_num_threads(),
        keeps_freed_memory=options.keeps_freed_memory,
        weights=prepared.weights,
        checkpoint=prepared.checkpoint,
        input=prepared.input,
        sampling=None if sampling is None else _sampling_used(sampling, rule),
        variants=variants,
        twins=twins,
        work=work,
        machine=machine,
        environment=describe_environment(),
    )


def _asked(options: TimeOptions) -> TimingAsked:
    return TimingAsked(
        engines=list(options.engines),
        precisions=list(options.precisions),
        batch=options.batch,
        scale=options.scale,
        num_images=len(options.images),
        num_threads=options.num_threads,
        limit_s=options.limit_s,
        num_twins=options.num_twins,
        device=options.device,
    )


def _try_documented(network: AnyTimed, device: torch.device) -> _Candidate:
    """Run the documented way once; nothing is worth comparing if that fails."""
    with explained(DOCUMENTED, network.network_input, device):
        candidate = _Candidate(recipe=DOCUMENTED, variant=network.variant(DOCUMENTED))
        with candidate.subject.settings():
            candidate.subject.run()
    return candidate


def _try_others(
    row: Row, network: AnyTimed, options: TimeOptions, device: torch.device, progress: Progress
) -> list[_Candidate]:
    candidates = []
    timeable = TASKS[row.task].timing
    for recipe in recipes(timeable, options.engines, options.precisions, options.batch):
        if recipe == DOCUMENTED:
            continue
        progress.begin(f"{row.name}: making {recipe.name} ready", None, "")
        candidates.append(_try(recipe, network, timeable, device))
    return candidates


def _try(recipe: Recipe, network: AnyTimed, timeable: Timeable, device: torch.device) -> _Candidate:
    """Make a variant ready and compare what it computes with the documented way."""
    try:
        require_possible(recipe, timeable, device)
        with explained(recipe, network.network_input, device):
            variant = network.variant(recipe)
        agreement = variant.agree() if recipe.fast else None
    except ZooError as error:
        return _Candidate(recipe=recipe, outcome="unavailable", reason=str(error))
    if agreement and recipe.precision == "fp32" and agreement.share < timeable.min_agreement:
        return _Candidate(
            recipe=recipe,
            variant=variant,
            agreement=agreement,
            outcome="refused",
            reason=_refusal(agreement, timeable),
        )
    return _Candidate(recipe=recipe, variant=variant, agreement=agreement)


def _refusal(agreement: Agreement, timeable: Timeable) -> str:
    return (
        f"{agreement.share:.4%} of the {timeable.counted} are those of the documented way, and "
        f"FP32 needs {timeable.min_agreement:.2%}"
    )


def _sample(
    row: Row,
    candidates: Sequence[_Candidate],
    rule: SamplingRule,
    watch: Watch,
    progress: Progress,
) -> Sampling:
    def on_round(rounds: int) -> None:
        progress.update(rounds)
        watch.look()

    progress.begin(f"timing {row.name} on {watch.device}", None, "rounds")
    return sample(
        [candidate.subject for candidate in candidates if candidate.outcome == "timed"],
        rule,
        clock=partial(synchronised_time, watch.device),
        on_round=on_round,
    )


def _time_twins(
    row: Row,
    documented: _Candidate,
    pairs: int,
    rule: SamplingRule,
    watch: Watch,
    progress: Progress,
) -> list[TwinSamples]:
    def on_pair(done: int) -> None:
        progress.update(done)
        watch.look()

    progress.begin(f"timing {row.name} on {watch.device} against itself", pairs, "pairs")
    clock = partial(synchronised_time, watch.device)
    sampled = sample_pairs(documented.subject, pairs, rule, clock=clock, on_pair=on_pair)
    return [
        TwinSamples(first_s=_rounded(first.seconds), second_s=_rounded(second.seconds))
        for first, second in sampled
    ]


def _timed(
    candidate: _Candidate, sampling: Sampling, device: torch.device, progress: Progress
) -> VariantTimed:
    recipe, samples = candidate.recipe, sampling.samples.get(candidate.recipe.name, Samples())
    observed = Observed()
    if samples.seconds and samples.failure is None:
        observed = observe(recipe, candidate.subject, samples.seconds, device, progress)
    return VariantTimed(
        name=recipe.name,
        engine=recipe.engine,
        precision=recipe.precision,
        batch=recipe.batch,
        description=candidate.variant.description if candidate.variant else "",
        outcome="unavailable" if samples.failure else candidate.outcome,
        reason=samples.failure or candidate.reason,
        agreement=candidate.agreement,
        warm_up_s=_rounded(samples.warm_up),
        is_warm=samples.is_warm,
        seconds=_rounded(samples.seconds),
        bytes_moved=observed.bytes_moved,
        gpu_busy=observed.gpu_busy,
    )


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(value, _DIGITS) for value in seconds]


def _sampling_used(sampling: Sampling, rule: SamplingRule) -> SamplingUsed:
    return SamplingUsed(
        limit_s=rule.limit_s,
        precision=rule.precision,
        stopped_by=sampling.stopped_by,
        elapsed_s=round(sampling.elapsed_s, 3),
    )


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


def _printed_fps(row: Row) -> str | None:
    documented = row.documented("fps")
    return None if documented is None else str(documented)
