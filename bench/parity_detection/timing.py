"""Times of both packages' detectors, in turns."""

from __future__ import annotations

from pathlib import Path

from parity.pairs import Pairs, measure

from parity_detection.inputs import TIMED, written
from parity_detection.ours import Ours, resized
from parity_detection.upstream import Upstream, without_pasting


def compare_times(
    name: str, upstream: Upstream, ours: Ours, folder: Path, *, num_pairs: int
) -> Pairs:
    """Time images to boxes, scores, labels and mask probabilities, in eager float32.

    Pasting masks is another thing, and none of the network. Ours includes normalising and padding,
    upstream's ends with lists by class; both are less than a hundredth of the whole.
    """
    picture = written(folder, *TIMED)
    data, pixels = upstream.network_input(picture), resized(picture)
    what = "{}x{}, {}".format(*data["img"][0].shape[2:], name)
    with without_pasting():
        return measure(
            what,
            lambda: upstream.detect(data),
            lambda: ours.detect(pixels, picture),
            num_pairs,
            enough=60,
        )
