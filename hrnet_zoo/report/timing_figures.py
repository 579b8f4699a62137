"""What timings amount to: medians, intervals, speed-ups, and what limits each variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import latency_interval, percentile, ratio_interval
from hrnet_zoo.timing.observations import DOCUMENTED, WITH_LOADING, VariantTimed, Work

Limit = Literal["launch-bound", "host-bound", "compute-bound", "memory-bound"]

BUSY = 0.9
"""Of the time. A GPU that is less busy would gain more than a tenth if nothing but the gaps between
kernels went."""
NEAR = 1 / 3
"""Of a ceiling. At less of both, even the nearer one would allow three times the speed and explains
nothing: layers may be too small to fill the machine, or good kernels for them may be missing."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How near a variant is to the ceilings of the machine; None is what is not known."""

    limit: Limit | None = None
    """What keeps it from being faster; None if the numbers do not tell."""
    gpu_busy: float | None = None
    """Share of the time."""
    gflops: float | None = None
    """10^9 operations per second."""
    gflops_share: float | None = None
    """Of the ceiling."""
    bytes_moved: int | None = None
    gbs: float | None = None
    """10^9 bytes per second."""
    gbs_share: float | None = None
    """Of the ceiling."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What the latencies of a variant amount to; None is what is not known."""

    samples: int
    median_ms: float | None = None
    """Of several processes, the geometric mean of their medians."""
    processes: int = 1
    interval_ms: tuple[float, float] | None = None
    """95 % interval of it; with several processes, what differs between them is in it."""
    p90_ms: float | None = None
    p99_ms: float | None = None
    images_per_s: float | None = None
    speed_up: float | None = None
    """How many times as fast an image is done as in the documented way."""
    speed_up_interval: tuple[float, float] | None = None


def timed_variants(record: TimingRecord) -> list[VariantTimed]:
    """Return the variants that were timed."""
    return [variant for variant in record.variants if variant.outcome == "timed"]


def documented_samples(record: TimingRecord) -> Sequence[float]:
    """Return the samples of the documented way; none if it failed."""
    return next((v.seconds for v in timed_variants(record) if v.name == DOCUMENTED), ())


def latency_of(variant: VariantTimed, documented: Sequence[float]) -> Latency:
    """Return what the latencies of a variant amount to, beside those of the documented way."""
    seconds = variant.seconds
    if variant.outcome != "timed":
        return Latency(samples=len(seconds))
    middle, interval = variant.latency_s, latency_interval(variant.by_process)
    p90, p99 = percentile(seconds, 90), percentile(seconds, 99)
    per_image = [taken / variant.batch for taken in seconds]
    # The median of ratios within rounds: what slows down a whole round divides out.
    ratio = ratio_interval(documented, per_image) if len(documented) == len(seconds) else None
    return Latency(
        samples=len(seconds),
        processes=len(variant.by_process),
        median_ms=_in_ms(middle),
        interval_ms=(_in_ms(interval.low), _in_ms(interval.high)) if interval else None,
        p90_ms=None if p90 is None else _in_ms(p90),
        p99_ms=None if p99 is None else _in_ms(p99),
        images_per_s=variant.batch / middle,
        speed_up=ratio.median if ratio else None,
        speed_up_interval=(ratio.low, ratio.high) if ratio else None,
    )


def rates_of(variant: VariantTimed, work: Work | None) -> Rates:
    """Return how near a variant is to the ceilings of the machine, and which limits it."""
    moved = variant.bytes_moved
    known = Rates(gpu_busy=variant.gpu_busy, bytes_moved=moved)
    if variant.outcome != "timed":
        return known
    middle = variant.latency_s
    gbs = None if moved is None else moved / middle / 1e9
    if work is None:
        return replace(known, gbs=gbs)
    gflops = 2 * work.multiply_adds * variant.batch / middle / 1e9
    peak = {"fp32": work.peak_gflops, **work.other_gflops}.get(variant.precision)
    computing = None if peak is None else gflops / peak
    moving = None if gbs is None or work.copy_gbs is None else gbs / work.copy_gbs
    return replace(
        known,
        limit=_limit_of(variant, computing, moving),
        gflops=gflops,
        gflops_share=computing,
        gbs=gbs,
        gbs_share=moving,
    )


def _limit_of(variant: VariantTimed, computing: float | None, moving: float | None) -> Limit | None:
    """Return what keeps a timed variant from being faster, by its shares of both ceilings.

    None if one of them is not known, or both are far from 1.
    """
    if variant.gpu_busy is not None and variant.gpu_busy < BUSY:
        # Decoding an image on the host keeps a GPU waiting, too.
        return "host-bound" if variant.name == WITH_LOADING else "launch-bound"
    if computing is None or moving is None or max(computing, moving) < NEAR:
        return None
    return "compute-bound" if computing >= moving else "memory-bound"


def _in_ms(seconds: float) -> float:
    return round(1000 * seconds, 4)
