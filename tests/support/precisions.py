"""How torch rounds, by its newer interface."""

from __future__ import annotations

from typing import Any

import torch
from torch.backends import cudnn

MATMUL: Any = torch.backends.cuda.matmul
CUDNN: Any = cudnn
PARTS = [MATMUL, CUDNN.conv, CUDNN.rnn] if hasattr(CUDNN, "conv") else []
"""What rounds; nothing where torch has no newer interface."""


def precisions() -> list[str]:
    """Return how each part rounds."""
    return [part.fp32_precision for part in PARTS]
