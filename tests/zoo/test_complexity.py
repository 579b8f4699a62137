"""Parameters and multiply-adds: counted right, stored as counted, and shown."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from count_complexity import count_multiply_adds, distinct_rows, entry
from fill import BACKBONES, DATA
from report.test_report import markdown_rows
from rows import build_row
from support.detection_goldens import ARCHITECTURES, FOLDER
from support.trees import RunCli
from torch import Tensor, nn

from hrnet_zoo import demo
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.detector import Detector, ImageGeometry
from hrnet_zoo.models.detection.heads import MaskHead
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.network_size import CONVENTION
from hrnet_zoo.zoo.complexity import FILE, complexity_of
from hrnet_zoo.zoo.manifest import default_manifest, load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = load_zoo().rows
SEGMENTATION: dict[str, Any] = json.loads((DATA / "multiply_adds.json").read_text())
DETECTION_KEYS: dict[str, Any] = json.loads((FOLDER / "keys" / "index.json").read_text())
STORED = [line.removesuffix(",") for line in FILE.read_text(encoding="utf-8").splitlines()[1:-1]]
REGENERATE = "run: python tools/count_complexity.py > hrnet_zoo/zoo/complexity.json"
W48 = "fcn_hr48_512x1024_40k_cityscapes"

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


def on_every_layer(model: nn.Module, hook: Hook) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(hook)


def plain_multiply_adds(model: nn.Module, size: tuple[int, int]) -> int:
    """Count layer by layer: every value of a result, times the products that it is the sum of."""
    doubled = {part.upsample for part in model.modules() if isinstance(part, MaskHead)}
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features
        elif isinstance(layer, nn.ConvTranspose2d):
            # Every value going in is sent to a patch of every map coming out.
            total += inputs[0].numel() * layer.out_channels * math.prod(layer.kernel_size)
        else:
            assert isinstance(layer, nn.Conv2d)
            per_group = layer.in_channels // layer.groups
            total += output.numel() * per_group * math.prod(layer.kernel_size)
        if layer in doubled:
            # What follows is the classifier of one class, not a layer: a product per value.
            total += output.numel()

    on_every_layer(model, count)
    run_all_parts(model, torch.empty(1, 3, *size, device="meta"))
    return total


def run_all_parts(model: nn.Module, image: Tensor) -> None:
    model.run_all_parts(image) if isinstance(model, Detector) else model(image)


def published_parameters(row: Row) -> int:
    setup = row.setup
    if row.task == "detection":
        short = {value: key for key, value in ARCHITECTURES.items()}
        name = "htc_x101"
        if setup.architecture != name:
            name = f"{short[setup.architecture]}_{setup.backbone}"
        parameters: int = DETECTION_KEYS[name]["parameters"]
        return parameters
    width = {value: key for key, value in BACKBONES.items()}.get(setup.backbone)
    file = f"keys/{width}_{setup.num_classes}.txt.gz"
    if row.task == "classification":
        file = f"classification/keys/{setup.backbone}.txt.gz"
    packed = (DATA / file).read_bytes()
    entries = [line.split(" ") for line in gzip.decompress(packed).decode().splitlines()]
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return sum(
        math.prod(map(int, shape.split(",")))
        for key, shape, _ in entries
        if not key.endswith(buffers)
    )


@pytest.mark.parametrize("row", distinct_rows(), ids=lambda row: row.name)
def test_the_file_holds_what_is_counted(row: Row) -> None:
    assert entry(row) in STORED, REGENERATE


def test_the_file_holds_nothing_else() -> None:
    assert len(STORED) == len(distinct_rows()), REGENERATE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_parameters_are_the_published_layouts(row: Row) -> None:
    counted = complexity_of(row)
    assert counted is not None
    assert counted.parameters == published_parameters(row)


def test_multiply_adds_of_the_37_segmentation_rows_are_upstreams() -> None:
    assert len(SEGMENTATION) == 37
    for row in ROWS[:37]:
        expected, counted = SEGMENTATION[row.name], complexity_of(row)
        assert counted is not None
        assert list(counted.input_size) == expected["input"]
        assert round(counted.multiply_adds / 1e9, 2) == expected["gmacs"]


def test_detectors_get_the_box_of_the_resize_padded() -> None:
    sizes = {TASKS[row.task].input_size(row.setup) for row in ROWS if row.task == "detection"}
    assert sizes == {(800, 1344)}


@pytest.mark.parametrize("architecture", ["fcn_hrnet", *DETECTORS])
def test_counting_layer_by_layer_gives_the_same(architecture: str) -> None:
    row = next(row for row in ROWS if row.setup.architecture == architecture)
    with torch.device("meta"):
        model = build_row(row)
    size = TASKS[row.task].input_size(row.setup)
    assert count_multiply_adds(TASKS[row.task], model, size) == plain_multiply_adds(model, size)


@pytest.mark.parametrize("architecture", sorted(set(DETECTORS) - {"htc_x101"}))
def test_the_layers_counted_are_those_that_detect(architecture: str) -> None:
    """Otherwise a branch could be forgotten or counted twice."""
    torch.manual_seed(0)
    model = build_detector(architecture, backbone="w5_small", num_classes=3, channels=32)
    called: Counter[nn.Module] = Counter()
    on_every_layer(model, lambda layer, *_: called.update([layer]))
    image = torch.rand(1, 3, 256, 256)
    geometry = ImageGeometry(size=(256, 256), scale_factors=(1.0, 1.0))
    with torch.no_grad():
        model(image, geometry, score_threshold=0.0)
        detecting = dict(called)
        called.clear()
        run_all_parts(model, image)
    assert dict(called) == detecting


def test_show(run_cli: RunCli) -> None:
    out = run_cli("show", W48).out
    assert "  parameters         65.86 M\n" in out
    assert "  multiply-adds      747.51 G at 1024 x 2048 (height x width)\n" in out
    assert CONVENTION in " ".join(out.split())
    content = json.loads(run_cli("show", W48, "--format", "json").out)
    assert content["parameters"] == 65_858_659
    assert content["multiply_adds"] == 747_513_053_184
    assert content["multiply_adds_input"] == [1024, 2048]


def test_show_of_what_was_not_counted(tmp_path: Any, run_cli: RunCli) -> None:
    text = default_manifest().read_text()
    other = tmp_path / "zoo.yaml"
    other.write_text(text.replace("scale: [2048, 1024]", "scale: [1024, 512]", 1))
    assert f"name: {ROWS[0].name}" in text.partition("scale:")[0]
    assert "not counted" in run_cli("show", ROWS[0].name, "--zoo", other).out
    content = json.loads(run_cli("show", ROWS[0].name, "--zoo", other, "--format", "json").out)
    assert content["multiply_adds"] is None


def test_the_demos_networks_are_counted(run_cli: RunCli) -> None:
    for row in load_zoo(demo.MANIFEST).rows:
        out = run_cli("show", row.name, "--zoo", demo.MANIFEST).out
        assert "multiply-adds" in out


def test_lists_for_programs(run_cli: RunCli) -> None:
    listed = json.loads(run_cli("list", "--format", "json").out)
    assert all(row["parameters"] > 1e6 and row["multiply_adds"] > 1e9 for row in listed)
    lines = run_cli("list", "--format", "csv").out.splitlines()
    assert ",65858659," in lines[3]
    assert ",1024 x 2048," in lines[3]


def test_tables_with_size(run_cli: RunCli) -> None:
    plain = markdown_rows(run_cli("report", "tables").out)
    finished = run_cli("report", "tables", "--with-size")
    rows = markdown_rows(finished.out)
    assert len(rows) == len(plain) == len(ROWS) == 76
    assert finished.out.count(CONVENTION) == 3
    for row, cells, printed in zip(ROWS, rows, plain, strict=True):
        counted = complexity_of(row)
        assert counted is not None
        assert cells == printed | {
            "Params (M)": f"{counted.parameters / 1e6:.2f}",
            "MACs (G)": f"{counted.multiply_adds / 1e9:.2f}",
            "at (height x width)": "{} x {}".format(*counted.input_size),
        }
