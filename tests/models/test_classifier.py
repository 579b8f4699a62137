"""Classifiers as networks: their layout, their size, and what they compute."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pytest
import torch
from classification_fill import filled
from support.classification_goldens import (
    FOLDER,
    GOLDENS,
    INDEX,
    LOGITS_TOLERANCE,
    filled_model,
    golden,
    network_input,
    thinned,
)
from torch import nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.classifier import Classifier, HRNetClassifier, build_hrnet_classifier
from hrnet_zoo.models.folding import folded
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict

WIDTHS = sorted(path.name.removesuffix(".txt.gz") for path in FOLDER.glob("keys/*.txt.gz"))

Layout = list[tuple[str, tuple[int, ...], str]]


def published_layout(width: str) -> Layout:
    text = gzip.decompress((FOLDER / "keys" / f"{width}.txt.gz").read_bytes()).decode()
    entries = [line.split(" ") for line in text.splitlines()]
    return [(k, tuple(map(int, s.split(","))) if s != "-" else (), t) for k, s, t in entries]


def meta_model(width: str) -> HRNetClassifier:
    with torch.device("meta"):
        return build_hrnet_classifier(width, 1000)


def small_model() -> HRNetClassifier:
    model = build_hrnet_classifier("w2_small", 4, (8, 16, 32, 64, 128)).eval()
    model.load_state_dict(filled(model))
    return model


@pytest.mark.parametrize("width", WIDTHS)
def test_state_dict_is_upstreams(width: str) -> None:
    ours = [
        (key, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in meta_model(width).state_dict().items()
    ]
    assert ours == published_layout(width)
    assert len(ours) == 1952


def test_there_are_seven_layouts() -> None:
    assert WIDTHS == ["w18", "w30", "w32", "w40", "w44", "w48", "w64"]


def test_the_fill_is_upstreams() -> None:
    state = filled_model("w18").state_dict()
    for key, facts in INDEX["fill_check_w18"].items():
        values = state[key].contiguous().flatten()
        np.testing.assert_allclose(values[:4], facts["first4"], rtol=1e-6)
        assert float(values.double().abs().sum()) == pytest.approx(facts["sum_abs"])


@pytest.mark.parametrize("name", GOLDENS)
def test_all_maps_are_upstreams(name: str) -> None:
    facts = INDEX[name]
    model = filled_model(facts["width"])
    with torch.inference_mode():
        maps = model.backbone(network_input(facts["image"]))
        fused = model.neck[0](maps)
        pooled = model.neck[1:](fused)
        logits = model.head(pooled)
    arrays = {f"feat{i}": x for i, x in enumerate(maps)} | {"fused": fused}
    for array, values in arrays.items():
        limit = 1e-4 + 2e-5 * facts["arrays"][array]["absmax"]
        assert np.abs(thinned(name, array, values) - golden(name)[array]).max() <= limit, array
    assert np.abs(thinned(name, "pooled", pooled) - golden(name)["pooled"]).max() <= 2e-4
    assert np.abs(thinned(name, "logits", logits) - golden(name)["logits"]).max() <= 4e-4
    assert logits[0].argsort(descending=True)[:5].tolist() == facts["top5"]


@pytest.mark.parametrize("name", ["w18_harbour", "w32_tower"])
def test_folding_changes_rounding_only(name: str) -> None:
    facts = INDEX[name]
    network = folded(filled_model(facts["width"]))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    with torch.inference_mode():
        logits = network(network_input(facts["image"]))
    assert np.abs(logits[0].numpy() - golden(name)["logits"]).max() <= LOGITS_TOLERANCE


def test_images_of_a_batch_do_not_influence_each_other() -> None:
    model, images = small_model(), torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together = model(images)
        alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(together, alone)


def test_it_can_be_trained() -> None:
    model: Any = build_hrnet_classifier("w2_small", 4, (8, 16, 32, 64, 128)).train()
    assert isinstance(model, Classifier)
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_necks_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="5 numbers of channels"):
        build_hrnet_classifier("w18", 1000, (128, 256, 512, 1024))
    with pytest.raises(ValueError, match="multiples of 4"):
        build_hrnet_classifier("w18", 1000, (128, 256, 510, 1024, 2048))
    with pytest.raises(ValueError, match="must look like"):
        build_hrnet_classifier("hr18", 1000)


def test_published_files_are_of_the_older_format(tmp_path: Any) -> None:
    model = small_model()
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    path = tmp_path / "legacy.pth"
    content = {"state_dict": state | {"data_preprocessor.mean": torch.zeros(3)}, "meta": {}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    other = build_hrnet_classifier("w2_small", 4, (8, 16, 32, 64, 128)).eval()
    assert load_strict(other, read_state_dict(path)[0]) == []
    image = torch.randn(1, 3, 64, 64)
    assert torch.equal(other(image), model(image))


def test_a_head_for_other_classes_is_refused() -> None:
    with pytest.raises(CheckpointError, match="classes: 4, the row needs 1000"):
        load_strict(
            build_hrnet_classifier("w2_small", 1000, (8, 16, 32, 64, 128)),
            small_model().state_dict(),
        )
