"""Upstream's own answers on reference images, and how a task's answers are held against them.

The answers lie in `hrnet_zoo/reference`, whose README says how they were made. What a network
answers is compared as the evaluation counts it, so that all that a value rests on is compared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, Field

from hrnet_zoo.system.strict import Part
from hrnet_zoo.tasks.setup import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image, a network filled by the names of its weights, and where upstream's answer is."""

    name: str
    upstream: str
    """Whose code answered, with its version."""
    setup: Setup
    """Of a row of that network."""
    protocol: str
    """Under which the image was looked at."""
    image: str
    """File of the image."""
    answer: str
    """File of the answer."""
    classifier: Mapping[str, Any] | None = None
    """Segmentors: "scale" and "bias" of the last convolution, so that labels are of many
    classes."""


class ReferenceAgreement(Part):
    """How far a device gave upstream's own answer on a reference image."""

    reference: str
    upstream: str
    """Whose code answered, with its version."""
    device: str
    tested_at: AwareDatetime
    """Before the run itself, if the same installation had been tested before."""
    num_compared: Annotated[int, Field(ge=0, lt=2**53)]
    """Labels, detections in the longer of both lists, or classes that are ranked highest."""
    num_equal: Annotated[int, Field(ge=0, lt=2**53)]
    largest_score_difference: float | None = None
    """Of those that are equal: of detections their scores, of classes their logits."""

    @property
    def share(self) -> float:
        """Return the share of equal answers."""
        return self.num_equal / self.num_compared if self.num_compared else 1.0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of a comparison; see `ReferenceAgreement`."""

    num_compared: int
    num_equal: int
    largest_score_difference: float | None = None


class Expected(ABC):
    """Upstream's answer on one image; each task has its own."""

    def __init__(self, reference: Reference, answer: bytes) -> None:
        """Take the content of the file with the answer."""
        self.reference, self.answer = reference, answer

    def adjust(self, model: Any) -> None:  # noqa: ANN401 - of any task
        """Change a filled network as upstream's was changed; most were not."""
        del model

    def watched(self, network: Any) -> Any:  # noqa: ANN401 - as above
        """Return a network that shows on the way what is compared beside what is counted."""
        return network

    @abstractmethod
    def sample(self, image: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - of any task's data sets
        """Return the image as a sample of a data set.

        Args:
            image: RGB [H, W, 3] uint8.
        """

    @abstractmethod
    def compared(self, counted: Any) -> Compared:  # noqa: ANN401 - as above
        """Hold what the evaluation counted in the sample against upstream's answer."""
