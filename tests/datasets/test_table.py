"""The table of data sets: what it holds, and that asking it costs nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest

from hrnet_zoo.datasets import DATASETS, named, of_kind
from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.data_set import classes
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.errors import UsageError

# Of upstream's names and palettes as {data set: [[name, [r, g, b]], ...]}, keys sorted, compact.
CLASSES_SHA256 = "6c179cebdb14cc7ac1ae7e615a4e5639bf56c34ff4907c247d8f072583a6b03b"


def test_classes_are_upstreams_to_the_letter() -> None:
    tables = {
        name: [[class_name, list(rgb)] for class_name, rgb in dataset.classes]
        for name, dataset in DATASETS.items()
        # ImageNet has no palette upstream, and its names are compared elsewhere.
        if not isinstance(dataset, ClassFolders)
    }
    text = json.dumps(tables, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == CLASSES_SHA256


def test_classes_in_several_lines_and_with_odd_names() -> None:
    table = classes("""
        bed  #cc05ff, door, double #08ff33,
        no. #1 #000000
    """)
    assert list(table) == [
        ("bed ", (204, 5, 255)),
        ("door, double", (8, 255, 51)),
        ("no. #1", (0, 0, 0)),
    ]
    assert len(table) == 3


@pytest.mark.parametrize("text", ["road 804020", "road #80402", "road #gg0000", "#804020"])
def test_classes_that_are_written_wrongly(text: str) -> None:
    with pytest.raises(ValueError, match="a class is written as"):
        classes(text)


def test_names_in_the_table_are_the_data_sets_own() -> None:
    assert list(DATASETS) == [dataset.name for dataset in DATASETS.values()]
    assert set(DATASETS) == {
        *of_kind(LabelImages),
        *of_kind(CocoInstances),
        *of_kind(ClassFolders),
    }


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match=r'called "ade20"\. Close: ade20k\. There are: cityscapes'):
        named("ade20")


def test_the_table_needs_no_decoder() -> None:
    heavy = ("cv2", "numpy", "PIL", "pycocotools", "scipy", "torch")
    code = f"import hrnet_zoo.datasets, sys; print([m for m in {heavy} if m in sys.modules])"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
