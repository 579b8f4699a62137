"""The images a classifier is most wrong about, beside the classes it finds likeliest."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.classification.pictures import bar_chart
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    class_scores,
    cropped_image,
)
from hrnet_zoo.tasks.classification.top_k import RANKED
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.worst import WorstImages


class WorstClassified(WorstImages):
    """See `WorstImages`."""

    def values(self) -> Iterator[float | None]:
        """Yield minus the number of classes ranked above the true one; None if there is none."""
        for result in self.results.values():
            best, label = result.counted[SINGLE].best, result.counted[SINGLE].label
            rank = best.index(label) if label in best else len(best)
            yield -rank or None

    def picture(self, index: int, name: str, value: float) -> Image.Image:  # noqa: ARG002
        """Predict the image once more."""
        sample, names = self.samples.load(index), self.classes.names
        protocol = ClassificationProtocol.of(self.setup)
        crop = cropped_image(sample.image, protocol)
        with canonical_precision():
            (scores,) = class_scores(self.network, [crop], protocol, device=self.options.device)
        likeliest = scores.argsort(descending=True, stable=True)[: min(RANKED, len(names))]
        top = [(names[k], float(scores[k])) for k in likeliest.tolist()]
        truth = names[sample.label]
        title = f"{name}: {truth} {float(scores[sample.label]):.1%}"
        return bar_chart(crop, title, top, truth=truth)
