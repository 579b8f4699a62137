"""Networks in plain PyTorch, and the one table that finds them by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.fcn import build_fcn

ARCHITECTURES: dict[str, Callable[[str, int], nn.Module]] = {
    "fcn_hrnet": build_fcn,
}
"""Architecture name -> builder(backbone, num_classes)."""


def build_model(architecture: str, *, backbone: str, num_classes: int) -> nn.Module:
    """Return the untrained network in eval mode, float32, on the current default device.

    Raises:
        PrerequisiteError: this version has no such architecture.
    """
    builder = ARCHITECTURES.get(architecture)
    if builder is None:
        msg = (
            f'the architecture "{architecture}" is not part of this version; '
            f"it can build: {', '.join(ARCHITECTURES)}."
        )
        raise PrerequisiteError(msg)
    return builder(backbone, num_classes).eval()
