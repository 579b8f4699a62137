"""The task on the demo's objects, its network filled with random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.errors import CheckpointError, UsageError
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.system.image_files import FoundImage
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.classification.filling import CLASSIFICATION_FILLING
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.classification.task import ClassificationTask
from hrnet_zoo.tasks.classification.top_k import Ranking
from hrnet_zoo.tasks.evaluation import ImageResult, evaluate
from hrnet_zoo.tasks.filled import fill
from hrnet_zoo.tasks.jackknife import kept
from hrnet_zoo.tasks.metric import SIZE
from hrnet_zoo.tasks.options import LookOptions, ScoreOptions, WorstOptions
from hrnet_zoo.tasks.task import Task
from hrnet_zoo.timing.inputs import image_from_file
from hrnet_zoo.timing.variants import DOCUMENTED, Recipe

CPU = torch.device("cpu")
TASK: Task = ClassificationTask()
NETWORKS = TASK.networks
METRICS = {metric.name: metric for metric in TASK.metrics}
SETUP = ClassificationSetup.model_validate(
    {
        "architecture": "hrnet_classifier",
        "backbone": "w2_small",
        "neck_channels": [8, 16, 32, 64, 128],
        "num_classes": 4,
        "dataset": "scenes_objects",
        "num_images": 240,
        "test": {"resize_short": 72, "crop": 64},
        "normalisation": {
            "channel_order": "rgb",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
        },
        "samples_per_gpu": 2,
        "gpus": 1,
    }
)
TOP1 = METRICS["top1"]
INDICES = range(0, 240, 20)


@pytest.fixture(scope="module")
def model() -> Classifier:
    model = NETWORKS.build(SETUP)
    assert isinstance(model, Classifier)
    fill(model, CLASSIFICATION_FILLING)
    return model


@pytest.fixture(scope="module")
def samples() -> ClassSamples:
    samples = TASK.open_data(SETUP, DATA_ROOT)
    assert isinstance(samples, ClassSamples)
    return samples


@pytest.fixture(scope="module")
def results(model: Classifier, samples: ClassSamples) -> dict[str, ImageResult]:
    evaluator = NETWORKS.evaluator(SETUP, samples, NETWORKS.network(model), [TOP1], CPU)
    found = evaluate(evaluator, INDICES, num_workers=2, seconds=StageSeconds())
    return {result.name: result for result in found}


def rankings(results: Mapping[str, ImageResult]) -> list[Ranking]:
    return [results[name].counted["single"] for name in sorted(results)]


def test_every_image_is_ranked(results: Mapping[str, ImageResult], samples: ClassSamples) -> None:
    assert sorted(results) == sorted(samples.name_of(i) for i in INDICES)
    assert {ranking.label for ranking in rankings(results)} == {0, 1, 2, 3}
    assert {len(ranking.best) for ranking in rankings(results)} == {4}
    assert len({ranking.best for ranking in rankings(results)}) > 1


def test_scores(results: Mapping[str, ImageResult], samples: ClassSamples) -> None:
    scored = TASK.score(SETUP, samples, [TOP1], results, ScoreOptions(), Silent())["top1"]
    right = sum(ranking.best[0] == ranking.label for ranking in rankings(results))
    assert scored.value is not None
    assert scored.value == pytest.approx(100 * right / len(results))
    assert [entry.name for entry in scored.classes] == ["car", "house", "person", "tree"]
    assert scored.interval is not None
    assert scored.interval.low <= scored.value <= scored.interval.high


def test_what_is_kept_of_images(results: Mapping[str, ImageResult]) -> None:
    texts = [TASK.to_text(ranking) for ranking in rankings(results)]
    assert [TASK.from_text("single", text) for text in texts] == rankings(results)
    values, drawn = TASK.reweighted_runs(TOP1, [texts, texts], kept(len(texts), 9))
    assert values[0] == values[1]
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_top5_of_four_classes_is_refused(model: Classifier, samples: ClassSamples) -> None:
    with pytest.raises(UsageError, match="at least 5 classes"):
        NETWORKS.evaluator(SETUP, samples, NETWORKS.network(model), [METRICS["top5"]], CPU)


def test_outputs_that_are_not_numbers(samples: ClassSamples) -> None:
    class Broken(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.new_full((len(x), 4), float("nan"))

    evaluator = NETWORKS.evaluator(SETUP, samples, Broken(), [TOP1], CPU)
    with pytest.raises(CheckpointError, match="not numbers"):
        list(evaluate(evaluator, [0], num_workers=1, seconds=StageSeconds()))


def test_size_is_counted_without_images() -> None:
    size = NETWORKS.count(SETUP, SIZE)
    assert (size.parameters, size.operations) == (283_380, 51_915_424)
    values = {name: METRICS[name].value_of for name in ("params_m", "flops_g")}
    assert {n: f"{f(size):.2f}" for n, f in values.items() if f} == {
        "params_m": "0.28",
        "flops_g": "0.05",
    }
    assert "MMCV" in size.conventions["flops_g"]


def test_the_worst_are_drawn(
    model: Classifier,
    samples: ClassSamples,
    results: Mapping[str, ImageResult],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "worst"
    options = WorstOptions(count=3, folder=folder, device=CPU)
    NETWORKS.worst(SETUP, samples, NETWORKS.network(model), TOP1, results, options).draw(Silent())
    pictures = sorted(folder.iterdir())
    assert len(pictures) == 3
    assert pictures[0].name.startswith("01_")


def test_predictions(model: Classifier, samples: ClassSamples, tmp_path: Path) -> None:
    predictor = NETWORKS.predictor("row", SETUP, model, CPU, NETWORKS.network(model))
    path = samples.path_of(0)
    result = predictor.predict(path)
    assert (result.logits.shape, result.logits.dtype) == ((4,), np.float32)
    exponentials = np.exp(result.logits.astype(np.float64))
    np.testing.assert_allclose(result.scores, exponentials / exponentials.sum(), atol=1e-6)
    assert (result.scores.shape, result.scores.dtype) == ((4,), np.float32)
    names, scores = zip(*result.top(2), strict=True)
    assert names[0] == result.class_names[int(result.logits.argmax())]
    assert scores == tuple(np.sort(result.scores)[:-3:-1])
    for k in (0, 5):
        with pytest.raises(UsageError, match=str(k)):
            result.top(k)
    found = FoundImage(path=path, stem="seen")
    seen = predictor.see(found, samples.load(0).image, LookOptions(folder=tmp_path))
    assert (tmp_path / "seen_classes.png").is_file()
    assert names[0] in seen.as_text()
    assert predictor.beside_truth(samples, 0, 2).width >= 128


def test_variants_agree(model: Classifier, samples: ClassSamples) -> None:
    images = [image_from_file(samples.path_of(i)) for i in (0, 100)]
    bench = NETWORKS.timed(SETUP, model, images, None, CPU)
    assert bench.network_input == (64, 64)
    assert bench.window is None
    bench.first_pass()
    assert TASK.answers == "classes"
    assert TASK.box(SETUP) == TASK.input_size(SETUP) == (64, 64)
    documented = bench.variant(DOCUMENTED)
    fast = bench.variant(Recipe(name="fast", fast=True, batch=2))
    assert fast.agree().share == 1
    assert documented.run() == fast.run()[:1]  # type: ignore[index]
    assert NETWORKS.timed(SETUP, model, images, (32, 32), CPU).network_input == (32, 32)


@pytest.mark.parametrize("what", ["training", "inference"])
def test_memory_can_be_predicted(what: str) -> None:
    use = getattr(NETWORKS, what).of(SETUP)
    assert use.size == (64, 64)
    assert use.assumptions
    use.prepare(CPU)()
    assert hash(use) == hash(getattr(NETWORKS, what).of(SETUP))


def test_what_show_says() -> None:
    assert dict(TASK.describe(SETUP))["test"] == "shorter side to 72, 64 x 64 from middle"
    used = TASK.protocol_used(SETUP, "single")
    assert used.test == {"resize_short": 72, "crop": 64}
