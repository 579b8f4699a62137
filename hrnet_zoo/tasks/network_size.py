"""The size of a network, and what it computes for one input."""

from __future__ import annotations

from dataclasses import dataclass

CONVENTION = (
    "One multiplication with its addition counts 1, in convolutions, linear layers and matrix "
    "products, for one image or one sliding window of the size given. Not counted: biases, norms, "
    "activations, resizing, RoIAlign, suppression. Detectors look at 1000 regions in each stage "
    "and make masks of 100 objects, each in its own class only."
)
"""What a multiply-add is, and of what."""


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """The size of a network, and what it computes for one input."""

    parameters: int
    """Learnt numbers; the statistics of BatchNorm are not among them."""
    multiply_adds: int
    """By `CONVENTION`."""
    input_size: tuple[int, int]
    """(height, width) of that input."""

    def describe_input(self) -> str:
        """Return the input's size for people."""
        return "{} x {}".format(*self.input_size)
