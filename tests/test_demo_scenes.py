"""The demo zoo's scenes: the renderer keeps its promises, and the split is what it draws."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SPLIT = ROOT / "hrnet_zoo" / "demo" / "data"


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # imports within scenes look their package up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def scenes() -> None:
    load("scenes", ROOT / "bench" / "scenes" / "__init__.py")


@pytest.fixture(scope="module")
def renderer() -> ModuleType:
    return importlib.import_module("scenes.render")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("render_demo", ROOT / "bench" / "render_demo.py")


def test_same_seed_gives_same_scene(renderer: ModuleType) -> None:
    first, second = renderer.render_scene(5), renderer.render_scene(5)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.label, second.label)
    assert [i.box for i in first.instances] == [i.box for i in second.instances]
    assert not np.array_equal(first.image, renderer.render_scene(6).image)


def test_training_and_validation_share_no_seed(script: ModuleType) -> None:
    assert not set(script.TRAINING_SEEDS) & set(script.VALIDATION_SEEDS)


def test_scene_has_the_promised_form(renderer: ModuleType, script: ModuleType) -> None:
    scene = renderer.render_scene(script.VALIDATION_SEEDS[0])
    assert scene.image.shape == (180, 270, 3)
    assert scene.image.dtype == scene.label.dtype == np.uint8
    assert set(np.unique(scene.label)) <= {*range(7), 255}
    assert scene.instances


def test_instance_boxes_fit_their_masks(renderer: ModuleType, script: ModuleType) -> None:
    scene = renderer.render_scene(script.VALIDATION_SEEDS[1])
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
def test_split_on_disk_is_what_the_renderer_draws(
    renderer: ModuleType, script: ModuleType, index: int
) -> None:
    scene = renderer.render_scene(script.VALIDATION_SEEDS[index])
    image_path, label_path = script.scene_paths(SPLIT, index)
    with Image.open(image_path) as image, Image.open(label_path) as label:
        assert (image.mode, label.mode) == ("RGB", "P")
        np.testing.assert_array_equal(np.array(label), scene.label)
        # Builds of OpenCV may round a blur differently.
        difference = np.array(image).astype(np.int16) - scene.image
    assert int(np.abs(difference).max()) <= 2


def test_split_is_complete(script: ModuleType) -> None:
    paths = [script.scene_paths(SPLIT, index) for index in range(len(script.VALIDATION_SEEDS))]
    expected = {path for pair in paths for path in pair}
    assert len(expected) == 72
    assert set(SPLIT.rglob("*.png")) == expected
