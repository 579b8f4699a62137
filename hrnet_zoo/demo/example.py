"""Draws what a demo row's network makes of one image of its data set."""

from __future__ import annotations

from PIL import Image

from hrnet_zoo.datasets.layouts import DATASETS
from hrnet_zoo.datasets.segmentation import open_dataset
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.pictures import colourise, comparison, legend_of
from hrnet_zoo.predict.segmentation import SegmentationPredictor

_EXAMPLE = 1


def example_picture(predictor: SegmentationPredictor) -> Image.Image:
    """Return input, labels and prediction of one image side by side, with a legend.

    Raises:
        DatasetError: the demo's files are damaged.
    """
    reading = predictor.row.reading
    dataset = open_dataset(DATASETS[reading.dataset], DATA_ROOT, reading.num_classes)
    sample = dataset.load(_EXAMPLE)
    result = predictor.predict(sample.image)
    legend = legend_of(result.class_names, result.palette, sample.label, result.labels)
    panels = [
        ("input", Image.fromarray(sample.image)),
        ("labels (black: ignored)", colourise(sample.label, result.palette)),
        ("prediction", colourise(result.labels, result.palette)),
    ]
    return comparison(panels, legend, zoom=2)
