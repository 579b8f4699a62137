"""Work in a process of its own that does not end as it should; it has to find it by import."""

from __future__ import annotations

import os
import signal
import time

from hrnet_zoo.runs.score import Asked


def hang(asked: Asked, _: object) -> None:
    """Stand for what pycocotools does with a mask that it never ends with."""
    assert asked.dataset == "coco"
    time.sleep(60)


def crash(*_: object) -> None:
    """Stand for what it does with others."""
    os.kill(os.getpid(), signal.SIGSEGV)
