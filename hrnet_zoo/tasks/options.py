"""What a user may ask of a task: how to look at images, how to score them, what to draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrnet_zoo.tasks.metric import SINGLE

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """How predictions are made visible, and where."""

    folder: Path
    protocol: str = SINGLE
    score_threshold: float = 0.3
    """Detections at or below it are left out."""
    alpha: float = 0.5
    """Share of the colours of classes or masks in the picture, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """How counted images are scored."""

    coco_backend: Any = "auto"
    """Library that computes AP; see tasks/detection/coco_ap.py."""


@dataclass(frozen=True, kw_only=True)
class WorstOptions:
    """Which pictures of the worst images to save, and where."""

    count: int
    folder: Path
    device: torch.device
