"""What is found of a data set on disk: what is listed, and what files show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from hrnet_zoo.datasets.problems import Note, ProblemKind
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.wording import and_more

_SHOWN = 4


class Listed(Protocol):
    """An image of the split, with what belongs to it."""

    @property
    def name(self) -> str:
        """As records name it."""

    @property
    def path(self) -> Path:
        """The image's file."""


Item = TypeVar("Item", bound=Listed)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the files of one image showed."""

    size: tuple[int, int] | None = None
    """(width, height) of the image; None: it cannot be decoded."""
    digest: str = ""
    """As of the sample that it is loaded to; empty: it cannot be loaded."""
    labels: frozenset[int] | None = None
    """Labels that occur in its label file, ignored ones included; None: none could be read."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inventory(Generic[Item]):
    """What is there of a validation split, listed but not yet read."""

    root: Path
    """The data set's own folder."""
    items: Sequence[Item]
    """The images that can be read."""
    look_at: Callable[[Item], Seen]
    """Reads the files of an image; called from several threads."""
    num_images: int
    """Images of the split that are there."""
    num_labels: int = 0
    """Label files likewise."""
    num_annotations: int | None = None
    """Annotated objects, crowds included; None: of a data set without annotations."""
    label_files: Mapping[str, int] = field(default_factory=dict)
    """Suffix of the label files -> images that use them."""
    labels: frozenset[int] | None = None
    """Labels that occur, where listing tells it; None: what was seen in label files tells it."""
    notes: Sequence[Note] = ()
    """What is wrong, as far as listing tells. All but wrong counts and missing images keep it from
    being opened."""

    def require_readable(self, title: str) -> None:
        """Raise DatasetError unless there are images, and nothing is wrong with them.

        How many of those that are listed are missing is for those to judge who count them.
        """
        self.require_usable(title, harmless=(ProblemKind.MISSING_IMAGE,) if self.items else ())

    def require_usable(
        self, title: str, *, harmless: Collection[ProblemKind] = (), advice: str = ""
    ) -> None:
        """Raise DatasetError if anything but the number of images is wrong.

        Args:
            title: of the data set, for the message.
            harmless: what else may be wrong: results are scored without images, say.
            advice: what else can be done, a sentence for the message.
        """
        faults: dict[ProblemKind, list[str]] = {}
        for kind, text in self.notes:
            if kind is not ProblemKind.COUNT and kind not in harmless:
                faults.setdefault(kind, []).append(text)
        for kind in (ProblemKind.ABSENT, ProblemKind.ANNOTATIONS):
            if kind in faults:  # whole sentences, and nothing else is known then
                raise DatasetError(" ".join(faults[kind]))
        if faults:
            counts = [
                f"{len(texts)} {kind.value} ({and_more(texts, _SHOWN)})"
                for kind, texts in faults.items()
            ]
            msg = (
                f"{title} in {self.root} cannot be used: {'; '.join(counts)}. "
                '"hrnet-zoo data check" lists more; unpack it again from the official download.'
            )
            raise DatasetError(f"{msg} {advice}".rstrip())
