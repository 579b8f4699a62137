"""How the page writes names, numbers, times and verdicts."""

from __future__ import annotations

from datetime import datetime

from hrnet_zoo.report.html.gathering import Claim, ClaimRun
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.row import Row

MEANINGS: dict[Verdict, str] = {
    Verdict.MATCH: "within half a unit of the last printed digit plus the allowance",
    Verdict.MISMATCH_BETTER: "higher than the documented value allows",
    Verdict.MISMATCH_WORSE: "lower than the documented value allows",
    Verdict.INCONCLUSIVE: "part of the images, and other parts would often give the value",
    Verdict.NOT_COMPARABLE: "measured, but not the same thing",
    Verdict.NOT_DOCUMENTED: "the table prints nothing",
    Verdict.NOT_RUN: "it could not be measured, or nobody did",
    Verdict.ERROR: "the run broke off",
}
"""What each verdict says, in a few words."""

_LONGEST = 600


def short_name(row: Row) -> str:
    """Return a row's name without what all rows of its data set share."""
    short = row.name.removesuffix(f"_{row.setup.dataset}").removesuffix("_coco")
    return short.removeprefix("fcn_").replace("hrnetv2p_", "") or row.name


def name_in_charts(claim: Claim) -> str:
    """Return what stands beside a claim in a chart of its data set."""
    later = ", later" if claim.row.edition == "later" else ""
    apart = METRICS[claim.metric].apart
    return f"{short_name(claim.row)}{f', {apart}' if apart else ''}{later}"


def interval_text(run: ClaimRun | None) -> str:
    """Return the interval of a measured value for people, or an empty string."""
    interval = run and run.interval
    return f"{interval.low:.2f} to {interval.high:.2f}" if interval else ""


def moment(time: datetime) -> str:
    """Return a time for people, to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def clipped(text: str, longest: int = _LONGEST) -> str:
    """Return a text, cut short visibly where it would fill the page."""
    cut = len(text) - longest
    return text if cut <= 0 else f"{text[:longest]} ... ({cut} more characters)"
