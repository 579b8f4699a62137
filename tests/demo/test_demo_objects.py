"""The demo's classifier and the objects it is tested on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import train_demo_classifier
from cut_demo_objects import DATA, PER_CLASS, objects_by_class
from PIL import Image
from scene_objects import CLASSES

from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.scenes import SCENES_OBJECTS
from hrnet_zoo.models import build_classifier
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    class_scores,
    cropped_image,
)
from hrnet_zoo.tasks.classification.top_k import best_classes
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict

PROTOCOL = ClassificationProtocol(
    resize_short=72,
    crop=64,
    normalisation=Normalisation(
        channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    ),
)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    (path,) = (DATA.parent / "checkpoints").glob("hrnet-*.pth")
    return path


@pytest.fixture(scope="module")
def samples() -> ClassSamples:
    return SCENES_OBJECTS.open(DATA)


def test_objects_are_those_of_the_validation_images() -> None:
    assert SCENES_OBJECTS.folders == CLASSES
    for class_name, objects in objects_by_class(DATA).items():
        folder = DATA / "scenes_objects" / "val" / class_name
        assert len(objects) >= PER_CLASS
        assert sorted(path.stem for path in folder.iterdir()) == sorted(
            name for name, _ in objects[:PER_CLASS]
        )
        for name, picture in objects[:PER_CLASS:20]:
            with Image.open(folder / f"{name}.png") as image:
                np.testing.assert_array_equal(np.asarray(image), picture)


def test_the_package_stays_small(checkpoint: Path) -> None:
    files = (DATA / "scenes_objects").rglob("*.png")
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert checkpoint.stat().st_size < 1_600_000


def test_the_files_name_holds_its_hash(checkpoint: Path) -> None:
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert checkpoint.stem.endswith(f"-{digest[:8]}")


def trained_network(checkpoint: Path) -> Classifier:
    with torch.device("meta"):
        model = build_classifier(
            "hrnet_classifier",
            backbone="w2_small",
            num_classes=4,
            neck_channels=(8, 16, 32, 64, 128),
        )
    assert load_strict(model, read_state_dict(checkpoint)[0]) == []
    return folded(model)


def test_plain_loops_see_what_the_package_sees(checkpoint: Path, samples: ClassSamples) -> None:
    network, plain = trained_network(checkpoint), train_demo_classifier.load(checkpoint)
    right = 0
    for index in range(0, len(samples), 6):
        sample = samples.load(index)
        crop = cropped_image(sample.image, PROTOCOL)
        scores = class_scores(network, [crop], PROTOCOL, device=torch.device("cpu"))
        ((best, *_),) = best_classes(scores)
        with Image.open(samples.path_of(index)) as image:
            assert best == train_demo_classifier.predict(plain, np.array(image))
        right += best == sample.label
    assert 20 < right < 40
