"""What the trainings of the demo's networks share: scenes, the loop, and the published file."""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from render_demo import TRAINING_SEEDS
from scenes.picture import Bytes
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
SPLIT = ROOT / "hrnet_zoo" / "demo" / "data" / "scenes"
CHECKPOINTS = ROOT / "hrnet_zoo" / "demo" / "checkpoints"
TRAINING_SCENES = 1200
WEIGHT_DECAY = 0.01
RENDERERS = 2
"""Processes that draw."""

Drawn = TypeVar("Drawn")


def seeded(seed: int) -> np.random.Generator:
    """Seed torch, and return the generator of everything else that is left to chance."""
    torch.manual_seed(seed)
    # A second thread would save two fifths of the time at best, sum in another order, and make
    # everything crawl while another program uses its core.
    torch.set_num_threads(1)
    return np.random.Generator(np.random.PCG64(seed))


def training_scenes(draw: Callable[[int], Drawn], number: int = TRAINING_SCENES) -> list[Drawn]:
    """Return what ``draw`` makes of the first seeds of the training split."""
    started = time.monotonic()
    with ProcessPoolExecutor(RENDERERS) as pool:
        drawn = list(pool.map(draw, TRAINING_SEEDS[:number], chunksize=20))
    print(f"rendered {len(drawn)} training scenes in {time.monotonic() - started:.0f} s")
    return drawn


def relit(image: Bytes, rng: np.random.Generator) -> Bytes:
    """Return an image with its light changed a little."""
    lit = image * rng.uniform(0.85, 1.15) + rng.uniform(-12, 12)
    result: Bytes = np.clip(lit, 0, 255).astype(np.uint8)
    return result


def minimise(
    network: nn.Module, next_loss: Callable[[], Tensor], *, iterations: int, max_rate: float
) -> None:
    """Train a network, its learning rate rising once and falling to nothing.

    Args:
        network: in training mode.
        next_loss: the loss of the next batch; one value.
        iterations: batches.
        max_rate: the highest learning rate.
    """
    started = time.monotonic()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_rate, total_steps=iterations, pct_start=0.15
    )
    recent: list[float] = []
    for iteration in range(1, iterations + 1):
        loss = next_loss()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        recent.append(float(loss.detach()))
        if iteration % 100 == 0:
            seconds = time.monotonic() - started
            print(f"{iteration}: loss {np.mean(recent[-100:]):.4f}, {seconds:.0f} s", flush=True)


def state_of(network: nn.Module) -> OrderedDict[str, Tensor]:
    """Return the weights as they go into the file."""
    return OrderedDict(
        (key, value.detach().cpu().contiguous()) for key, value in network.state_dict().items()
    )


def publish(checkpoint: dict[str, Any], entry: str, output: Path) -> Path:
    """Save under upstream's naming, date and hash included, in place of the entry's older files."""
    output.mkdir(parents=True, exist_ok=True)
    unnamed = output / f"{entry}.pth"
    torch.save(checkpoint, unnamed)
    digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
    for older in output.glob(f"{entry}_*.pth"):
        older.unlink()
    path = output / f"{entry}_{datetime.now(tz=UTC):%Y%m%d}-{digest[:8]}.pth"
    unnamed.rename(path)
    print(f"{path.name}: {path.stat().st_size} bytes")
    return path


def state_in(path: Path) -> dict[str, Tensor]:
    """Return the weights in a published file."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    state: dict[str, Tensor] = content["state_dict"]
    return state


def length_of(iterations: int) -> str:
    """Return a training's length as names of entries give it: "2k", or "150"."""
    return f"{iterations // 1000}k" if iterations % 1000 == 0 else str(iterations)


def command_line(description: str, *, iterations: int) -> argparse.ArgumentParser:
    """Return a training's options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--iterations", type=int, default=iterations)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=CHECKPOINTS)
    parser.add_argument("--evaluate-only", type=Path, metavar="CHECKPOINT")
    return parser
