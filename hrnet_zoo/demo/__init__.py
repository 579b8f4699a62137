"""The demo zoo: a manifest, a small data set and a small trained network, shipped as files.

``bench/render_demo.py`` made the images and ``bench/train_demo.py`` the network. Nothing here is
special to the code that verifies it: it is a zoo like any other, only small.
"""

from __future__ import annotations

from pathlib import Path

MANIFEST = Path(__file__).with_name("zoo.yaml")
"""The demo's manifest."""

DATA_ROOT = Path(__file__).with_name("data")
"""The folder that holds the demo's data set, in Cityscapes' layout."""
