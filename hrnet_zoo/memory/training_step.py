"""One step of a training: forward, loss, backward, update; and what stays allocated in between."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_MOMENTUM = 0.9

STEP_ASSUMPTIONS = (
    "float32, SGD with momentum",
    "parameters, buffers and momentum are there all the time",
    "so are the gradients, which were zeroed and not freed in PyTorch before 2.0",
    "so is one copy of all gradients, the buckets of DistributedDataParallel",
)
"""What every step assumes, whatever it trains."""


class TrainingStep:
    """A network, its optimizer and its loss, ready for one step or several.

    Source:
        mmcv 1.4.0, mmcv/runner/hooks/optimizer.py, OptimizerHook: forward, gradients to zero,
        backward, update. PyTorch 1.5, torch/optim/optimizer.py, Optimizer.zero_grad: in place.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[[], Tensor],
        *,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        """Allocate what training keeps between steps.

        Args:
            network: in the mode it is trained in; frozen parameters do not require gradients.
            loss: runs the network on a batch and returns one value.
            learning_rate: of SGD.
            weight_decay: of SGD.
        """
        self._loss = loss
        parameters = [p for p in network.parameters() if p.requires_grad]
        # One parameter after the other, as all optimizers worked then: a fused update would need
        # copies of everything at once.
        self._optimizer = torch.optim.SGD(
            parameters, learning_rate, _MOMENTUM, weight_decay=weight_decay, foreach=False
        )
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
            self._optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self._bucket = parameters[0].new_empty(sum(p.numel() for p in parameters))

    def __call__(self) -> Tensor:
        """Do one step; return the loss before it."""
        loss = self._loss()
        self._optimizer.zero_grad(set_to_none=False)
        torch.autograd.backward(loss)
        self._optimizer.step()
        return loss.detach()
