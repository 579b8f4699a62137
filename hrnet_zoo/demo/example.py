"""Draws what a demo row's network makes of one image of its data set."""

from __future__ import annotations

from PIL import Image

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.runs.load import Predictor
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.tasks.pictures import colourise, comparison, legend_of
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor

_EXAMPLE = 1
_ZOOM = 2
_SHOWN_SCORE = 0.3


def example_picture(predictor: Predictor) -> Image.Image:
    """Return input, truth and prediction of one image side by side.

    Raises:
        DatasetError: the demo's files are damaged.
    """
    if isinstance(predictor, SegmentationPredictor):
        return _label_maps(predictor)
    return _boxes(predictor)


def _label_maps(predictor: SegmentationPredictor) -> Image.Image:
    dataset = of_kind(LabelImages)[predictor.row.setup.dataset].open(DATA_ROOT)
    sample = dataset.load(_EXAMPLE)
    result = predictor.predict(sample.image)
    legend = legend_of(result.class_names, result.palette, sample.label, result.labels)
    panels = [
        ("input", Image.fromarray(sample.image)),
        ("labels (black: ignored)", colourise(sample.label, result.palette)),
        ("prediction", colourise(result.labels, result.palette)),
    ]
    return comparison(panels, legend, zoom=_ZOOM)


def _boxes(predictor: DetectionPredictor) -> Image.Image:
    dataset = of_kind(CocoInstances)[predictor.row.setup.dataset].open(DATA_ROOT)
    image = dataset.load(_EXAMPLE).image
    result = predictor.predict(image)
    # Enlarged before drawing, so that lines and letters stay fine.
    large = image.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
    truth = dataset.truth_of(_EXAMPLE, with_masks=False).enlarged(_ZOOM)
    found = result.detections().enlarged(_ZOOM).above(_SHOWN_SCORE)
    names, palette = result.class_names, result.palette
    panels = [
        ("input", Image.fromarray(large)),
        ("annotated boxes", draw_detections(large, truth, names, palette, with_scores=False)),
        (f"detections above {_SHOWN_SCORE}", draw_detections(large, found, names, palette)),
    ]
    return comparison(panels, [])
