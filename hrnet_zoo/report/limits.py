"""What limits a variant: launching kernels, computing, or moving bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import WITH_LOADING, VariantTimed, Work

Limit = Literal["launch-bound", "host-bound", "compute-bound", "memory-bound"]

BUSY = 0.9
"""Of the time. A GPU that is less busy would gain more than a tenth if nothing but the gaps between
kernels went."""
NEAR = 1 / 3
"""Of a ceiling. At less of both, even the nearer one would allow three times the speed and explains
nothing: layers may be too small to fill the machine, or there are no good kernels for them."""


def limit_lines(record: TimingRecord) -> Iterator[str]:
    """Yield the ceilings of the machine, and where each variant stands below them."""
    if record.work is None:
        return
    yield _ceilings(record.work)
    timed = [variant for variant in record.variants if variant.outcome == "timed"]
    for variant in timed:
        parts = (variant.name, _limit_text(variant, record.work), _rates(variant, record.work))
        yield ": ".join(filter(None, parts))
    fused = [variant.name for variant in timed if variant.engine != "torch"]
    if fused and record.work.copy_gbs is not None:
        yield (
            f"no GB/s of {', '.join(fused)}: bytes are counted operator by operator as torch runs "
            "them eagerly, and fused ones move fewer"
        )


def limit_of(variant: VariantTimed, work: Work) -> Limit | None:
    """Return what keeps a timed variant from being faster; None if the numbers do not tell.

    They do not tell if one of the two rates or its ceiling is not known, nor if both are far from
    their ceilings.
    """
    if variant.gpu_busy is not None and variant.gpu_busy < BUSY:
        # Decoding an image on the host keeps a GPU waiting, too.
        return "host-bound" if variant.name == WITH_LOADING else "launch-bound"
    computing, moving = _compute_share(variant, work), _memory_share(variant, work)
    if computing is None or moving is None or max(computing, moving) < NEAR:
        return None
    return "compute-bound" if computing >= moving else "memory-bound"


def limit_as_dict(variant: VariantTimed, work: Work | None) -> dict[str, object]:
    """Return the limit of a variant and the numbers behind it; null is what is not known."""
    known = work if variant.outcome == "timed" else None
    return {
        "limit": limit_of(variant, known) if known else None,
        "gpu_busy": variant.gpu_busy,
        "gflops": _gflops(variant, known) if known else None,
        "gflops_share": _compute_share(variant, known) if known else None,
        "bytes_moved": variant.bytes_moved,
        "gbs": _gbs(variant),
        "gbs_share": _memory_share(variant, known) if known else None,
    }


def _ceilings(work: Work) -> str:
    reached = [f"FP32 {work.peak_gflops:.0f} GFLOP/s"]
    reached += [f"{name.upper()} {rate:.0f}" for name, rate in work.other_gflops.items()]
    reached += [] if work.copy_gbs is None else [f"a large copy {work.copy_gbs:.3g} GB/s"]
    return (
        f"network: {work.multiply_adds / 1e9:.2f} G multiply-adds per image; rough ceilings: "
        f"{', '.join(reached)}"
    )


def _limit_text(variant: VariantTimed, work: Work) -> str | None:
    limit = limit_of(variant, work)
    if limit is None and None not in (_compute_share(variant, work), _memory_share(variant, work)):
        return "far from both ceilings"
    return limit


def _rates(variant: VariantTimed, work: Work) -> str:
    facts = []
    if variant.gpu_busy is not None:
        facts.append(f"the GPU was busy for {_percent(variant.gpu_busy)} of the time")
    facts.append(f"{_gflops(variant, work):.0f} GFLOP/s{_of(_compute_share(variant, work))}")
    gbs = _gbs(variant)
    if gbs is not None:
        facts.append(f"{gbs:.3g} GB/s{_of(_memory_share(variant, work))}")
    return ", ".join(facts)


def _of(share: float | None) -> str:
    return "" if share is None else f" ({_percent(share)} of the ceiling)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _gflops(variant: VariantTimed, work: Work) -> float:
    return 2 * work.multiply_adds * variant.batch / median(variant.seconds) / 1e9


def _gbs(variant: VariantTimed) -> float | None:
    if variant.bytes_moved is None:
        return None
    return variant.bytes_moved / median(variant.seconds) / 1e9


def _compute_share(variant: VariantTimed, work: Work) -> float | None:
    ceilings = {"fp32": work.peak_gflops, **work.other_gflops}
    ceiling = ceilings.get(variant.precision)
    return None if ceiling is None else _gflops(variant, work) / ceiling


def _memory_share(variant: VariantTimed, work: Work) -> float | None:
    gbs = _gbs(variant)
    return None if gbs is None or work.copy_gbs is None else gbs / work.copy_gbs
