"""Draws what a demo row's network makes of one image of its data set."""

from __future__ import annotations

from PIL import Image

from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.predictor import Predictor

_EXAMPLE = 1
_ZOOM = 2


def example_picture(predictor: Predictor) -> Image.Image:
    """Return input, truth and prediction of one image side by side.

    Raises:
        DatasetError: the demo's files are damaged.
    """
    setup = predictor.setup
    samples = TASKS[setup.task].open_data(setup, DATA_ROOT)
    return predictor.beside_truth(samples, _EXAMPLE, _ZOOM)
