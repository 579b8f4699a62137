"""The numbers of classification tables: two are counted in images, two in the network itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from hrnet_zoo.tasks.metric import FLOPS_G, PARAMS_M, Metric

# A tie or another JPEG decoder turns a few of 50,000 images, 0.002 points each; a resize with
# another filter costs 0.1 points and more.
_NOISE = Decimal("0.04")


@dataclass(frozen=True, kw_only=True)
class TopK(Metric):
    """The share of images whose class is among the k that the network ranks highest."""

    k: int


_top = partial(
    TopK,
    unit="percent",
    decimals=2,
    task="classification",
    protocol="single",
    noise=_NOISE,
    is_default=True,
)


def _titles(k: int) -> tuple[str, ...]:
    """Return the titles of columns of top-k accuracy."""
    said = [f"{top}{what}" for what in ("", " acc", " accuracy") for top in (f"Top-{k}", f"Top{k}")]
    # Behind the accuracy, some print the error in brackets. "Top-1 (err)" is not among the titles:
    # brackets are not compared, and "Top-1 err" is the error alone.
    return (f"Top-{k} (%)", *said, f"acc@{k}", f"acc{k}", f"acc@{k} (err)")


METRICS = (
    PARAMS_M,
    FLOPS_G,
    _top(name="top1", titles=_titles(1), k=1, per_class=("top1", "Top-1")),
    _top(name="top5", titles=_titles(5), k=5, apart="Top-5"),
)
"""In the order of the table's columns. The sizes read themselves off `size.NetworkSize`."""
