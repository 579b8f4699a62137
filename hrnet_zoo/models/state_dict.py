"""Puts the weights of a file into a model, or says exactly why they do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError

_SHOWN = 3


def load_strict(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Make ``state`` the weights of ``model``, which may have been built on the meta device.

    Names, shapes and dtypes must agree, and all values must be finite. Only missing
    ``num_batches_tracked`` counters are tolerated: nothing reads them in eval mode.

    Raises:
        CheckpointError: something differs; the message lists what.
    """
    wanted = model.state_dict()
    state = dict(state)
    for key in wanted.keys() - state.keys():
        if key.endswith(".num_batches_tracked"):
            state[key] = torch.zeros((), dtype=torch.int64)
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    different = [
        f"{key}: file {_form(state[key])}, model {_form(value)}"
        for key, value in wanted.items()
        if key in state and _form(state[key]) != _form(value)
    ]
    if missing or unexpected or different:
        msg = (
            f"The checkpoint does not fit the model: {_list(missing, 'missing')}, "
            f"{_list(unexpected, 'unexpected')}, {_list(different, 'of another shape')}."
            f"{_hint(wanted, state)}"
        )
        raise CheckpointError(msg)
    broken = [k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        msg = f"The checkpoint is broken: NaN or infinity in {_list(broken, 'tensors')}."
        raise CheckpointError(msg)
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(requires_grad=False)


def _form(tensor: Tensor) -> str:
    kind = "" if tensor.dtype == torch.float32 else f" {str(tensor.dtype).removeprefix('torch.')}"
    return f"{list(tensor.shape)}{kind}"


def _list(items: Iterable[str], what: str) -> str:
    items = list(items)
    shown = ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")
    return f"{len(items)} {what} ({shown})" if items else f"0 {what}"


def _hint(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """Name the likely mistake: a file of another width, or of another data set."""
    for key, what in (
        ("backbone.stage4.0.branches.0.0.conv1.weight", "an HRNet of width"),
        ("decode_head.conv_seg.bias", "a head for this many classes:"),
    ):
        if key in state and key in wanted and len(state[key]) != len(wanted[key]):
            return f" The file holds {what} {len(state[key])}, the row needs {len(wanted[key])}."
    return " Is it the checkpoint of another row?"
