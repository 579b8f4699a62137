"""Whether images arrive whole at a GPU that is busy."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpu_steps.notes import Notes, Session
from hrnet_zoo.tasks.upload import Arrays, GpuLink, Receive, sent_ahead

LARGEST = (1000, 1500)
"""(height, width)"""
PRIME = 65521


def run(session: Session, notes: Notes) -> None:
    """Send images of random sizes while products keep the GPU busy, and compare checksums."""
    count, (height, width) = session.sized((500, LARGEST), (20, (60, 90)))
    device, rng = torch.device(session.device), np.random.default_rng(0)
    sizes = rng.integers(1, (height, width), (count, 2), endpoint=True)
    noise = rng.integers(0, 256, (height + 8, width, 3), np.uint8)
    sent: list[list[int]] = []

    def image(i: int) -> list[NDArray[np.uint8]]:
        pixels = noise[i % 8 :][: sizes[i, 0], : sizes[i, 1]]
        sent.append(checksum(torch.from_numpy(pixels.copy())).tolist())
        return [pixels]

    load = torch.full((session.sized(4096, 64),) * 2, 0.5, device=device)
    send = _at_once if session.is_rehearsal else GpuLink(device).send
    arrived, begin = [], time.monotonic()
    for _, (pixels,) in sent_ahead(iter(range(count)), image, send):
        load = (load @ load).clamp(max=1)
        # Queued behind the product: what overwrote the image by then would be found.
        arrived.append(checksum(pixels))
    wrong = sum(one.tolist() != other for one, other in zip(arrived, sent, strict=True))
    notes.row("Uploads", images=count, wrong=wrong, seconds=time.monotonic() - begin)
    notes.expect(wrong == 0, f"{wrong} of {count} images were not what was sent")
    if session.is_rehearsal:
        notes.remark("On a CPU images are copied at once; there is no link to try.")


def checksum(pixels: Tensor) -> Tensor:
    """Return two sums of bytes, one of them by their places, as int64 [2] on the same device."""
    values = pixels.flatten().to(torch.int64)
    places = torch.arange(len(values), device=values.device) % PRIME + 1
    return torch.stack([values.sum(), (values * places).sum()])


def _at_once(arrays: Arrays) -> Receive:
    copies = [torch.from_numpy(array.copy()) for array in arrays]
    return lambda: copies
