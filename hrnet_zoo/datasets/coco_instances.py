"""Data sets in COCO's layout, and what is done with them; this imports no decoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.coco_layout import CocoLayout

if TYPE_CHECKING:
    from hrnet_zoo.datasets.coco_annotations import ListedImage
    from hrnet_zoo.datasets.coco_samples import CocoSamples
    from hrnet_zoo.datasets.inventory import Inventory


class CocoInstances(CocoLayout):
    """A data set for detection."""

    def open(self, folder: Path) -> CocoSamples:
        """Return the validation split, its annotations read."""
        from hrnet_zoo.datasets.coco_samples import open_coco  # noqa: PLC0415

        return open_coco(self, folder)

    def inventory(self, folder: Path) -> Inventory[ListedImage]:
        """Return what is there of the split and what is wrong with it."""
        from hrnet_zoo.datasets.coco_inventory import list_coco  # noqa: PLC0415

        return list_coco(self, folder)
