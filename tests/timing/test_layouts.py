"""Networks are computed in the layout that is faster, which GPUs are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from fill import small_segmentor
from support.trees import RunCli
from torch import Tensor, nn

import hrnet_zoo.demo
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.inputs import image_from_file
from hrnet_zoo.timing.layouts import faster_layout, has_to_be_measured
from hrnet_zoo.timing.observations import Layout, LayoutMeasured
from hrnet_zoo.timing.variants import Recipe
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = load_zoo(hrnet_zoo.demo.MANIFEST).rows
IMAGE = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))[0]
CPU = torch.device("cpu")
LAYOUTS: dict[Layout, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


class Convolution(nn.Module):
    """Takes so many seconds of a clock of its own, by the layout of its input and its weights."""

    def __init__(self, seconds: dict[torch.memory_format, float]) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.seconds = seconds
        self.now = 0.0
        self.calls: list[torch.memory_format] = []

    def forward(self, image: Tensor) -> Tensor:
        (layout,) = (form for form in LAYOUTS.values() if image.is_contiguous(memory_format=form))
        assert self.layer.weight.is_contiguous(memory_format=layout)
        # What comes first takes longer in any case: kernels are chosen.
        self.now += self.seconds[layout] if layout in self.calls else 9
        self.calls.append(layout)
        return self.layer(image)  # type: ignore[no-any-return]


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CPU be measured as GPUs are."""
    for module in ("layouts", "variants"):
        name = f"hrnet_zoo.timing.{module}.has_to_be_measured"
        monkeypatch.setattr(name, lambda _device, dtype: dtype == torch.float32)


def test_it_is_known_of_cpus_and_of_half_precision() -> None:
    gpu = torch.device("cuda", 0)
    assert has_to_be_measured(gpu, torch.float32)
    for device, dtype in ((CPU, torch.float32), (gpu, torch.float16), (gpu, torch.bfloat16)):
        assert not has_to_be_measured(device, dtype)
    network = nn.Conv2d(3, 4, 3)
    found = faster_layout(network, lambda _: 1 / 0, torch.rand(1, 3, 8, 8))
    assert found == LayoutMeasured(layout="channels_last")
    assert network.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("pretended_gpu")
@pytest.mark.parametrize(
    ("contiguous_s", "channels_last_s", "faster"),
    [(0.25, 0.5, "contiguous"), (0.5, 0.25, "channels_last")],
)
def test_the_faster_layout_is_found_in_turns(
    contiguous_s: float, channels_last_s: float, faster: Layout
) -> None:
    seconds = {torch.contiguous_format: contiguous_s, torch.channels_last: channels_last_s}
    network = Convolution(seconds)
    found = faster_layout(network, network, torch.rand(1, 3, 8, 8), clock=lambda: network.now)
    assert found == LayoutMeasured(
        layout=faster, contiguous_s=contiguous_s, channels_last_s=channels_last_s
    )
    assert network.layer.weight.is_contiguous(memory_format=LAYOUTS[faster])
    assert network.calls == list(LAYOUTS.values()) * 6
    assert not network.layer.weight.is_inference()


@pytest.mark.usefixtures("pretended_gpu")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.task)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_fast_variants_of_every_task_take_it(
    row: Row, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = LayoutMeasured(layout=layout, contiguous_s=1.0, channels_last_s=2.0)
    calls = []

    def measure(network: nn.Module, compute: object, example: Tensor) -> LayoutMeasured:
        with torch.inference_mode():
            compute(example)  # type: ignore[operator]
        calls.append(network)
        return measured

    monkeypatch.setattr("hrnet_zoo.timing.variants.faster_layout", measure)
    networks = TASKS[row.task].networks
    images = [image_from_file(IMAGE)]
    model = networks.build(row.setup)
    bench = networks.timed(row.setup, model, images, None, CPU)
    for precision, expected in (("fp32", layout), ("bf16", "channels_last"), ("fp32", layout)):
        recipe = Recipe(name="fast", fast=True, precision=precision)  # type: ignore[arg-type]
        said = bench.variant(recipe).description
        assert expected.replace("_", "-") in said
    assert list(bench.layouts.items()) == [("fp32", measured)]
    assert len(calls) == 1
    bench.variant(Recipe(name="documented", fast=False))
    assert len(calls) == 1
    given = bench.batch(0, Recipe(name="", fast=True, chosen_layout=layout))
    assert given.is_contiguous(memory_format=LAYOUTS[layout])


@pytest.mark.usefixtures("pretended_gpu")
def test_weights_are_in_the_layout_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    network = small_segmentor()
    coarse_logits = type(network).coarse_logits

    def look(self: nn.Module, image: Tensor) -> Tensor:
        weight = next(part.weight for part in self.modules() if isinstance(part, nn.Conv2d))
        made.append((image.is_contiguous(), weight.is_contiguous()))
        return coarse_logits(self, image)  # type: ignore[arg-type]

    monkeypatch.setattr(type(network), "coarse_logits", look)
    timed = TASKS["segmentation"].networks.timed_network
    for layout, form in LAYOUTS.items():
        fast = timed.fast(network, Recipe(name="", fast=True, chosen_layout=layout))
        fast(torch.rand(1, 3, 64, 64).contiguous(memory_format=form))
    assert made == [(True, True), (False, False)]


@pytest.mark.usefixtures("pretended_gpu")
def test_what_was_measured_is_kept_and_shown(run_cli: RunCli) -> None:
    arguments = (
        "time", ROWS[0].name, "--zoo", hrnet_zoo.demo.MANIFEST, "--device", "cpu", "--scale",
        "96x64", "--limit-seconds", 0.5, "--output", "records", "--processes", 1,
    )  # fmt: skip
    finished = run_cli(*arguments)
    assert finished.code == 0, finished.err
    (record,) = read_records(Path("records"), TimingRecord)
    found = record.layouts["fp32"]
    assert found.contiguous_s
    assert found.channels_last_s
    name = found.layout.replace("_", "-")
    assert f"layout of fast variants in fp32: {name}; the network alone took contig" in finished.out
    assert f"{name}, BatchNorm folded" in record.variants[1].description
    (row,) = json.loads(run_cli(*arguments, "--format", "json").out)
    assert row["layouts"]["fp32"]["layout"] in LAYOUTS
