from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hrnet_zoo.tasks.jackknife import interval

VALUES = np.random.default_rng(0).normal(0, 1, 40)


def variances(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return variances with the divisor n, which are too small by a known share: 1 / n."""
    counts = weights.sum(axis=1)
    means = weights @ VALUES / counts
    return np.asarray(weights @ VALUES**2 / counts - means**2)


@pytest.mark.parametrize(("whole", "unseen"), [(400, 0.9), (50, 0.2), (None, 0.0)])
def test_intervals_of_parts_have_their_bias_taken_off(whole: int | None, unseen: float) -> None:
    """As far as the whole does not have it: what is documented of it has it, too."""
    found = interval(variances, 40, whole, 40)
    assert found is not None
    bias = VALUES.var() - VALUES.var(ddof=1)
    middle = (found.low + found.high) / 2
    assert middle == pytest.approx(VALUES.var() - bias * unseen, abs=1e-12)
