"""Times of both packages' detectors, in turns."""

from __future__ import annotations

from pathlib import Path

from parity.pairs import Pairs, measure

from parity_detection.inputs import TIMED, written
from parity_detection.ours import Ours
from parity_detection.upstream import Upstream, without_pasting


def compare_times(
    name: str, upstream: Upstream, ours: Ours, folder: Path, *, num_pairs: int
) -> Pairs:
    """Time network input to boxes, scores, labels and mask probabilities, in eager float32.

    Pasting masks is another thing, and none of the network. Upstream's lists by class are included:
    its test step has no other answer, and they take a few milliseconds at most.
    """
    picture = written(folder, *TIMED)
    data = upstream.network_input(picture)
    x, geometry = ours.network_input(picture)
    what = "{}x{}, {}".format(*x.shape[2:], name)
    with without_pasting():
        return measure(
            what,
            lambda: upstream.detect(data),
            lambda: ours.detect(x, geometry),
            num_pairs,
            enough=60,
        )
