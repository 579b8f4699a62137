"""The variants of a classification row."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    Network,
    cropped_image,
)
from hrnet_zoo.timing.agreement import label_agreement
from hrnet_zoo.timing.engines import OpenVinoPart
from hrnet_zoo.timing.graphs import GraphPerShape
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.transfers import Download
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    Computation,
    Recipe,
    Timeable,
    TimedNetwork,
    in_precision,
)

CLASSIFICATION_TIMING = Timeable(
    networks="classifiers",
    documented=(DOCUMENTED,),
    exportable=("openvino",),
    batches=True,
    # An image has one class: one that differs is one too many among the few that are compared.
    min_agreement=1.0,
)

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "torch.compile",
    "cudagraph": "one CUDA graph",
    "openvino": "network in OpenVINO",
}


class TimedClassifier(TimedNetwork[Classifier, Tensor]):
    """A classification row's network, and images resized, cropped and normalised as documented.

    Timed is from copying the prepared crop to the device to the best class on the host.
    """

    _protocol: ClassificationProtocol

    def input_of(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return an image resized, cropped and normalised."""
        crop = cropped_image(pixels, self._protocol)
        return to_network_input(crop, self._protocol.normalisation, _CPU)

    @staticmethod
    def convolutional(model: Classifier) -> tuple[nn.Module, Network]:
        """Return all of a network."""
        return model, model

    @staticmethod
    def fast(model: Classifier, recipe: Recipe) -> Network:
        """Return what maps float32 [N, 3, h, w] to logits [N, K]; see `TimedNetwork`."""
        model = folded(model).to(memory_format=recipe.layout)
        if recipe.engine == "openvino":
            in_openvino = OpenVinoPart(model)
            return lambda x: in_openvino(x)[0]
        return in_precision(model.to(DTYPES[recipe.precision]), recipe)

    def maps_and_answer(self, recipe: Recipe, i: int) -> tuple[list[Tensor], Tensor]:
        """Return the logits and the probabilities, both [N, K]."""
        logits: Tensor = self.made(recipe)(self.batch(i, recipe))
        return [logits], logits.softmax(dim=1)

    def computation(self, recipe: Recipe) -> Computation[Tensor]:
        """Return how a recipe computes; the answer is the probabilities [N, K]."""
        network: Network = self.made(recipe) if recipe.fast else self._model
        if recipe.engine == "cudagraph":
            network = GraphPerShape(network, self._device)
        first = self.batch(0, recipe)

        def scores(x: Tensor) -> Tensor:
            return network(x.to(self._device, non_blocking=True)).softmax(dim=1)

        download = Download(self._device, pinned=recipe.fast)
        return Computation(
            run=lambda: download(scores(first).argmax(dim=1))[0],
            answer=lambda i: scores(self.batch(i, recipe)),
            description=f"copy in, network, softmax, argmax, copy out; {recipe.how(_HOW)}",
        )

    def agreement(self, reference: Tensor, ours: Tensor) -> Agreement:
        """Compare every image of a batch with what the documented way says of it alone."""
        return label_agreement(reference, ours)
