"""Fewer images than the demo has, for what takes long with each of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hrnet_zoo.tasks.task import Task

STEP = 9
"""Bfloat16 is slow on most processors, so it is for every ninth image only."""


def open_every_ninth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every data set that is opened from now on consist of every ninth of its images."""
    opened = Task.open_data

    def open_data(task: Task, setup: Any, folder: Path) -> Any:
        samples: Any = opened(task, setup, folder)
        return replace(samples, images=samples.images[::STEP])

    monkeypatch.setattr(Task, "open_data", open_data)
