"""Predict the training memory of all rows that document it; about ten minutes.

python tools/predict_memory.py > hrnet_zoo/verdicts/training_memory.json

Every other row of a family is held against these: see `hrnet_zoo/verdicts/memory.py`.
"""

from __future__ import annotations

import json
from functools import partial

import torch

from hrnet_zoo.memory.peaks import predicted_peak
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.manifest import load_zoo


def main() -> None:
    """Print an array with one row a line."""
    known: dict[Workload, int] = {}
    lines = []
    for row in load_zoo().rows:
        task, documented = TASKS[row.task], row.documented("train_memory_gb")
        if documented is None:
            continue
        work = task.networks.training.of(row.setup)
        if work not in known:
            known[work] = predicted_peak(partial(work.prepare, torch.device("cpu")))
        content = {
            "name": row.name,
            "family": task.memory_family(row.setup),
            "documented": str(documented),
            "predicted": known[work],
        }
        lines.append(json.dumps(content))
    print("[\n" + ",\n".join(lines) + "\n]")


if __name__ == "__main__":
    main()
