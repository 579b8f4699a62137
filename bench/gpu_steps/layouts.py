"""Networks in both layouts and three precisions: how fast, and how many answers change."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from itertools import product

import torch

from gpu_steps.notes import Notes, Session
from hrnet_zoo.models.folding import folded
from hrnet_zoo.runs.prepared import drawn_size
from hrnet_zoo.system.devices import synchronised_time
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.inputs import drawn_image
from hrnet_zoo.timing.layouts import FORMATS
from hrnet_zoo.timing.observations import Precision
from hrnet_zoo.timing.variants import DTYPES, Recipe, settings_for
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

FCN = "fcn_{}_512x1024_40k_cityscapes"
NETWORKS: dict[str, tuple[int, int] | None] = {
    FCN.format("hr18s"): (1024, 512),
    FCN.format("hr18"): (1024, 512),
    FCN.format("hr48"): (1024, 512),
    "mask_rcnn_hrnetv2p_w18_1x_coco": None,
}
"""Rows, and boxes (width, height) instead of the documented ones."""
SMALL: dict[str, tuple[int, int] | None] = {FCN.format("hr18s"): (64, 32)}
PRECISIONS: tuple[Precision, ...] = ("fp32", "tf32", "fp16")
WARM_UPS, RUNS = 3, 20


def run(session: Session, notes: Notes) -> None:
    """Take all networks in turn."""
    zoo = load_zoo()
    for name, scale in session.sized(NETWORKS, SMALL).items():
        _measure(zoo.row(name), scale, session, notes)
    notes.remark(
        "Times are of the network alone, of Mask R-CNN of backbone and neck, with folded BatchNorm "
        "and cudnn.benchmark. Equal is the share of labels, or of matched detections, that are "
        "those of contiguous fp32; weights are filled, so few answers are sure of themselves."
    )


def _measure(row: Row, scale: tuple[int, int] | None, session: Session, notes: Notes) -> None:
    task, device = TASKS[row.task], torch.device(session.device)
    image = drawn_image(drawn_size(row, scale or task.box(row.setup)))
    with torch.device("meta"):
        model = task.networks.build(row.setup)
    task.networks.fill(model, image, row.setup)
    network = task.networks.timed(row.setup, model, [image], scale, device)
    reference = None
    for layout, precision in product(FORMATS, PRECISIONS):
        recipe = Recipe(name=layout, fast=True, precision=precision, chosen_layout=layout)
        part, compute = network.convolutional(folded(model))
        part.to(device, DTYPES[precision]).to(memory_format=FORMATS[layout])
        example = network.batch(0, recipe).to(device, DTYPES[precision])
        example = example.contiguous(memory_format=FORMATS[layout])
        answering = network.computation(recipe)
        with settings_for(recipe)(), torch.inference_mode():
            seconds = _median_s(partial(compute, example), device, session.sized(RUNS, 1))
            answer = answering.answer(0)
        reference = answer if reference is None else reference
        agreement = network.agreement(reference, answer)
        notes.row(
            "Layouts and precisions",
            network=row.name, layout=layout, precision=precision,
            median_ms=seconds * 1000, equal=round(agreement.share, 7),
            largest_logit_difference=agreement.largest_logit_difference,
        )  # fmt: skip


def _median_s(work: Callable[[], object], device: torch.device, runs: int) -> float:
    taken = []
    for _ in range(WARM_UPS + runs):
        begin = synchronised_time(device)
        work()
        taken.append(synchronised_time(device) - begin)
    return statistics.median(taken[WARM_UPS:])
