"""How pixel values become network input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from hrnet_zoo.system.strict import Strict

Triple = Annotated[tuple[float, float, float], Field(strict=False)]
PositiveTriple = Annotated[tuple[PositiveFloat, PositiveFloat, PositiveFloat], Field(strict=False)]


class Normalisation(Strict):
    """How pixel values become network input: (value - mean) / std."""

    channel_order: Literal["rgb", "bgr"]
    """Order of the channels as the network sees them, and of mean and std."""
    mean: Triple
    """Per channel, on the 0 to 255 scale."""
    std: PositiveTriple
    """Per channel, on the 0 to 255 scale."""
