"""Data sets whose labels are images, and what is done with them; this imports no decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.label_layout import LabelLayout

if TYPE_CHECKING:
    from hrnet_zoo.datasets.label_inventory import LabelInventory
    from hrnet_zoo.datasets.label_samples import LabelSamples


@dataclass(frozen=True, kw_only=True)
class LabelImages(LabelLayout):
    """A data set for segmentation."""

    def open(self, folder: Path) -> LabelSamples:
        """Return the validation split, its images and labels paired."""
        from hrnet_zoo.datasets.label_samples import open_label_images  # noqa: PLC0415

        return open_label_images(self, folder)

    def inventory(self, folder: Path) -> LabelInventory:
        """Return what is there of the split and what is wrong with it."""
        from hrnet_zoo.datasets.label_inventory import list_label_images  # noqa: PLC0415

        return list_label_images(self, folder)
