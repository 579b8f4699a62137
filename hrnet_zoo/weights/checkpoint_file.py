"""Reads a checkpoint file into a plain state dict, without ever running code from it.

This module knows torch.save's files and upstream's containers; it knows neither models nor rows.
"""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrnet_zoo.errors import CheckpointError

StateDict = dict[str, Tensor]

# Saved with every model of the 1.x line or only used in training; no part of the evaluated network.
_IGNORED_PREFIXES = ("auxiliary_head.", "data_preprocessor.")


def read_state_dict(path: Path) -> StateDict:
    """Return the weights in a checkpoint file, on the CPU.

    Upstream's container ({"state_dict": ..., "meta": ...}) and a bare state dict are understood, in
    torch's zip format and the older one. A leading "module." is stripped from the keys, training
    leftovers (auxiliary heads, 1.x preprocessors) are dropped.

    Raises:
        CheckpointError: the file is missing, damaged, asks to run code, or holds no weights.

    Source:
        mmcv 1.4.0, mmcv/runner/checkpoint.py, load_checkpoint.
        Differs: unpickling is restricted to plain data.
    """
    content = _unpickle(path)
    if isinstance(content, dict) and "state_dict" in content:
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        msg = (
            f'{path} holds no weights: expected a dict of tensors, alone or under "state_dict", '
            f"found {_summary(content)}. Pass a checkpoint of this row."
        )
        raise CheckpointError(msg)
    strangers = [str(k) for k, v in content.items() if not isinstance(v, Tensor)]
    if strangers:
        msg = (
            f"{path} is not a state dict: {', '.join(strangers[:3])} do not hold tensors. "
            "Pass a checkpoint of this row."
        )
        raise CheckpointError(msg)
    stripped = {str(key).removeprefix("module."): value for key, value in content.items()}
    return {k: v for k, v in stripped.items() if not k.startswith(_IGNORED_PREFIXES)}


def _unpickle(path: Path) -> object:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_numpy_scalars()):
            # torch also warns about what it then refuses; one clear message is enough.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make the unpickler fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = (
            f"{path} cannot be read as a checkpoint ({reason}). It is probably truncated or not a "
            "PyTorch file; delete it and fetch it again."
        )
        raise CheckpointError(msg) from None


def _numpy_scalars() -> list[Any]:
    """Return what files of late 2021 need besides tensors: numbers logged as numpy scalars."""
    kinds = (np.float32, np.float64, np.int32, np.int64, np.bool_)
    scalar: Any = np.float64(0).__reduce__()[0]
    # Pickles written under numpy 1 name the same function by its old module.
    old_name = (scalar, "numpy.core.multiarray.scalar")
    return [scalar, old_name, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def _refusal(path: Path, detail: str) -> str:
    """Explain why the restricted unpickler gave up."""
    found = re.search(r"GLOBAL ([\w.]+)|Unsupported (?:global|class) ([\w.]+)", detail)
    if found is None:
        # What else torch says is advice to unpickle it nevertheless.
        cause = re.search(r"WeightsUnpickler error: (.+)", detail)
        because = f" ({cause[1].rstrip('.')})" if cause else ""
        return (
            f"{path} was refused: it is not a plain checkpoint{because}. Nothing in it was run. "
            "Delete it and fetch the published file again."
        )
    name = next(group for group in found.groups() if group)
    return (
        f"{path} was refused: unpickling it would call {name}, which no published checkpoint "
        "needs. Nothing in it was run. Delete the file and fetch it again from a source you trust."
    )


def _summary(content: object) -> str:
    if isinstance(content, dict):
        keys = ", ".join(str(key) for key in list(content)[:4])
        return f"a dict with the keys: {keys}" if keys else "an empty dict"
    return f"a {type(content).__name__}"
