"""6xx: whether files on disk are what the document says of them; needs torch once there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.readme.lint.document import Document, Finding, Spot, TableRow
from hrnet_zoo.readme.lint.name_checks import relabelled
from hrnet_zoo.readme.names import Width, checkpoint_stem, width_in_name
from hrnet_zoo.weights.download import sha256_of
from hrnet_zoo.weights.file_name import promised_sha256

_FINEST = "backbone.stage4.0.branches.0.{}.conv1.weight"
"""A convolution from the finest branch to itself, in the block of this number."""


class _Tensor(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


def check_files(document: Document, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with the linked checkpoints that are in a folder or below it.

    Args:
        document: what links them.
        folder: where files with the linked names are looked for; others are not read.
    """
    there = {path.name: path for path in sorted(folder.rglob("*.pth"))}
    for row in document.rows:
        path = there.get(row.checkpoint.file_name) if row.checkpoint else None
        if row.checkpoint is not None and path is not None:
            yield from _file(row, row.checkpoint, path)


def width_of_tensors(state: Mapping[str, _Tensor]) -> Width | None:
    """Return the width of the HRNet in a state dict, or None if there is none.

    Source:
        mmsegmentation 0.20.2, configs/_base_/models/fcn_hr18.py and configs/hrnet/fcn_hr18s*.py:
        the small variant has two blocks in each branch, the others have four.
    """
    first = state.get(_FINEST.format(0))
    if first is None:
        return None
    return Width(channels=first.shape[0], small=_FINEST.format(2) not in state)


def _file(row: TableRow, link: Spot, path: Path) -> Iterator[Finding]:
    promised, sha256 = promised_sha256(path.name), sha256_of(path)
    if promised is not None and not sha256.startswith(promised):
        message = f"{path} has the SHA-256 {sha256[:8]}..., its name promises {promised}"
        yield Finding(code="HZ601", spot=link, message=message)
    from hrnet_zoo.weights.checkpoint_file import read_state_dict  # noqa: PLC0415 - imports torch

    try:
        state = read_state_dict(path)
    except CheckpointError as error:
        yield Finding(code="HZ603", spot=link, message=str(error))
        return
    width = width_of_tensors(state)
    if width is None:
        return
    patch = relabelled(row, width, is_safe=True)
    if patch is not None:
        message = f"the label says {patch.spot.text}, the tensors of {path} {width.as_label()}"
        yield Finding(code="HZ602", spot=patch.spot, message=message, patch=patch)
    named = width_in_name(checkpoint_stem(path.name))
    if named is not None and named != width:
        message = f"{path.name} is named as {named.as_label()}, its tensors are {width.as_label()}"
        yield Finding(code="HZ602", spot=link, message=message)
