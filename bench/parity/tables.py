"""The results as people and programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from parity.pairs import Pairs

if TYPE_CHECKING:  # they import upstream, which must wait for its stand-ins
    from parity.agreement import Agreement
    from parity.miou import Scores


def answers(results: Sequence[Agreement]) -> str:
    """Return a table of differences between scores and label maps."""
    rows = [
        (
            result.row,
            result.protocol,
            "{}x{}".format(*result.size),
            "-" if result.logits is None else f"{result.logits:.1e}",
            f"{result.probabilities:.1e}",
            f"{result.pixels} of {result.size[0] * result.size[1]}",
            result.classes,
            verdict(agrees=result.agrees),
        )
        for result in results
    ]
    headers = ("row", "protocol", "picture", "logits", "probs", "pixels", "classes", "")
    return table("Largest differences and pixels with another label", headers, rows)


def scores(results: Sequence[Scores]) -> str:
    """Return a table of both packages' scores over data sets."""
    rows = [
        (
            result.row,
            result.protocol,
            *(f"{result.upstream[key]:.2f} / {result.ours[key]:.4f}" for key in result.upstream),
            f"{result.difference:.4f}",
            verdict(agrees=result.agrees),
        )
        for result in results
    ]
    headers = ("row", "protocol", "mIoU", "mAcc", "aAcc", "difference", "")
    return table("Scores over synthetic data sets, upstream / ours, percent", headers, rows)


def times(results: Sequence[Pairs]) -> str:
    """Return a table of ratios; seconds are only there to show their size."""
    rows = [
        (
            result.what,
            len(result.ratios),
            f"{result.ratio:.2f}",
            f"{min(result.ratios):.2f} .. {max(result.ratios):.2f}",
            f"{1000 * min(result.upstream):.1f}",
            f"{1000 * min(result.ours):.1f}",
        )
        for result in results
    ]
    headers = ("what", "pairs", "ratio", "min .. max", "upstream ms", "ours ms")
    title = "Times, upstream / ours: median ratio of pairs taken in turns (ms: the fastest)"
    return table(title, headers, rows)


def as_data(
    answers: Sequence[Agreement], scores: Sequence[Scores], times: Sequence[Pairs]
) -> dict[str, list[dict[str, Any]]]:
    """Return everything for a JSON file; seconds in full, so that other statistics can be made."""
    return {
        "answers": [asdict(r) | {"agrees": r.agrees} for r in answers],
        "scores": [asdict(r) | {"difference": r.difference, "agrees": r.agrees} for r in scores],
        "times": [asdict(r) | {"ratios": r.ratios, "ratio": r.ratio} for r in times],
    }


def verdict(*, agrees: bool) -> str:
    """Return what the last column says."""
    return "ok" if agrees else "DISAGREES"


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a titled table of text as it is."""
    return f"\n{title}\n\n{tabulate(rows, headers, disable_numparse=True)}"
