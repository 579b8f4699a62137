"""What CONTRIBUTING says about adding a metric or a network is enough: done here, on a copy."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from support.package_copy import copy_of_package, hrnet_zoo, insert_before, replace_once
from test_docs import ROOT

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.demo import DATA_ROOT

FCN = "fcn_hr5s_180x270_2k_scenes"
IMAGE = next((DATA_ROOT / "scenes").rglob("*_leftImg8bit.*"))

# As CONTRIBUTING has it, indented as the entries of METRICS are.
_CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
_SNIPPET = re.search(r"```python\n(  Metric\(.*?)  ```", _CONTRIBUTING, re.DOTALL)
assert _SNIPPET is not None
MEAN_ACCURACY = textwrap.indent(_SNIPPET[1].rstrip(), "  ") + ","

# The file that a network needs. Its backbone's number is its channels, so that rows can set them.
STRIPES = '''"""Stripes: two convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from hrnet_zoo.models.segmentor import Segmentor


class Stripes(Segmentor):
    """A strided convolution, and one that classifies."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, stride=4, padding=1)
        self.last = nn.Conv2d(channels, num_classes, 1)

    def coarse_logits(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] to [N, K, H/4, W/4]."""
        logits: Tensor = self.last(self.stem(image).relu())
        return logits

    @property
    def classifier(self) -> nn.Conv2d:
        """The second convolution."""
        return self.last


def build_stripes(backbone: str, num_classes: int) -> Stripes:
    """Return an untrained network; "w8" has eight channels."""
    return Stripes(int(backbone.removeprefix("w")), num_classes)
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of_package(tmp_path / "tree")


def test_a_metric(tree: Path, tmp_path: Path) -> None:
    """How a number is added that follows from what a task counts already.

    1. An entry in `METRICS` of the task's `metrics.py`: name, column titles, and `value_of`.
    2. In `zoo.yaml`, the column of the table, and the printed cell of each row.

    From then on it is verified, shown, exported and compared like the others.
    """
    insert_before(
        tree / "hrnet_zoo/tasks/segmentation/metrics.py", ")", MEAN_ACCURACY, after="METRICS"
    )
    manifest = tree / "hrnet_zoo/demo/zoo.yaml"
    replace_once(manifest, "      mIoU: miou\n", "      mIoU: miou\n      mAcc: macc\n")
    replace_once(manifest, '      miou: "81.59"\n', '      miou: "81.59"\n      macc: "12.34"\n')

    command = ("verify", FCN, "--zoo", manifest, "--data-root", DATA_ROOT, "--output", tmp_path)
    finished = hrnet_zoo(tree, *command, "--metrics", "miou,macc", "--device", "cpu")
    assert finished.returncode == 1, finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()]
    assert [row[:2] + row[4:] for row in rows if len(row) > 1 and row[0] in ("mIoU", "mAcc")] == [
        ["mIoU", "81.59", "match"],
        ["mAcc", "12.34", "mismatch", "(better)"],
    ]

    [path] = (tmp_path / FCN).glob("*.json")
    record = json.loads(path.read_text())
    by_name = {found["metric"]: found for found in record["measurements"]}
    assert list(by_name) == ["miou", "macc"]
    assert by_name["macc"]["value"] == by_name["miou"]["figures"]["macc"]
    interval = by_name["macc"]["interval"]
    assert interval["low"] < by_name["macc"]["value"] < interval["high"]
    images = path.with_name(record["images_file"]).read_text().partition('"ended"')[0]
    assert '"single"' in images
    assert '"macc"' not in images, "what is kept of images is counted once, for both"

    shown = hrnet_zoo(tree, "show", FCN, "--zoo", manifest)
    assert "12.34" in shown.stdout


