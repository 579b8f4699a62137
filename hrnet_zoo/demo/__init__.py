"""The demo zoo: a manifest, a small data set and two small trained networks, shipped as files.

``tools/render_demo.py`` made the images and their boxes, ``tools/train_demo.py`` the segmentation
network and ``tools/train_demo_fcos.py`` the detector. Nothing here is special to the code that
verifies it: it is a zoo like any other, only small.
"""

from __future__ import annotations

from pathlib import Path

MANIFEST = Path(__file__).with_name("zoo.yaml")
"""The demo's manifest."""

DATA_ROOT = Path(__file__).with_name("data")
"""The folder that holds the demo's data set: Cityscapes' layout, and boxes in COCO's form."""
