"""hrnet-zoo: does this published checkpoint really give the number in the table?

    zoo = hrnet_zoo.load_zoo()
    predictor = hrnet_zoo.load("fcn_hr18_512x1024_40k_cityscapes")
    labels = predictor.predict("street.png").labels

A detector's result has ``boxes``, ``scores``, ``labels`` and ``masks`` instead.

Importing the package alone does not import torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.errors import ZooError

# Imports stand inside the functions: every command starts here, and most need none of this.
if TYPE_CHECKING:
    import torch
    from torch import nn

    from hrnet_zoo.runs.load import Predictor
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo

__all__ = ["ZooError", "__version__", "build", "load", "load_zoo"]

__version__ = "0.1.0"


def load_zoo(path: str | Path | None = None) -> Zoo:
    """Return all rows of a manifest.

    Args:
        path: a manifest file; None means the one that ships with hrnet-zoo.

    Raises:
        ManifestError: the file is missing or breaks the schema; all problems are listed.
    """
    from hrnet_zoo.zoo import manifest

    return manifest.load_zoo(None if path is None else Path(path))


def build(name: str) -> nn.Module:
    """Return the network of the row called ``name``: untrained, float32, eval mode, on the CPU.

    Raises:
        UsageError: there is no such row.
        PrerequisiteError: this version cannot build its network.
    """
    from hrnet_zoo.tasks.loading import build_row

    return build_row(load_zoo().row(name))


def load(
    name: str,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    *,
    edition: EditionName = "readme",
) -> Predictor:
    """Return a predictor for the row called ``name``.

    Args:
        name: a row of the manifest.
        checkpoint: a weights file; None fetches the published one into the cache.
        device: "cpu", "cuda", "cuda:N" or "auto".
        edition: "readme", or "later" for the file and preprocessing that upstream published later.

    Raises:
        UsageError: there is no such row, edition or device name.
        CheckpointError: the weights cannot be had, are not the promised ones, or do not fit.
        PrerequisiteError: the device does not exist, or this version cannot build the network.
    """
    from hrnet_zoo.runs.load import load_predictor

    zoo = load_zoo()
    path = None if checkpoint is None else Path(checkpoint)
    row = zoo.row(name, edition)
    return load_predictor(row, zoo.path.parent, checkpoint=path, device=str(device))
