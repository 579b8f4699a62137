"""A process that breaks in the middle of its images."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import torch

from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.runs import fleet
from hrnet_zoo.runs.looking import Look, Looking


class Breaking:
    """Stands for what a process of a `Fleet` does; that of one device breaks."""

    def __init__(self, how: str, index: int = 1) -> None:
        self.how, self.index = how, index

    def __call__(self, look: Look, device: torch.device, *given: Any) -> None:
        original = Looking.results
        if device.index == self.index:
            Looking.results = self.results(original)  # type: ignore[method-assign]
        fleet._work(look, device, *given)

    def results(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def broken(looking: Any, indices: Any) -> Any:
            for done, result in enumerate(original(looking, indices)):
                if done == 2:
                    self.fail()
                yield result

        return broken

    def fail(self) -> None:
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "damaged":
            raise DatasetError("a.png cannot be decoded. Restore it.")
        raise PrerequisiteError("cpu:1 ran out of memory on an image of 9 x 9 pixels.")
