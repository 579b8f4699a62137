"""Puts the weights of a file into a model, or says exactly why they do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.weights.checkpoint_file import COUNTER, FIRST_WEIGHT

_SHOWN, _LENGTH = 3, 120
_BACKBONE = "backbone."

_PARTS = {
    "decode_head.": "a segmentation checkpoint",
    "roi_head.semantic_head.": "the checkpoint of an HTC",
    "roi_head.mask_head.": "the checkpoint of a detector with masks",
    "roi_head.bbox_head.0.": "the checkpoint of a cascade",
    "roi_head.": "the checkpoint of a two-stage detector",
    "bbox_head.": "the checkpoint of a one-stage detector",
    "backbone.layer4.": "a checkpoint on a ResNeXt",
    "head.fc.": "an image classifier's checkpoint",
}
"""Keys that only some networks have, and what a file with them is; the most telling first."""

_SIZES = {
    "backbone.stage4.0.branches.0.0.conv1.weight": "an HRNet of width",
    "neck.reduction_conv.conv.bias": "a neck of this many channels:",
    "head.fc.bias": "a head for this many classes:",
    "decode_head.conv_seg.bias": "a head for this many classes:",
    "bbox_head.conv_cls.bias": "a head for this many classes:",
    "roi_head.bbox_head.fc_cls.bias": "a head for this many classes, counting background:",
    "roi_head.bbox_head.0.fc_cls.bias": "a head for this many classes, counting background:",
}
"""Entries whose length says what a network was made for."""


def load_strict(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    extra_keys: Literal["refuse", "report"] = "refuse",
) -> list[str]:
    """Make ``state`` the weights of ``model``, which may have been built on the meta device.

    Names, shapes and dtypes must agree, and all values must be finite. Only missing
    ``num_batches_tracked`` counters are tolerated: nothing reads them in eval mode.

    Args:
        model: its weights are replaced.
        state: the weights.
        extra_keys: whether weights that the model has no place for are an error, or left out and
            returned. A whole part of another kind of network is an error either way.

    Returns:
        The keys that were left out; none unless ``extra_keys`` is "report".

    Raises:
        CheckpointError: something differs; the message lists what.
    """
    wanted = model.state_dict()
    if state and not wanted.keys() & state.keys():
        msg = (
            f"None of the checkpoint's {len(state)} names is one of the model's: they are like "
            f"{next(iter(state))}, the model's like {next(iter(wanted))}. They have another prefix "
            "or are of another program; rename them, or pass a checkpoint of this row."
        )
        raise CheckpointError(msg)
    state = dict(state)
    for key in wanted.keys() - state.keys():
        if key.endswith(COUNTER):
            state[key] = torch.zeros((), dtype=torch.int64)
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    different = [
        f"{key}: file {list(state[key].shape)}, model {list(value.shape)}"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    ]
    retyped = [
        f"{key}: file {_dtype(state[key])}, model {_dtype(value)}"
        for key, value in wanted.items()
        if key in state and state[key].dtype != value.dtype
    ]
    too_much = unexpected and (extra_keys == "refuse" or _stranger(state, wanted) is not None)
    if missing or different or too_much:
        msg = (
            f"The checkpoint does not fit the model: {_list(missing, 'missing')}, "
            f"{_list(unexpected, 'unexpected')}, {_list(different, 'of another shape')}."
            f"{_hint(wanted, state)}"
        )
        raise CheckpointError(msg)
    if retyped:
        msg = (
            "The checkpoint has the model's names and shapes, but "
            f"{_list(retyped, 'of another dtype')}. Save the weights as float32."
        )
        raise CheckpointError(msg)
    _put(model, {key: state[key] for key in wanted})
    return unexpected


def _put(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    broken = [k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        msg = f"The checkpoint is broken: NaN or infinity in {_list(broken, 'tensors')}."
        raise CheckpointError(msg)
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(requires_grad=False)


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _list(items: Iterable[str], what: str) -> str:
    items = list(items)
    # Names are the file's: they may be of any length, and hold what terminals take for orders.
    printed = [f"{item[:_LENGTH]!r}"[1:-1] for item in items[:_SHOWN]]
    shown = ", ".join(printed) + (", ..." if len(items) > _SHOWN else "")
    return f"{len(items)} {what} ({shown})" if items else f"0 {what}"


def _hint(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """Name the likely mistake: a file of another network, width or data set."""
    if part := _stranger(state, wanted):
        return f" It is {_PARTS[part]} ({part}*); the row's network is something else."
    if part := _stranger(wanted, state):
        return f" It is not {_PARTS[part]} ({part}*), which the row needs."
    if FIRST_WEIGHT.removeprefix(_BACKBONE) in state and not _has(state, _BACKBONE):
        return f' Names of its backbone do not begin with "{_BACKBONE}"; rename them.'
    for key, what in _SIZES.items():
        if key in state and key in wanted and len(state[key]) != len(wanted[key]):
            return f" The file holds {what} {len(state[key])}, the row needs {len(wanted[key])}."
    return " Is it the checkpoint of another row?"


def _stranger(keys: Iterable[str], others: Iterable[str]) -> str | None:
    """Return the most telling part that is among ``keys`` and not among ``others``."""
    ours, theirs = tuple(keys), tuple(others)
    return next((part for part in _PARTS if _has(ours, part) and not _has(theirs, part)), None)


def _has(keys: Iterable[str], part: str) -> bool:
    return any(key.startswith(part) for key in keys)