def add_stripes(tree: Path) -> None:
    models = tree / "hrnet_zoo/models"
    (models / "stripes.py").write_text(STRIPES)
    insert_before(models / "__init__.py", "}", '    "stripes": build_stripes,', after="SEGMENTORS")
    an_import = "from hrnet_zoo.models.stripes import build_stripes"
    insert_before(models / "__init__.py", "from hrnet_zoo.", an_import)
    setup = tree / "hrnet_zoo/tasks/segmentation/setup.py"
    replace_once(setup, 'Literal["fcn_hrnet"]', 'Literal["fcn_hrnet", "stripes"]')


def save_one_class(folder: Path, label: int) -> str:
    """Save weights with which every pixel gets one class; return the file's name."""
    bias = torch.zeros(7)
    bias[label] = 1
    state = {
        "stem.weight": torch.zeros(8, 3, 3, 3),
        "stem.bias": torch.zeros(8),
        "last.weight": torch.zeros(7, 8, 1, 1),
        "last.bias": bias,
    }
    path = folder / "stripes_180x270_scenes.pth"
    torch.save({"state_dict": state}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(path.with_stem(f"{path.stem}-{digest}")).name


def miou_of_one_class(label: int) -> float:
    """Return the mIoU of a network that sees one class everywhere, from the labels alone."""
    samples = DATASETS["scenes"].open(DATA_ROOT)
    labels = np.concatenate([samples.load(i).label.ravel() for i in range(len(samples))])
    counted = labels[labels != 255]
    assert set(counted.tolist()) == set(range(7))
    return float(100 * (counted == label).mean() / 7)


def test_a_network(tree: Path, tmp_path: Path) -> None:
    """How a segmentor is added.

    1. A file in `models/` with a `Segmentor` and a function that builds it.
    2. A line in `SEGMENTORS` of `models/__init__.py`: the architecture's name and that function.
    3. The name in the `Literal` of `architecture` in `tasks/segmentation/setup.py`.
    """
    add_stripes(tree)
    manifest = tree / "hrnet_zoo/demo/zoo.yaml"
    lines = manifest.read_text().splitlines()
    start = lines.index(f"  - name: {FCN}")
    end = next(i for i in range(start + 1, len(lines)) if lines[i].startswith("  - name:"))
    row = "\n".join(lines[start:end])
    link = next(line for line in lines[start:end] if "checkpoint_url" in line)
    file = save_one_class(manifest.parent / "checkpoints", label=0)
    for old, new in (
        (link, f"    checkpoint_url: checkpoints/{file}"),
        (f"name: {FCN}", "name: stripes_180x270_scenes"),
        ("position: 0", "position: 1"),
        ("architecture: fcn_hrnet", "architecture: stripes"),
        ("backbone: w5_small", "backbone: w8"),
        ("HRNetV2-W5-Small", "Stripes"),
        ('"81.59"', f'"{miou_of_one_class(0):.2f}"'),
    ):
        assert old in row
        row = row.replace(old, new)
    insert_before(manifest, lines[end], row)
    name, zoo = "stripes_180x270_scenes", ("--zoo", manifest, "--device", "cpu")

    schema = json.loads(hrnet_zoo(tree, "schema").stdout)
    setup = schema["$defs"]["SegmentationSetup"]["properties"]
    assert setup["architecture"]["enum"] == ["fcn_hrnet", "stripes"]

    verified = hrnet_zoo(tree, "verify", name, *zoo, "--data-root", DATA_ROOT, "--output", tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert " match" in verified.stdout

    predicted = hrnet_zoo(tree, "predict", name, IMAGE, *zoo, "--out", tmp_path / "seen")
    assert predicted.returncode == 0, predicted.stderr
    assert "100" in predicted.stdout, "one class is everywhere"
    assert list((tmp_path / "seen").iterdir())

    timing: tuple[object, ...] = ("time", name, *zoo, "--limit-seconds", "1", "--processes", "1")
    timing = (*timing, "--format", "json")
    timed = hrnet_zoo(tree, *timing, "--output", tmp_path / "times")
    assert timed.returncode == 0, timed.stderr
    assert "stripes" in timed.stdout
