"""Images in Cityscapes' layout and a checkpoint, neither of them anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from gpu_steps.notes import Session
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.timing.inputs import drawn_image
from hrnet_zoo.zoo.manifest import load_zoo

ROW = "fcn_hr18_512x1024_40k_cityscapes"
ROW_OF_REHEARSALS = "fcn_hr18s_512x1024_40k_cityscapes"
SIZE = (2048, 1024)
NARROW = (2048, 16)
"""(width, height) that the documented resize leaves alone although it is small."""


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """What `verify` and `predict` need, as options of theirs."""

    row: str
    checkpoint: Path
    data_root: Path
    image: Path


def make_up(session: Session, folder: Path, num_images: int) -> MadeUp:
    """Write a checkpoint with filled weights, and drawn images with valid labels."""
    row = load_zoo().row(session.sized(ROW, ROW_OF_REHEARSALS))
    drawn = drawn_image(session.sized(SIZE, NARROW))
    networks = TASKS[row.task].networks
    with torch.device("meta"):
        model = networks.build(row.setup)
    networks.fill(model, drawn, row.setup)
    checkpoint = folder / "filled.pth"
    torch.save({"state_dict": model.state_dict()}, checkpoint)
    labels = np.indices(drawn.size).sum(axis=0) // 64 % 19
    written = []
    for kind, suffix, content in (
        ("leftImg8bit", "leftImg8bit", drawn.pixels[:, :, ::-1]),
        ("gtFine", "gtFine_labelTrainIds", labels.astype(np.uint8)),
    ):
        city = folder / "cityscapes" / kind / "val" / "drawn"
        city.mkdir(parents=True)
        encoded = cv2.imencode(".png", content)[1].tobytes()
        for i in range(num_images):
            written.append(city / f"drawn_{i:06d}_000019_{suffix}.png")
            written[-1].write_bytes(encoded)
    return MadeUp(row=row.name, checkpoint=checkpoint, data_root=folder, image=written[0])
