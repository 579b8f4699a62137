"""What a measured number may differ by from a documented one and still match it, and why.

It is derived: the rounding of the printed number, and what the run itself found that as right ways
to compute make of its value. Nothing is allowed for what nobody measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from hrnet_zoo.records.accuracy import Measurement
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.printed import decimals_of

_STEP = Decimal("0.0001")
"""Measured allowances are rounded up to whole ones of these."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A part of a tolerance."""

    name: str
    points: Decimal
    """In the unit of the number."""
    why: str


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The largest difference that counts as a match, and what it consists of."""

    parts: tuple[Allowed, ...]
    is_given: bool
    """Whether the user said it."""

    @property
    def limit(self) -> Decimal:
        """The largest difference that counts as a match."""
        return sum((part.points for part in self.parts), Decimal(0))

    def describe(self) -> Iterator[str]:
        """Yield each part in one line, for people."""
        yield from (f"{part.points} {part.name}: {part.why}" for part in self.parts)


def tolerance_for(
    documented: Decimal,
    metric: str,
    measurement: Measurement | None = None,
    noise: Decimal | None = None,
) -> Tolerance:
    """Return what counts as a match with a documented number.

    Args:
        documented: as printed.
        metric: what it is.
        measurement: of it, if there is one.
        noise: the user's allowance in points on top of the rounding; None: as measured.
    """
    rounding = Allowed(
        name="rounding",
        points=Decimal(5).scaleb(-decimals_of(documented) - 1),
        why=f"the table prints {documented}",
    )
    # What is counted of a network alone has no noise: only the printed rounding is allowed.
    is_given = noise is not None and METRICS[metric].is_accuracy
    if is_given and noise is not None:
        parts = [Allowed(name="allowance", points=noise, why="by the --tolerance given")]
    else:
        parts = list(_measured(metric, measurement))
    return Tolerance(parts=(rounding, *parts), is_given=is_given)


def _measured(metric: str, measurement: Measurement | None) -> Iterator[Allowed]:
    allowances = measurement.allowances if measurement else []
    for found in allowances:
        # Not quantize(), which refuses the large numbers that an edited record may have.
        points = math.ceil(Decimal(repr(found.points)) / _STEP) * _STEP
        changed = f"{found.num_changed} of {found.num_images} images moved the value"
        yield Allowed(name=found.name, points=points, why=f"{changed}: {found.how}")
    usual = METRICS[metric].noise
    if not allowances and usual:
        why = "this run measured no noise, so what was usual before that was measured"
        yield Allowed(name="allowance", points=usual, why=why)
