"""Reads what torch.save wrote without ever running code from it.

This module knows torch's formats, and what NumPy pickles; it knows nothing of weights.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.opening import open_regular
from hrnet_zoo.weights.bombs import BombError, refuse_bombs

SAVE_ALONE = 'If it is yours, save its weights alone: torch.save({"state_dict": weights}, FILE).'
"""What to do about a file that holds weights in a way that cannot be read."""


class Unread:
    """Stands where a NumPy array or number is in a file; it is made of anything and holds nothing.

    Files of many trainers keep such in "meta". Nobody here reads them, so nothing of NumPy has to
    run: its dtypes and arrays believe what a pickle says about their memory.
    """

    def __init__(self, *_: object) -> None:
        """Take what the array would have been made of."""

    def __setstate__(self, _: object) -> None:
        """Take what the array would have been filled with."""


_TYPES_OF_NUMPY = ("numpy.ndarray", "numpy.dtype")
_MADE_BY_NUMPY = tuple(
    f"numpy.{core}.multiarray.{function}"
    for core in ("core", "_core")  # in files that were written under numpy 1 and 2
    for function in ("_reconstruct", "scalar")
)
"""With the types, all names that a pickled array or number of NumPy refers to."""

_REFUSED_BY_TORCH = {
    "TorchScript": "a TorchScript program",
    "legacy .tar": "in the tar format of torch before 0.2",
}
"""Word in torch's message -> what the file is."""


def unpickled(path: Path) -> tuple[object, int]:
    """Return the content of a file, and how many of NumPy's arrays and numbers are `Unread` in it.

    The content is plain data, and tensors on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, of another format, or asks to run code.
    """
    try:
        _require_no_safetensors(path)
        refuse_bombs(path)
        with warnings.catch_warnings(), _only_numpy_allowed() as unread:
            # torch also warns about what it then refuses; one clear message is enough.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True), len(unread)
    except CheckpointError:
        raise
    except BombError as error:
        msg = f"{path} was refused: it {error}. Fetch the published file again. {SAVE_ALONE}"
        raise CheckpointError(msg) from None
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make the unpickler fail in any way
        raise CheckpointError(_unreadable(path, error)) from None


@contextmanager
def _only_numpy_allowed() -> Iterator[list[Unread]]:
    """Let torch take what NumPy pickles as `Unread`, and nothing that others allowed before."""
    made: list[Unread] = []

    def make(*_: object) -> Unread:
        made.append(Unread())
        return made[-1]

    others = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([(Unread, name) for name in _TYPES_OF_NUMPY])
    torch.serialization.add_safe_globals([(make, name) for name in _MADE_BY_NUMPY])
    try:
        yield made
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(others)


def _require_no_safetensors(path: Path) -> None:
    """Refuse safetensors by content: torch reads them or not, by name and what is installed."""
    with open_regular(path) as file:
        length, brace = int.from_bytes(file.read(8), "little"), file.read(1)
        size = file.seek(0, 2)
    if brace == b"{" and length < size:
        msg = f"{path} is a safetensors file, which is not read here. {SAVE_ALONE}"
        raise CheckpointError(msg)


def _unreadable(path: Path, error: Exception) -> str:
    """Explain why a file could not be read at all."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    for word, what in _REFUSED_BY_TORCH.items():
        if word in reason:
            return f"{path} is {what}, which is not read here. {SAVE_ALONE}"
    return (
        f"{path} cannot be read as a checkpoint ({reason}). It is probably truncated or not a "
        "PyTorch file; delete it and fetch it again."
    )


def _refusal(path: Path, detail: str) -> str:
    """Explain why the restricted unpickler gave up."""
    found = re.search(r"GLOBAL ([\w.]+)|Unsupported (?:global|class) ([\w.]+)", detail)
    if found is None:
        # What else torch says is advice to unpickle it nevertheless.
        cause = re.search(r"WeightsUnpickler error:\s*(.+)", detail)
        because = f" ({cause[1].rstrip('.')})" if cause else ""
        return (
            f"{path} was refused: it is not a plain checkpoint{because}. Nothing in it was run. "
            f"Delete it and fetch the published file again. {SAVE_ALONE}"
        )
    name = next(group for group in found.groups() if group)
    return (
        f"{path} was refused: unpickling it would call {name}, which no weights need. Nothing in "
        f"it was run. Delete the file and fetch it again from a source you trust. {SAVE_ALONE}"
    )
