"""A model of the documented machine, fitted to the rows that were timed on this one.

The documented seconds of a row are taken to be

    seconds^2 = (launch * layers)^2 + (a * measured)^2 + (c * multiply_adds)^2 + (m * bytes)^2

- launch: seconds per layer to get its kernels started, one number for each table. All tables name
  the same GPU, but their launch-bound rows differ by a factor of three: host and software did.
- a: how much slower the documented GPU is than this machine at the same work.
- c and m: seconds per multiply-add and per byte, for machines that are limited by different things.

All are zero or more. Squares add because a GPU computes while the host launches: adding seconds is
right for a machine that never overlaps, and the largest alone for one that always does. Fitted to
the 21 documented segmentation rows that share a table, with layers, multiply-adds and bytes only,
sums of squares missed by 2.7 % on average, plain sums by 3.7 % and the largest alone by 4.2 %. The
compute rate found that way is 11 TFLOP/s; a V100's data sheet says 15.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.verdicts.fps.least_squares import fit_most_ratios, fit_ratios

Term = Literal["measured_s", "multiply_adds", "bytes_moved"]
TERMS: tuple[Term, ...] = ("measured_s", "multiply_adds", "bytes_moved")
"""What all tables share; the first tells most, and the last goes first where rows are few."""


@dataclass(frozen=True, kw_only=True)
class FpsRow:
    """A row with a documented fps that was timed on this machine."""

    name: str
    source: str
    """README the row stands in."""
    table: str
    """Heading of its table."""
    documented_fps: Decimal
    """As printed."""
    measured_s: float
    """Seconds per image on this machine, above 0."""
    layers: float = 1.0
    """Layers whose kernels are launched for an image; only ratios within a table matter."""
    multiply_adds: float | None = None
    """For one image; None where unknown."""
    bytes_moved: float | None = None
    """Memory traffic for one image, or what is proportional to it; None where unknown."""

    @property
    def documented_s(self) -> float:
        """Return the documented seconds per image."""
        return 1 / float(self.documented_fps)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The documented machine as fitted; all numbers are zero or more."""

    launch_s: dict[str, float]
    """Table -> seconds per layer."""
    slowdown: float
    """Documented seconds per measured second; 0 if the other terms explain more."""
    multiply_add_s: float
    """Seconds per multiply-add; 0 if not in use."""
    byte_s: float
    """Seconds per byte; 0 if not in use."""
    noise: float
    """Standard deviation of documented seconds around the model, as a fraction."""
    inverse: NDArray[np.float64]
    """[p, p] float64: inverse of the normal equations, in the order tables, terms; 0 if unused."""
    terms: tuple[Term, ...]

    def seconds(self, row: FpsRow) -> float:
        """Return what a row of a fitted table should take on the documented machine."""
        return float(np.sqrt(self._parts(row).sum()))

    def uncertainty(self, row: FpsRow) -> float:
        """Return how uncertain that is, in units of `noise`, for a row that was not fitted."""
        features = _features(row, tuple(self.launch_s), self.terms) / self.seconds(row) ** 2
        return float(np.sqrt(features @ self.inverse @ features))

    def _parts(self, row: FpsRow) -> NDArray[np.float64]:
        rates = {
            "measured_s": self.slowdown,
            "multiply_adds": self.multiply_add_s,
            "bytes_moved": self.byte_s,
        }
        costs = [*self.launch_s.values(), *(rates[term] for term in self.terms)]
        return _features(row, tuple(self.launch_s), self.terms) * np.square(costs)


def affordable_terms(rows: Sequence[FpsRow], spare: int) -> tuple[Term, ...]:
    """Return the terms that all rows know and that leave ``spare`` rows to judge the fit by.

    Args:
        rows: of one README.
        spare: rows beyond the number of parameters.
    """
    known = [term for term in TERMS if all(getattr(row, term) is not None for row in rows)]
    room = len(rows) - len({row.table for row in rows}) - spare
    return tuple(known[: max(room, 0)])


def fit_machine(
    rows: Sequence[FpsRow], terms: tuple[Term, ...], *, robust: bool = False
) -> Machine:
    """Return the machine that explains the documented seconds of rows best, in relative terms.

    Args:
        rows: of one README, more than there are parameters.
        terms: what all tables share.
        robust: fit most rows, whatever the others are; the noise is then the median of the
            residuals that the parameters did not make zero, scaled to a normal distribution's
            standard deviation.
    """
    tables = tuple(dict.fromkeys(row.table for row in rows))
    documented = np.array([row.documented_s for row in rows])
    features = np.array([_features(row, tables, terms) for row in rows]) / documented[:, None] ** 2
    # Columns in one size: seconds, multiply-adds and bytes are many powers of ten apart.
    sizes = features.max(axis=0)
    scaled = features / sizes
    squares = fit_most_ratios(scaled, len(tables)) if robust else fit_ratios(scaled)
    used = squares > 0
    inverse = np.zeros((len(squares), len(squares)))
    inverse[np.ix_(used, used)] = np.linalg.pinv(scaled[:, used].T @ scaled[:, used])
    costs = np.sqrt(squares / sizes)
    rates = dict(zip(terms, costs[len(tables) :].tolist(), strict=True))
    return Machine(
        launch_s=dict(zip(tables, costs[: len(tables)].tolist(), strict=True)),
        slowdown=rates.get("measured_s", 0.0),
        multiply_add_s=rates.get("multiply_adds", 0.0),
        byte_s=rates.get("bytes_moved", 0.0),
        noise=_noise(scaled @ squares, int(used.sum()), robust=robust),
        inverse=inverse / np.outer(sizes, sizes),
        terms=terms,
    )


def _noise(ratios: NDArray[np.float64], parameters: int, *, robust: bool) -> float:
    """Return the standard deviation of seconds from the ratios of fitted and documented squares."""
    # Squares are off by twice as much as seconds.
    residuals = 0.5 * np.abs(np.log(np.maximum(ratios, np.finfo(float).tiny)))
    spare = max(len(ratios) - parameters, 1)
    if robust:
        return float(np.median(np.sort(residuals)[-spare:])) / 0.6745
    return math.sqrt(float((residuals**2).sum()) / spare)


def _features(row: FpsRow, tables: tuple[str, ...], terms: tuple[Term, ...]) -> NDArray[np.float64]:
    """Return [p] float64: what each squared cost is multiplied by to give squared seconds."""
    launches = [row.layers if row.table == table else 0.0 for table in tables]
    return np.square([*launches, *(float(getattr(row, term)) for term in terms)])
