"""The variants of a classification row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    Network,
    cropped_image,
)
from hrnet_zoo.timing.agreement import combined, label_agreement
from hrnet_zoo.timing.graphs import CudaGraph, PerShape
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    Computation,
    Recipe,
    Timeable,
    TimedNetwork,
)

CLASSIFICATION_TIMING = Timeable(
    networks="classifiers",
    documented=(DOCUMENTED,),
    exportable=False,
    batches=True,
    # An image has one class: one that differs is one too many among the few that are compared.
    min_agreement=1.0,
)

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "torch.compile",
    "cudagraph": "one CUDA graph",
}


class TimedClassifier(TimedNetwork[Classifier, Tensor]):
    """A classification row's network, and images resized, cropped and normalised as documented.

    Timed is from copying the prepared crop to the device to the best class on the host.
    """

    def __init__(
        self,
        model: Classifier,
        images: Sequence[TimedImage],
        protocol: ClassificationProtocol,
        device: torch.device,
    ) -> None:
        crops = (cropped_image(image.pixels, protocol) for image in images)
        inputs = [to_network_input(crop, protocol.normalisation, _CPU) for crop in crops]
        super().__init__(model, inputs, device)

    def computation(self, recipe: Recipe) -> Computation[Tensor]:
        """Return how a recipe computes; the answer is the probabilities [N, K]."""
        network: Network = fast_classifier(self._model, recipe) if recipe.fast else self._model
        if recipe.engine == "cudagraph":
            eager = network
            network = PerShape(lambda example: CudaGraph(eager, example, self._device))
        first = self.batch(0, recipe)

        def scores(x: Tensor) -> Tensor:
            return network(x.to(self._device)).softmax(dim=1)

        return Computation(
            run=lambda: scores(first).argmax(dim=1).cpu().numpy(),
            answer=lambda i: scores(self.batch(i, recipe)),
            description=f"copy in, network, softmax, argmax, copy out; {recipe.how(_HOW)}",
        )

    def agreement(self, reference: Tensor, ours: Tensor) -> Agreement:
        """Compare every image of a batch with what the documented way says of it alone."""
        return combined([label_agreement(reference, one) for one in torch.split(ours, 1)])


def fast_classifier(model: Classifier, recipe: Recipe) -> Network:
    """Return what a fast variant computes with: from float32 [N, 3, h, w] to logits [N, K].

    Args:
        model: in eval mode, on the device; it is left alone.
        recipe: says the engine, and the precision within; logits are float32 again.
    """
    dtype = DTYPES[recipe.precision]
    network: Network = folded(model).to(memory_format=torch.channels_last).to(dtype)
    if recipe.engine == "compile":
        network = torch.compile(network, dynamic=False)
    return lambda x: network(x.to(dtype)).to(torch.float32)
