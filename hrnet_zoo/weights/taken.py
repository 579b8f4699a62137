"""What was taken from a checkpoint file, as records keep it; it needs no torch."""

from __future__ import annotations

from collections.abc import Iterator

from hrnet_zoo.system.strict import Part
from hrnet_zoo.system.wording import and_more

_SHOWN = 3


class Taken(Part):
    """Where a network's weights were in a file, and what had to be done to them."""

    container: str | None = None
    """The key of the file that the weights were under; None: they were the file's whole content."""
    other_containers: list[str] = []
    """Keys of the file with further weights of a network, such as an EMA's; they were not used."""
    prefix: str = ""
    """What all names began with, and was taken off them."""
    converted: dict[str, int] = {}
    """Dtype in the file -> number of tensors that were converted from it to float32."""
    num_numpy_unread: int = 0
    """Arrays and numbers of NumPy in the file beside the weights; they were passed over."""
    extra_keys: list[str] = []
    """Tensors in the file that the network has no use for; they were left out."""

    @property
    def remarks(self) -> list[str]:
        """What a reader should know, in words: nothing where a file is as published ones are."""
        return list(self._remarks())

    def _remarks(self) -> Iterator[str]:
        if self.other_containers:
            others = " or ".join(f'"{key}"' for key in self.other_containers)
            yield f'its weights under "{self.container}" are used, not those under {others}'
        elif self.container not in (None, "state_dict"):
            yield f'its weights are under "{self.container}"'
        if self.prefix:
            yield f'"{self.prefix}" was taken off all names'
        for dtype, count in self.converted.items():
            yield f"tensors stored as {dtype} and converted to float32: {count}"
        if self.extra_keys:
            shown = and_more(self.extra_keys, _SHOWN)
            yield f"tensors that the network has no use for: {len(self.extra_keys)} ({shown})"
