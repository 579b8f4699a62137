"""Finds the weights in a checkpoint file, and makes them what they are in published ones.

This module knows the containers, prefixes and dtypes that weights are saved in; it knows neither
models nor rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.weights.unpickling import SAVE_ALONE, Unread, unpickled

StateDict = dict[str, Tensor]

_CONTAINERS = ("state_dict", "model_state_dict", "model")
"""What trainers keep the weights under."""
FIRST_WEIGHT = "backbone.conv1.weight"
"""Every network here has it, so that what stands before it in a file is a prefix."""
# Saved with every model of the 1.x line or only used in training; no part of the evaluated network.
_IGNORED_PREFIXES = ("auxiliary_head.", "data_preprocessor.")
_MOST_OF_FILE = 10
"""Bytes of weights for each of the file; modules that are used twice are saved once."""
_CONVERTED = (torch.float16, torch.bfloat16, torch.float64)
COUNTER = ".num_batches_tracked"
"""End of the names of counters that training keeps, and nothing reads in eval mode."""


def read_state_dict(path: Path, container: str | None = None) -> tuple[StateDict, Taken]:
    """Return the weights in a checkpoint file, on the CPU, and what was done to them.

    They may be the whole file or under one of the usual keys, in torch's zip format and the older
    one. A prefix that all names share ("module.", "model.") is taken off, floats of other sizes
    become float32, training leftovers (auxiliary heads, 1.x preprocessors) are dropped.

    Args:
        path: the file.
        container: one of `Taken.other_containers`, to read those weights instead.

    Raises:
        CheckpointError: the file is missing, damaged, asks to run code, holds no weights, or more
            than one network's.

    Source:
        mmcv 1.4.0, mmcv/runner/checkpoint.py, load_checkpoint.
        Differs: unpickling is restricted to plain data, and more keys and prefixes are known.
        mmengine 0.10, mmengine/hooks/ema_hook.py, EMAHook: the averaged weights are saved under
        "state_dict" and the others under "ema_state_dict", so that the former are what is meant.
    """
    whole, num_unread = unpickled(path)
    if container is not None and isinstance(whole, dict):
        content, others = whole[container], list[str]()
    else:
        container, content, others = _unpacked(path, whole)
    tensors = _evaluated(_tensors(path, content))
    prefix = _prefix(path, tensors)
    stripped = {key.removeprefix(prefix): value for key, value in tensors.items()}
    state, converted = _in_float32(path, _evaluated(stripped))
    taken = Taken(
        container=container,
        other_containers=others,
        prefix=prefix,
        converted=converted,
        num_numpy_unread=num_unread,
    )
    return state, taken


def _unpacked(path: Path, content: object) -> tuple[str | None, Mapping[object, object], list[str]]:
    """Return the key the weights are under, if any, they, and the keys of further networks."""
    if not isinstance(content, dict) or not content:
        raise CheckpointError(_no_weights(path, content))
    found = [key for key in _CONTAINERS if _has_weights(content.get(key))]
    if len(found) > 1:
        msg = (
            f"{path} holds weights under {_quoted(found)}, and nothing says which are the "
            f"network's. {SAVE_ALONE}"
        )
        raise CheckpointError(msg)
    if not found:
        if not _has_weights(content):
            raise CheckpointError(_no_weights(path, content))
        return None, content, []
    others = [str(k) for k, v in content.items() if k != found[0] and _prefixes(v)]
    return found[0], content[found[0]], others


def _evaluated(tensors: StateDict) -> StateDict:
    """Return tensors without what is left of training, which may have another prefix, or none."""
    return {key: v for key, v in tensors.items() if not key.startswith(_IGNORED_PREFIXES)}


def _has_weights(content: object) -> bool:
    """Whether it is a dict of tensors, or of NumPy data, which may have been meant as such."""
    values = [*content.values()] if isinstance(content, dict) else []
    return any(isinstance(value, Tensor) for value in values) or (
        bool(values) and all(isinstance(value, Unread) for value in values)
    )


def _tensors(path: Path, content: Mapping[object, object]) -> StateDict:
    """Return the content if it is a state dict of ordinary tensors."""
    tensors = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            what = "NumPy data" if isinstance(value, Unread) else type(value).__name__
            msg = (
                f"{path} is not a state dict: {_short(key)} holds no tensor but {what}. "
                f"{SAVE_ALONE}"
            )
            raise CheckpointError(msg)
        if not _is_ordinary(value):
            form = f"{value.layout}, {value.dtype}, {value.device}".replace("torch.", "")
            msg = f"{path}: {key} is not stored as an ordinary tensor ({form}). {SAVE_ALONE}"
            raise CheckpointError(msg)
        tensors[key] = value
    num_bytes = sum(value.numel() * value.element_size() for value in tensors.values())
    if num_bytes > _MOST_OF_FILE * path.stat().st_size:
        msg = (
            f"{path}: its tensors would take {num_bytes} bytes, many times what the file has, as "
            f"they share values or lack them. {SAVE_ALONE}"
        )
        raise CheckpointError(msg)
    return tensors


def _is_ordinary(value: Tensor) -> bool:
    """Whether all values of a tensor are there; a pickle may say so of any number of them."""
    if type(value) not in (Tensor, nn.Parameter) or value.is_nested or value.is_quantized:
        return False
    if value.layout != torch.strided or value.device.type != "cpu":
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _prefixes(content: object) -> list[str]:
    """Return what stands before the name of the first weight of each network in a dict."""
    names = [key for key in content if isinstance(key, str)] if isinstance(content, dict) else []
    return [
        name.removesuffix(FIRST_WEIGHT)
        for name in names
        if name == FIRST_WEIGHT or name.endswith(f".{FIRST_WEIGHT}")
    ]


def _prefix(path: Path, tensors: StateDict) -> str:
    """Return what all names of a network begin with: usually nothing."""
    found = _prefixes(tensors)
    if len(found) > 1:
        msg = (
            f"{path} holds {len(found)} networks, whose names begin with "
            f"{_quoted([f'{prefix}backbone.' for prefix in found])}, and nothing says which is "
            f"meant. {SAVE_ALONE}"
        )
        raise CheckpointError(msg)
    prefix = found[0] if found else ""
    others = [key for key in tensors if not key.startswith(prefix)]
    if others:
        msg = (
            f'{path}: {len(tensors) - len(others)} of its {len(tensors)} names begin with "{prefix}'
            f'", the others do not ({", ".join(others[:3])}), so that it cannot be taken off as a '
            f"prefix. {SAVE_ALONE}"
        )
        raise CheckpointError(msg)
    return prefix


def _in_float32(path: Path, tensors: StateDict) -> tuple[StateDict, dict[str, int]]:
    """Return floats of other sizes as float32, and how many there were of each size."""
    state: StateDict = {}
    converted: Counter[str] = Counter()
    for key, value in tensors.items():
        if key.endswith(COUNTER) and value.is_floating_point():
            continue  # cast along with the weights, which may have broken it; nothing reads it
        state[key] = value
        if value.dtype in _CONVERTED:
            dtype = str(value.dtype).removeprefix("torch.")
            converted[dtype] += 1
            state[key] = value.detach().to(torch.float32)
            if not state[key].isfinite().all():
                msg = (
                    f"{path}: {key} is stored as {dtype} and holds NaN or infinity, as values "
                    "become that are too large for a dtype. Save the weights as float32."
                )
                raise CheckpointError(msg)
    return state, dict(converted)


def _no_weights(path: Path, content: object) -> str:
    where = ""
    if isinstance(content, dict) and (found := [key for key in _CONTAINERS if key in content]):
        where, content = f'under "{found[0]}" ', content[found[0]]
    return (
        f"{path} holds no weights: expected a dict of tensors, alone or under "
        f"{_quoted(_CONTAINERS, 'or')}, found {where}{_summary(content)}. Pass a checkpoint of "
        "this row."
    )


def _summary(content: object) -> str:
    if isinstance(content, dict):
        keys = ", ".join(_short(key) for key in list(content)[:4])
        return f"a dict with the keys: {keys}" if keys else "an empty dict"
    return f"a {type(content).__name__}"


def _short(key: object) -> str:
    """Return a key for people; anything but text may take for ever to write out."""
    return key if isinstance(key, str) else f"a {type(key).__name__}"


def _quoted(names: Sequence[str], word: str = "and") -> str:
    """Return two or more names as a list in a sentence."""
    *first, last = [f'"{name}"' for name in names]
    return f"{', '.join(first)} {word} {last}"
