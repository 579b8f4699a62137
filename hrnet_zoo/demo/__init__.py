"""The demo zoo: a manifest, small data sets and three small trained networks, shipped as files.

``tools/render_demo.py`` made the images and their boxes, ``tools/cut_demo_objects.py`` the single
objects, ``tools/train_demo.py`` the segmentation network, ``tools/train_demo_fcos.py`` the detector
and ``tools/train_demo_classifier.py`` the classifier. Nothing here is special to the code that
verifies it: it is a zoo like any other, only small.
"""

from __future__ import annotations

from pathlib import Path

MANIFEST = Path(__file__).with_name("zoo.yaml")
"""The demo's manifest."""

DATA_ROOT = Path(__file__).with_name("data")
"""The folder of the demo's data sets: label images, boxes in COCO's form and class folders."""
