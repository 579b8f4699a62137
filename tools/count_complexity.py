"""Count what the rows' networks hold and compute, the demo's included; about a minute.

python tools/count_complexity.py > hrnet_zoo/zoo/complexity.json

Networks run on the meta device, where tensors have shapes but no values, so even the largest takes
less than a second. What is counted is said by `CONVENTION`.

What runs here is counted, which for two parts is less than upstream computes: a mask head's last
convolution for each object's own class instead of all 80 (1.6 G less per head), and HTC's semantic
logits, which only training looks at (0.8 G less).
"""

from __future__ import annotations

import json

import torch
from torch import nn

from hrnet_zoo import demo
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.network_size import Complexity
from hrnet_zoo.tasks.setup import Setup
from hrnet_zoo.tasks.task import Task
from hrnet_zoo.timing.bottlenecks import multiply_adds
from hrnet_zoo.zoo.complexity import identity
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row


def count_complexity(task: Task, setup: Setup) -> Complexity:
    """Return the size of a setup's network, and what it computes in the documented test."""
    with torch.device("meta"):
        model = task.networks.build(setup)
    size = task.input_size(setup)
    return Complexity(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        multiply_adds=count_multiply_adds(task, model, size),
        input_size=size,
    )


def count_multiply_adds(task: Task, model: nn.Module, size: tuple[int, int]) -> int:
    """Return what a network on the meta device computes for one input of (height, width).

    The network loses its BatchNorm: that has no multiply-adds, and takes a third of the time.
    """
    for module in list(model.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.device("meta"):
        return multiply_adds(lambda: task.networks.run_all_parts(model, torch.empty(1, 3, *size)))


def distinct_rows() -> list[Row]:
    """Return one row for each network and input, in the order of the manifests."""
    rows = (*load_zoo().rows, *load_zoo(demo.MANIFEST).rows)
    return list({json.dumps(identity(row)): row for row in rows}.values())


def entry(row: Row) -> str:
    """Return a row's line of the file."""
    counted = count_complexity(TASKS[row.task], row.setup)
    content = {
        "parameters": counted.parameters,
        "multiply_adds": counted.multiply_adds,
        "input": counted.input_size,
        "row": identity(row),
    }
    return json.dumps(content)


if __name__ == "__main__":
    print("[\n" + ",\n".join(entry(row) for row in distinct_rows()) + "\n]")
