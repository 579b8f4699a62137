"""What CONTRIBUTING says about adding a data set is enough: it is done here, on a copy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.package_copy import copy_of_package, hrnet_zoo, insert_before

# The file that CONTRIBUTING tells to write.
TOY = '''"""Toy: two classes on eight pixels."""

from __future__ import annotations

from hrnet_zoo.datasets.data_set import Download, classes
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages

TOY = LabelImages(
    name="toy",
    title="Toy",
    root="toy",
    image_dir="images",
    label_dir="labels",
    image_suffix=".png",
    labels=(LabelFiles(suffix=".png"),),
    num_images=2,
    classes=classes("grass #00ff00, sky #0000ff"),
    typical_image=(4, 2),
    download=Download(
        archives=("toy.zip",),
        obtained_from="toy.example",
        terms="Public domain.",
        preparation="None: unpack the zip.",
    ),
)
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package with the new file, an import and a line in the table."""
    tree = copy_of_package(tmp_path / "tree")
    datasets = tree / "hrnet_zoo/datasets"
    (datasets / "toy.py").write_text(TOY)
    insert_before(datasets / "__init__.py", "}", '    "toy": TOY,')
    an_import = "from hrnet_zoo.datasets.toy import TOY"
    insert_before(datasets / "__init__.py", "from hrnet_zoo.", an_import)
    return tree


def test_a_data_set_with_label_images(tree: Path, tmp_path: Path) -> None:
    shown = hrnet_zoo(tree, "data", "show", "toy")
    assert shown.returncode == 0, shown.stderr
    for text in ("toy: Toy, 2 images, 2 classes", "toy.example", "#00ff00  grass", "labels/"):
        assert text in shown.stdout
    for folder, content in (
        ("images", np.zeros((2, 4, 3), np.uint8)),
        ("labels", np.arange(8, dtype=np.uint8).reshape(2, 4) % 2),
    ):
        (tmp_path / "data/toy" / folder).mkdir(parents=True)
        for name in ("a", "b"):
            Image.fromarray(content).save(tmp_path / f"data/toy/{folder}/{name}.png")
    command = ("data", "check", "toy", "--data-root", tmp_path / "data")
    checked = hrnet_zoo(tree, *command, "--format", "json")
    assert checked.returncode == 0, checked.stderr
    content = json.loads(checked.stdout)
    assert (content["fine"], content["num_pairs"], content["unseen_classes"]) == (True, 2, [])
    (tmp_path / "data/toy/labels/b.png").unlink()
    assert "images without a label file\n    b\n" in hrnet_zoo(tree, *command).stdout
    schema = json.loads(hrnet_zoo(tree, "schema").stdout)
    names = schema["$defs"]["SegmentationSetup"]["properties"]["dataset"]["enum"]
    assert names[-1] == "toy", "rows can name it"
