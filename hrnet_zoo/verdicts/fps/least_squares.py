"""Linear models whose coefficients are costs, which cannot be negative."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

_LARGEST_STEP = 1e-6
_LEAST_SLACK = 1e-5
_SMALLEST_RATIO = 1e-3
_ROUNDS = 40
# Of what would explain all of the row that a column explains most of; more where that row is wrong.
_GRID = (0.0, *np.geomspace(0.01, 10, 13))


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
