"""A model of the documented machine, fitted to the rows that were timed on this one.

The documented seconds of a row are taken to be

    seconds^2 = (launch * layers)^2 + (a * measured)^2 + (c * multiply_adds)^2 + (m * bytes)^2

- launch: seconds per layer to get its kernels started, one number for each table. All tables name
  the same GPU, but their launch-bound rows differ by a factor of three: host and software did.
- a: how much slower the documented GPU is than this machine at the same work.
- c and m: seconds per multiply-add and per byte, for machines that are limited by different things.

All are zero or more, so that a few rows are enough to fit them. Squares add because a GPU computes
while the host launches: adding seconds is right for a machine that never overlaps, and the largest
alone for one that always does. Fitted to the 21 documented segmentation rows that share a table,
with layers, multiply-adds and bytes only, sums of squares missed by 2.7 % on average, plain sums by
3.7 % and the largest alone by 4.2 %. The compute rate found that way is 11 TFLOP/s; a V100's data
sheet says 15.7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Term = Literal["measured_s", "multiply_adds", "bytes_moved"]
TERMS: tuple[Term, ...] = ("measured_s", "multiply_adds", "bytes_moved")
"""What all tables share; the first tells most, and the last goes first where rows are few."""

_LARGEST_STEP = 1e-6
_LEAST_SLACK = 1e-5
_SMALLEST_RATIO = 1e-3
_ROUNDS = 40
# Of what would explain all of the row that a column explains most of; more where that row is wrong.
_GRID = (0.0, *np.geomspace(0.01, 10, 13))


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
    terms: tuple[Term, ...]
    costs: NDArray[np.float64]
    """[p] float64: the squares of all these, in the order tables, terms."""
    inverse: NDArray[np.float64]
    """[p, p] float64: inverse of the normal equations, in that order; 0 if unused."""

    def seconds(self, row: FpsRow) -> float:
        """Return what a row of a fitted table should take on the documented machine."""
        return float(np.sqrt(_features(row, self.launch_s, self.terms) @ self.costs))

    def uncertainty(self, row: FpsRow) -> float:
        """Return how uncertain that is, in units of `noise`, for a row that was not fitted."""
        features = _features(row, self.launch_s, self.terms) / self.seconds(row) ** 2
        return float(np.sqrt(features @ self.inverse @ features))


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
    fitted = dict(zip((*tables, *terms), np.sqrt(squares / sizes).tolist(), strict=True))
    return Machine(
        launch_s={table: fitted[table] for table in tables},
        slowdown=fitted.get("measured_s", 0.0),
        multiply_add_s=fitted.get("multiply_adds", 0.0),
        byte_s=fitted.get("bytes_moved", 0.0),
        noise=_noise(scaled @ squares, int(used.sum()), robust=robust),
        terms=terms,
        costs=squares / sizes,
        inverse=inverse / np.outer(sizes, sizes),
    )


def _noise(ratios: NDArray[np.float64], parameters: int, *, robust: bool) -> float:
    """Return the standard deviation of seconds from the ratios of fitted and documented squares."""
    # Squares are off by twice as much as seconds.
    residuals = 0.5 * np.abs(np.log(np.maximum(ratios, np.finfo(float).tiny)))
    spare = max(len(ratios) - parameters, 1)
    if robust:
        return float(np.median(np.sort(residuals)[-spare:])) / 0.6745
    return math.sqrt(float((residuals**2).sum()) / spare)


def _features(row: FpsRow, tables: Iterable[str], terms: tuple[Term, ...]) -> NDArray[np.float64]:
    """Return [p] float64: what each squared cost is multiplied by to give squared seconds."""
    launches = [row.layers if row.table == table else 0.0 for table in tables]
    return np.square([*launches, *(float(getattr(row, term)) for term in terms)])


def nonnegative_least_squares(
    matrix: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the x >= 0 that minimises |matrix x - target|.

    Args:
        matrix: [n, p] float64, columns of about the same size.
        target: [n] float64.
    """
    # Here, because whatever shows fps imports this file, and few of them fit anything.
    from scipy.optimize import nnls  # noqa: PLC0415

    solution: NDArray[np.float64] = nnls(matrix, target)[0]
    return solution


def fit_ratios(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the x >= 0 that minimises the sum of log(matrix x)^2: all ratios are near 1.

    Args:
        matrix: [n, p] float64, not negative, columns of about the same size.
    """
    x = nonnegative_least_squares(matrix, np.ones(len(matrix)))
    return _refit(matrix, x, power=2, slack=[_LEAST_SLACK] * _ROUNDS)


def fit_most_ratios(matrix: NDArray[np.float64], num_groups: int) -> NDArray[np.float64]:
    """Return the x >= 0 for which most of matrix x are near 1, whatever the others are.

    Minimises the sum of |log(matrix x)|. It has many minima, since a table's few rows can agree on
    something else together; the search begins at the best point of a grid.

    Args:
        matrix: [n, p] float64, not negative, columns of about the same size. In each row only one
            of the first columns is not 0.
        num_groups: how many columns that holds for.
    """
    start = _best_on_grid(matrix, num_groups)
    return _refit(matrix, start, power=1, slack=np.geomspace(0.05, 1e-3, _ROUNDS // 2))


def _best_on_grid(matrix: NDArray[np.float64], num_groups: int) -> NDArray[np.float64]:
    """Return the best x whose common part is on a grid and that meets a row of each group."""
    common = matrix.shape[1] - num_groups
    grid = np.array(list(product(_GRID, repeat=common)))
    costs, own = np.zeros(len(grid)), np.zeros((len(grid), num_groups))
    for group in range(num_groups):
        rows = matrix[matrix[:, group] > 0]
        shared = grid @ rows[:, num_groups:].T
        # One candidate for each row of the group: what is left to explain of it.
        candidates = np.maximum(1 - shared, 0) / rows[:, group]
        ratios = shared[:, None, :] + candidates[:, :, None] * rows[:, group]
        logs = np.log(np.maximum(ratios, _SMALLEST_RATIO))
        of_candidates = np.abs(logs).sum(axis=2)
        own[:, group] = candidates[np.arange(len(grid)), of_candidates.argmin(axis=1)]
        costs += of_candidates.min(axis=1)
    best = costs.argmin()
    return np.concatenate([own[best], grid[best]])


def _refit(
    matrix: NDArray[np.float64], x: NDArray[np.float64], *, power: int, slack: Iterable[float]
) -> NDArray[np.float64]:
    """Return x after one weighted fit for each slack: what counts as no residual, a logarithm."""
    for least in slack:
        logs = np.log(np.maximum(matrix @ x, _SMALLEST_RATIO))
        # With these, w (ratio - 1)^2 falls as fast as |log(ratio)|^power does.
        distances = np.maximum(np.abs(logs), least)
        offsets = np.abs(np.expm1(np.copysign(distances, logs)))
        weights = distances ** (power - 1) / (offsets * np.exp(logs))
        roots = np.sqrt(weights)
        before, x = x, nonnegative_least_squares(matrix * roots[:, None], roots)
        if np.abs(x - before).max() <= _LARGEST_STEP and least <= _LEAST_SLACK:
            break
    return x
