"""Params and Flops as the README of the classification zoo gives them.

Its Flops are those of MMCV's counter, which differ from the multiply-adds that this package counts
elsewhere: they include BatchNorm, ReLU, upsampling and pooling, and leave the classifier out,
because the counter was run on the network up to its head.

Nothing has to be there for it: no data set, no checkpoint, no network access.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

CONVENTION = (
    "Flops as MMCV 1.x counts them: multiply-adds of convolutions once, two operations per element "
    "of BatchNorm, one of ReLU, upsampling and pooling; the classifier is left out"
)
PARAMETERS = "every learnt number once; the statistics of BatchNorm are not learnt"


@dataclass(frozen=True, kw_only=True)
class NetworkSize:
    """What can be counted in a network itself."""

    parameters: int
    operations: int
    conventions: Mapping[str, str] = field(
        default_factory=lambda: {"params_m": PARAMETERS, "flops_g": CONVENTION}
    )
    """How the number of a metric was counted, in words."""


def size_of(model: nn.Module, side: int) -> NetworkSize:
    """Return the size of a network.

    Args:
        model: in eval mode, on the meta device; BatchNorm not folded.
        side: pixels of the sides of the square input.
    """
    return NetworkSize(
        parameters=count_params(model), operations=sum(count_flops(model, side).values())
    )


def count_params(model: nn.Module) -> int:
    """Return how many learnt numbers a network has; BatchNorm's statistics are not learnt."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_flops(model: nn.Module, side: int) -> dict[str, int]:
    """Return the Flops of each kind of operation for one input; their sum is documented.

    Args:
        model: in eval mode, on the meta device; BatchNorm not folded.
        side: pixels of the sides of the square input.

    Source:
        mmcv 1.7.2, mmcv/cnn/utils/flops_counter.py, get_model_complexity_info, as called by
        mmclassification 0.25.0, tools/analysis_tools/get_flops.py.
    """
    counter = _Counter()
    with torch.no_grad(), torch.device("meta"), counter:
        model(torch.empty(1, 3, side, side))
    return dict(counter.flops)


def _convolution(output: Tensor, _: Tensor, weight: Tensor, *__: object) -> int:
    """Return multiply-adds, each counted once."""
    per_position = math.prod(weight.shape[1:])
    return per_position * output.numel()


def _per_output(output: Tensor, *_: object) -> int:
    return output.numel()


def _per_input(_: Tensor, source: Tensor, *__: object) -> int:
    return source.numel()


def _norm(_: object, source: Tensor, *__: object) -> int:
    """Return one multiplication and one addition for every element."""
    return 2 * source.numel()


# Additions of maps and the linear layer are missing on purpose.
_COUNTED: Mapping[Any, tuple[str, Callable[..., int]]] = {
    aten.convolution.default: ("convolution", _convolution),
    aten.native_batch_norm.default: ("batch_norm", _norm),
    aten._native_batch_norm_legit_no_training.default: ("batch_norm", _norm),
    aten.cudnn_batch_norm.default: ("batch_norm", _norm),
    aten.relu.default: ("relu", _per_output),
    aten.relu_.default: ("relu", _per_output),
    aten.upsample_nearest2d.default: ("upsampling", _per_output),
    # What adaptive pooling to one position becomes.
    aten.mean.dim: ("pooling", _per_input),
}


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's
    """Adds up what every operation that runs meanwhile counts."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's
        self.flops: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's
        types: Any,  # noqa: ANN401 - torch's
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        output = func(*args, **(kwargs or {}))
        if func in _COUNTED:
            kind, count = _COUNTED[func]
            self.flops[kind] += count(output, *args)
        return output
