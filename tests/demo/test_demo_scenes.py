"""The demo zoo's scenes: the renderer keeps its promises, and the split is what it draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from render_demo import TRAINING_SEEDS, VALIDATION_SEEDS, scene_paths
from scenes.render import render_scene

SPLIT = Path(__file__).resolve().parents[2] / "hrnet_zoo" / "demo" / "data"


def test_same_seed_gives_same_scene() -> None:
    first, second = render_scene(5), render_scene(5)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.label, second.label)
    assert [i.box for i in first.instances] == [i.box for i in second.instances]
    assert not np.array_equal(first.image, render_scene(6).image)


def test_training_and_validation_share_no_seed() -> None:
    assert not set(TRAINING_SEEDS) & set(VALIDATION_SEEDS)


def test_scene_has_the_promised_form() -> None:
    scene = render_scene(VALIDATION_SEEDS[0])
    assert scene.image.shape == (180, 270, 3)
    assert scene.image.dtype == scene.label.dtype == np.uint8
    assert set(np.unique(scene.label)) <= {*range(7), 255}
    assert scene.instances


def test_instance_boxes_fit_their_masks() -> None:
    scene = render_scene(VALIDATION_SEEDS[1])
    for instance in scene.instances:
        x1, y1, x2, y2 = instance.box
        inside = np.zeros_like(instance.mask)
        inside[y1:y2, x1:x2] = True
        assert not (instance.mask & ~inside).any()
        edges = (
            instance.mask[y1],
            instance.mask[y2 - 1],
            instance.mask[:, x1],
            instance.mask[:, x2 - 1],
        )
        assert all(edge.any() for edge in edges)
        assert set(np.unique(scene.label[instance.mask])) <= {instance.category, 255}


@pytest.mark.parametrize("index", [0, 31])
def test_split_on_disk_is_what_the_renderer_draws(index: int) -> None:
    scene = render_scene(VALIDATION_SEEDS[index])
    image_path, label_path = scene_paths(SPLIT, index)
    with Image.open(image_path) as image, Image.open(label_path) as label:
        assert (image.mode, label.mode) == ("RGB", "P")
        np.testing.assert_array_equal(np.array(label), scene.label)
        # Builds of OpenCV may round a blur differently.
        difference = np.array(image).astype(np.int16) - scene.image
    assert int(np.abs(difference).max()) <= 2


def test_split_is_complete() -> None:
    paths = [scene_paths(SPLIT, index) for index in range(len(VALIDATION_SEEDS))]
    expected = {path for pair in paths for path in pair}
    assert len(expected) == 72
    assert set((SPLIT / "scenes").rglob("*.png")) == expected
