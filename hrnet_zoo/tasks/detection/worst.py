"""The images a detector did worst on: the truth beside the detections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from PIL import Image

from hrnet_zoo.datasets.coco_results import result_entries
from hrnet_zoo.tasks.detection.coco_ap import coco_figures
from hrnet_zoo.tasks.detection.metrics import CocoMetric
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.pictures import comparison
from hrnet_zoo.tasks.worst import WorstImages

# What scores lower is rarely looked at, and would cover everything else.
_SHOWN_SCORE = 0.3
_PANEL_SIDE = 1000


class WorstDetected(WorstImages):
    """See `WorstImages`; images without annotated objects have no score."""

    metric: CocoMetric

    def values(self) -> Iterator[float | None]:
        """Yield the AP of each image."""
        truth, id_of = self.samples.ground_truth, self.samples.image_ids()
        annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in truth["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
        images = {image["id"]: image for image in truth["images"]}
        assert self.metric.value_of is not None
        for name, result in self.results.items():
            image_id = id_of[name]
            alone = truth | {"images": [images[image_id]], "annotations": annotations[image_id]}
            found = result_entries(image_id, result.counted[SINGLE], self.samples.category_ids)
            figures = coco_figures(
                alone, found, self.metric.kind, image_ids=[image_id], protocol="mmdet"
            )
            yield self.metric.value_of(figures)

    def picture(self, index: int, name: str, value: float) -> Image.Image:
        """Draw what was detected."""
        image, found = self.samples.load(index).image, self.results[name].counted[SINGLE]
        truth = self.samples.truth_of(index, with_masks=found.masks is not None)
        names, palette = self.classes.names, self.classes.palette
        drawn = draw_detections(image, found, names, palette, score_threshold=_SHOWN_SCORE)
        panels = [
            (f"truth: {name}", draw_detections(image, truth, names, palette, with_scores=False)),
            (f"AP {value:.1f}, detections above {_SHOWN_SCORE}", drawn),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.LANCZOS)
        return comparison(panels, [])
