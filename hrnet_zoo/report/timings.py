"""Timings as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.text import aligned, metric_title, to_json
from hrnet_zoo.report.timing_figures import (
    Rates,
    documented_samples,
    latency_of,
    rates_of,
    timed_variants,
)
from hrnet_zoo.system.foreign import on_one_line
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.timing.medians import chance_alarms, depend, differ, drifts
from hrnet_zoo.timing.observations import (
    DOCUMENTED,
    Agreement,
    LayoutMeasured,
    MachineState,
    Precision,
    TrainedFigure,
    TwinSamples,
    VariantTimed,
    Work,
)
from hrnet_zoo.verdicts.comparison.latency import MIN_SAMPLES
from hrnet_zoo.verdicts.comparison.processes import between_twins

_WHERE_DOCUMENTED = "measured by the authors on a V100; not comparable on this machine"
_AS_RECORDED = {"name", "engine", "precision", "batch", "description", "outcome", "reason"}
_STOPPED = {
    "time": "stopped by --limit-seconds",
    "rounds": "stopped after the largest number of rounds",
    "failure": "stopped because nothing could be run any more",
}


def timing_as_text(record: TimingRecord, path: Path) -> str:
    """Return the timings of a row as a table, with what has to be known about them below."""
    edition = " (edition later)" if record.edition == "later" else ""
    lines = [click.style(record.row, bold=True) + edition + _conditions(record)]
    if record.variants:
        lines += [*_table(record).splitlines(), _process_line(record)]
    lines += [f"{v.name}: {v.outcome}: {v.reason}" for v in _not_timed(record)]
    lines += _twins_lines(record.twins)
    lines += map(_trained_line, record.trained)
    lines += [f"documented fps: {record.documented_fps}, {_WHERE_DOCUMENTED}"] * bool(
        record.documented_fps
    )
    lines += _calibration_lines(record)
    lines += map(_layout_line, record.layouts.items())
    lines += [*_limit_lines(record), *remarks(record)]
    lines.append(f"record: {path}")
    return "\n  ".join(map(on_one_line, lines))


def timings_as_json(timed: Iterable[tuple[TimingRecord, Path]], errors: dict[str, str]) -> str:
    """Return an array with one object per row; absent numbers as null.

    Args:
        timed: records and the files they are in.
        errors: names of rows that could not be timed at all, and why.
    """
    content = [_as_dict(record, path) for record, path in timed]
    content += [{"name": name, "error": error} for name, error in errors.items()]
    return to_json(content)


def all_could_be_run(record: TimingRecord) -> bool:
    """Whether everything that was asked for was timed, and long enough for an answer."""
    return not _not_timed(record) and _alarms(record.twins)[1] == len(record.twins)


def remarks(record: TimingRecord) -> list[str]:
    """Return what makes the numbers less certain, or less than they may seem."""
    used = record.checkpoint
    on_file = [f"{used.file_name}: {said}" for said in used.remarks] if used else []
    return [*_remarks_on_sampling(record), *_remarks_on_machine_and_input(record), *on_file]


def _conditions(record: TimingRecord) -> str:
    height, width = record.input.network_input
    threads = f", {record.num_threads} thread{'s' * (record.num_threads > 1)}"
    waiting = {
        name: value
        for name, value in record.environment.variables.items()
        if name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    }
    threads += "".join(f", {name}={value}" for name, value in waiting.items())
    where = record.device + (threads if record.device == "cpu" else "")
    return f" on {where}: input {width} x {height}, {record.weights} weights"


def _not_timed(record: TimingRecord) -> list[VariantTimed]:
    return [variant for variant in record.variants if variant.outcome != "timed"]


def _table(record: TimingRecord) -> str:
    documented = documented_samples(record)
    titles = (
        "", "batch", "median ms", "95 % interval", "p90", "p99", "images/s", "speed-up",
        "agreement",
    )  # fmt: skip
    return aligned(titles, [_cells(v, documented) for v in timed_variants(record)], "lrrrrrrrl")


def _process_line(record: TimingRecord) -> str:
    count = len(record.machines)
    if count == 1:
        return "intervals are of one process; another would differ by about 1 % more: --processes 3"
    return f"medians of {count} processes; their intervals hold what differs between processes"


def _cells(variant: VariantTimed, documented: Sequence[float]) -> list[str]:
    latency = latency_of(variant, documented)
    interval, speed_up, within = latency.interval_ms, latency.speed_up, latency.speed_up_interval
    shown = "-" if within is None else f"{speed_up:.3f} ({within[0]:.3f} to {within[1]:.3f})"
    return [
        variant.name,
        str(variant.batch),
        _ms(latency.median_ms),
        "-" if interval is None else f"{_ms(interval[0])} to {_ms(interval[1])}",
        _ms(latency.p90_ms),
        _ms(latency.p99_ms),
        f"{latency.images_per_s:.4g}",
        "1" if variant.name == DOCUMENTED else shown,
        _agreement_text(variant.agreement),
    ]


def _ms(ms: float | None) -> str:
    """Return milliseconds with four digits or more."""
    return "-" if ms is None else f"{ms:.{2 if ms < 100 else 1 if ms < 1000 else 0}f}"


def _agreement_text(agreement: Agreement | None) -> str:
    if agreement is None:
        return ""
    difference = agreement.largest_logit_difference
    logits = "" if difference is None else f", logits within {difference:.2g}"
    return f"{agreement.share:.4%}{logits}"


def _limit_lines(record: TimingRecord) -> Iterator[str]:
    """Yield the ceilings of the machine, and where each variant stands below them."""
    work, timed = record.work, timed_variants(record)
    if work is None:
        return
    reached = [f"FP32 {work.peak_gflops:.0f} GFLOP/s"]
    reached += [f"{name.upper()} {rate:.0f}" for name, rate in work.other_gflops.items()]
    reached += [] if work.copy_gbs is None else [f"a large copy {work.copy_gbs:.3g} GB/s"]
    uploads = {"pinned": work.pinned_upload_gbs, "pageable": work.pageable_upload_gbs}
    reached += [
        f"an upload from {memory} memory {rate:.3g} GB/s"
        for memory, rate in uploads.items()
        if rate is not None
    ]
    yield (
        f"network: {work.multiply_adds / 1e9:.2f} G multiply-adds per image; rough ceilings: "
        f"{', '.join(reached)}"
    )
    for variant in timed:
        yield ": ".join([variant.name, *_rates_text(rates_of(variant, work))])
    fused = [variant.name for variant in timed if variant.engine != "torch"]
    if fused and work.copy_gbs is not None:
        yield (
            f"no GB/s of {', '.join(fused)}: bytes are counted operator by operator as torch runs "
            "them eagerly, and fused ones move fewer"
        )


def _rates_text(rates: Rates) -> Iterator[str]:
    """Yield what limits a variant, if that is known, and how fast it computes and moves bytes."""
    if rates.limit is not None:
        yield rates.limit
    elif None not in (rates.gflops_share, rates.gbs_share):
        yield "far from both ceilings"
    facts = []
    if rates.gpu_busy is not None:
        facts.append(f"the GPU was busy for {_percent(rates.gpu_busy)} of the time")
    facts.append(f"{rates.gflops:.0f} GFLOP/s{_of_ceiling(rates.gflops_share)}")
    if rates.gbs is not None:
        facts.append(f"{rates.gbs:.3g} GB/s{_of_ceiling(rates.gbs_share)}")
    yield ", ".join(facts)


def _of_ceiling(share: float | None) -> str:
    return "" if share is None else f" ({_percent(share)} of the ceiling)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _calibration_lines(record: TimingRecord) -> Iterator[str]:
    if record.calibration is not None:
        answers = TASKS[record.task].answers
        yield (
            f"documented in another memory layout: {record.calibration.agreement.share:.4%} of the "
            f"{answers} are the same, so variants in FP32 had to agree in "
            f"{record.calibration.least:.4%}"
        )


def _layout_line(measured: tuple[Precision, LayoutMeasured]) -> str:
    precision, found = measured
    seconds = {"contiguous": found.contiguous_s, "channels-last": found.channels_last_s}
    taken = ", ".join(f"{name} {_ms(s and 1000 * s)} ms" for name, s in seconds.items())
    return (
        f"layout of fast variants in {precision}: {found.layout.replace('_', '-')}; "
        f"the network alone took {taken}"
    )


def _trained_line(figure: TrainedFigure) -> str:
    metric = METRICS.get(figure.metric)
    answers = TASKS[metric.task].answers if metric and metric.task else "answers"
    return (
        f"{figure.precision} on trained weights ({figure.network}, {figure.num_images} images): "
        f"{figure.agreement.share:.4%} of the {answers} as in FP32, "
        f"{metric_title(figure.metric)} {figure.lower:.3f} "
        f"against {figure.fp32:.3f}, {figure.lower - figure.fp32:+.3f} points"
    )


def _twins_lines(twins: Sequence[TwinSamples]) -> Iterator[str]:
    if not twins:
        return
    alarms, decided = _alarms(twins)
    between = between_twins(twins)
    if between is not None:
        yield (
            f"documented in {2 * len(twins)} processes: their medians differ by "
            f"{between.deviation:.2%} (standard deviation), so that less than "
            f"{between.smallest:.1%} between two single processes means nothing here"
        )
    elif decided:
        yield (
            f"documented against itself: {alarms} of {decided} pairs seem to differ; up to "
            f"{chance_alarms(decided)} would by chance, at 5 % each"
        )
    if decided < len(twins):
        yield f"{len(twins) - decided} pairs had fewer than 6 rounds: pass more --limit-seconds"
    if between is None and alarms > chance_alarms(decided):
        yield "speed-ups measured on this machine just now would often be only noise"


def _alarms(twins: Sequence[TwinSamples]) -> tuple[int, int]:
    """Return in how many pairs the same thing seems to differ, and in how many one could say.

    That two processes differ is no false alarm: they do.
    """
    decided = [pair for pair in twins if min(len(pair.first_s), len(pair.second_s)) >= MIN_SAMPLES]
    turns = [pair for pair in decided if not pair.separate]
    return sum(differ(pair.first_s, pair.second_s) is True for pair in turns), len(decided)


def _remarks_on_sampling(record: TimingRecord) -> Iterator[str]:
    timed = timed_variants(record)
    if record.sampling is not None and record.sampling.stopped_by != "precision":
        rounds = len(documented_samples(record))
        yield (
            f"{_STOPPED[record.sampling.stopped_by]} after {rounds} round{'s' * (rounds != 1)}: "
            f"not all intervals are within {record.sampling.precision:.1%} of their median"
        )
    cold = [variant.name for variant in timed if not variant.is_warm]
    if cold:
        yield f"still warming up when sampling began, as far as one can tell: {', '.join(cold)}"
    drifting = [v.name for v in timed if any(map(drifts, v.by_process))]
    if drifting:
        yield (
            f"the machine changed its speed meanwhile ({', '.join(drifting)}): trust speed-ups, "
            "which compare within rounds, more than medians"
        )
    alone = [variant for variant in timed if len(variant.by_process) == 1]
    depending = [variant.name for variant in alone if depend(variant.seconds)]
    if depending:
        yield (
            f"samples depend on each other ({', '.join(depending)}), so that fewer count: their "
            "intervals are wider for it"
        )


def _remarks_on_machine_and_input(record: TimingRecord) -> Iterator[str]:
    yield from dict.fromkeys(said for machine in record.machines for said in _on_machine(machine))
    if not record.input.is_documented_scale:
        width, height = record.input.scale
        yield f"not the documented scale: resized into {width} x {height}"
    if record.weights == "filled":
        yield (
            "filled weights exaggerate disagreement: random networks are less sure of themselves "
            "than trained ones; --weights published gives this row's own figures"
        )


def _on_machine(machine: MachineState) -> Iterator[str]:
    if machine.was_shared:
        yield (
            f"the machine was shared: other processes kept {machine.others:.1f} of "
            f"{machine.num_processors} processors busy"
        )
    if machine.gpu_not_read:
        yield f"clocks and processes of the GPU were not read: {machine.gpu_not_read}"
    if machine.throttled_by:
        yield f"the GPU was throttled: {', '.join(machine.throttled_by)}"
    held_back = {why: taken for why, taken in machine.gpu_held_back_s.items() if taken}
    if held_back and machine.watched_s:
        said = ", ".join(f"{why} {taken:.3g} s" for why, taken in held_back.items())
        yield f"limits lowered the GPU's clocks in {machine.watched_s:.3g} s of timing: {said}"
    if machine.clocks_set_by:
        yield f"the GPU's clocks were set below its highest: {', '.join(machine.clocks_set_by)}"
    others = [state.other_processes for state in machine.gpu_states]
    known = [count for count in others if count is not None]
    if any(known):
        yield f"the GPU was shared: other processes computing on it: {max(known)}"
    elif len(known) < len(others):
        yield "whether other processes computed on the GPU could not be told"


def _as_dict(record: TimingRecord, path: Path) -> dict[str, object]:
    documented = documented_samples(record)
    alarms, decided = _alarms(record.twins)
    between, sampling = between_twins(record.twins), record.sampling
    return {
        "name": record.row,
        **record.model_dump(include={"edition", "device", "num_threads", "weights"}),
        "network_input": list(record.input.network_input),
        "is_documented_scale": record.input.is_documented_scale,
        "documented_fps": None if record.documented_fps is None else float(record.documented_fps),
        "documented_fps_note": _WHERE_DOCUMENTED if record.documented_fps else None,
        "stopped_by": sampling.stopped_by if sampling else None,
        "variants": [_variant_as_dict(variant, documented, record) for variant in record.variants],
        "twins": {
            "pairs": len(record.twins),
            "decided": decided,
            "false_alarms": alarms if between is None else None,
            "between_processes": between and between.deviation,
        }
        if record.twins
        else None,
        "calibration": record.calibration and record.calibration.model_dump(),
        "layouts": record.model_dump(include={"layouts"})["layouts"],
        "trained": [_trained_as_dict(figure) for figure in record.trained],
        **(record.work.model_dump() if record.work else dict.fromkeys(Work.model_fields)),
        "remarks": remarks(record),
        "record": str(path),
        "error": None,
    }


def _variant_as_dict(
    variant: VariantTimed, documented: Sequence[float], record: TimingRecord
) -> dict[str, object]:
    agreement = variant.agreement
    return {
        **variant.model_dump(include=_AS_RECORDED),
        **asdict(latency_of(variant, documented)),
        "agreement": agreement.share if agreement else None,
        "largest_logit_difference": agreement.largest_logit_difference if agreement else None,
        **asdict(rates_of(variant, record.work)),
    }


def _trained_as_dict(figure: TrainedFigure) -> dict[str, object]:
    return {
        **figure.model_dump(include={"precision", "network", "metric", "fp32", "lower"}),
        "images": figure.num_images,
        "agreement": figure.agreement.share,
        "difference": figure.lower - figure.fp32,
    }
