"""Data sets whose labels are images, and what is done with them; this imports no decoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.label_layout import LabelLayout

if TYPE_CHECKING:
    from hrnet_zoo.datasets.inventory import Inventory
    from hrnet_zoo.datasets.label_pairing import Pair
    from hrnet_zoo.datasets.label_samples import LabelSamples


class LabelImages(LabelLayout):
    """A data set for segmentation."""

    def open(self, folder: Path) -> LabelSamples:
        """Return the validation split, its images and labels paired."""
        from hrnet_zoo.datasets.label_samples import open_label_images  # noqa: PLC0415

        return open_label_images(self, folder)

    def inventory(self, folder: Path) -> Inventory[Pair]:
        """Return what is there of the split and what is wrong with it."""
        from hrnet_zoo.datasets.label_inventory import list_label_images  # noqa: PLC0415

        return list_label_images(self, folder)
