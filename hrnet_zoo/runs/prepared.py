"""A row made ready to be timed: its weights, its images and its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.records.accuracy import CheckpointUsed
from hrnet_zoo.runs.options import RunOptions
from hrnet_zoo.system.devices import memory_explained
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.inputs import drawn_image, image_from_file
from hrnet_zoo.timing.observations import Engine, InputTimed, Precision, Weights
from hrnet_zoo.timing.variants import TimedNetwork
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class TimeOptions(RunOptions):
    """What to time, and with what; a checkpoint of the user's own wins over ``published``."""

    published: bool = False
    """Whether to use the published weights; else they are filled in."""
    engines: tuple[Engine | Literal["auto"], ...] = ("torch",)
    """"auto" is torch, and OpenVINO where it can be used."""
    precisions: tuple[Precision, ...] = ("fp32",)
    batch: int = 1
    """Images that go through the network together; the documented ways stay at 1."""
    scale: tuple[int, int] | None = None
    """Box (width, height) of the resize; None: the documented one."""
    images: tuple[Path, ...] = ()
    """The first is timed, agreement is over all; none: one is drawn."""
    num_threads: int | None = None
    """Threads within one operation on the CPU; None: torch's choice."""
    limit_s: float = 60.0
    """Seconds of sampling."""
    processes: int = 1
    """That take samples, one after the other; with one, the process that asks."""
    num_twins: int = 0
    """If any: time nothing but the documented way against itself, in so many pairs of processes."""
    keeps_freed_memory: bool = False
    """Whether this process was told to, see `host_memory`; only written down."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedRow:
    """Everything that sampling needs, and the record's words for it."""

    network: TimedNetwork[Any, Any]
    weights: Weights
    checkpoint: CheckpointUsed | None
    input: InputTimed


def prepare(
    row: Row, options: TimeOptions, device: torch.device, progress: Progress
) -> PreparedRow:
    """Get weights and images, and build the network.

    Raises:
        ZooError: something needed is missing or wrong.
    """
    task, documented = TASKS[row.task], TASKS[row.task].box(row.setup)
    scale = options.scale or documented
    with memory_explained(lambda: _too_large(scale)):
        images = [image_from_file(path) for path in options.images]
        images = images or [drawn_image(drawn_size(row, scale))]
    weights: Weights = (
        "own" if options.checkpoint else "published" if options.published else "filled"
    )
    file = None if weights == "filled" else options.file_for(row, progress)
    progress.begin(f"{row.name}: building the network", None, "")
    checkpoint = None
    if file is None:
        with torch.device("meta"):
            model = task.networks.build(row.setup)
        task.networks.fill(model, images[0], row.setup)
    else:
        loaded = task.networks.load(row.name, row.setup, file.path, torch.device("cpu"))
        model, checkpoint = loaded.model, options.checkpoint_used(row, file, loaded.taken)
    with memory_explained(lambda: _too_large(scale)):
        network = task.networks.timed(row.setup, model, images, options.scale, device)
    return PreparedRow(
        network=network,
        weights=weights,
        checkpoint=checkpoint,
        input=InputTimed(
            images=[image.name for image in images],
            image_size=images[0].size,
            network_input=network.network_input,
            scale=scale,
            is_documented_scale=scale == documented,
            window=network.window,
        ),
    )


def drawn_size(row: Row, scale: tuple[int, int]) -> tuple[int, int]:
    """Return the usual (width, height) of a data set's images, to draw one that is timed.

    With another box than the documented one it becomes smaller or larger: a small input whose
    labels were enlarged to full size would be timed for little else.
    """
    width, height = DATASETS[row.setup.dataset].typical_image
    documented = TASKS[row.task].box(row.setup)
    factor = min(max(scale) / max(documented), min(scale) / min(documented))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _too_large(scale: tuple[int, int]) -> str:
    return (
        f"Main memory ran out while images for a box of {scale[0]} x {scale[1]} pixels were made "
        "ready. Free some, or pass a smaller --scale; nothing was made smaller to fit."
    )
