"""Train the demo zoo's network, and score it in the plainest way there is.

The network learns from scenes drawn afresh, none of which is in the validation split. The score at
the end shares no code with the package's own evaluation: its only purpose is to be obviously right.

    python bench/train_demo.py [--iterations 2000] [--seed 0] [--output DIR]
    python bench/train_demo.py --evaluate-only CHECKPOINT
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from render_demo import TRAINING_SEEDS
from scenes.picture import HEIGHT, IGNORED, WIDTH
from scenes.render import render_scene
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.models import build_segmentor

ROOT = Path(__file__).resolve().parents[1]
SPLIT = ROOT / "hrnet_zoo" / "demo" / "data" / "scenes"
BACKBONE = "w5_small"
MODEL = "fcn_hr5s"
NUM_CLASSES = len(class_table("scenes").names)
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

TRAINING_SCENES = 1200
BATCH_SIZE = 8
CROP = (128, 192)
MAX_RATE = 4e-3
WEIGHT_DECAY = 0.01
RENDERERS = 2
"""Processes that draw."""

Bytes = npt.NDArray[np.uint8]


def new_network() -> nn.Module:
    """Return the untrained network."""
    return build_segmentor("fcn_hrnet", backbone=BACKBONE, num_classes=NUM_CLASSES)


def normalised(images: Bytes) -> Tensor:
    """Map RGB pictures [N, H, W, 3] to what the network takes, [N, 3, H, W]."""
    pixels = torch.from_numpy(images.astype(np.float32))
    return ((pixels - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)


# ------------------------------------------------------------------------------------- training


def render_pair(seed: int) -> tuple[Bytes, Bytes]:
    """Return image and label map of a scene."""
    scene = render_scene(seed)
    return scene.image, scene.label


def training_scenes(count: int) -> tuple[Bytes, Bytes]:
    """Render the training split: images [N, H, W, 3] and label maps [N, H, W]."""
    with ProcessPoolExecutor(RENDERERS) as pool:
        pairs = list(pool.map(render_pair, TRAINING_SEEDS[:count], chunksize=20))
    return np.stack([image for image, _ in pairs]), np.stack([label for _, label in pairs])


def augmented(image: Bytes, label: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Return a random crop of a scene, mirrored half of the time, with its light changed."""
    top = int(rng.integers(HEIGHT - CROP[0] + 1))
    left = int(rng.integers(WIDTH - CROP[1] + 1))
    window = slice(top, top + CROP[0]), slice(left, left + CROP[1])
    image, label = image[window], label[window]
    if rng.random() < 0.5:
        image, label = image[:, ::-1], label[:, ::-1]
    lit = image * rng.uniform(0.85, 1.15) + rng.uniform(-12, 12)
    return np.clip(lit, 0, 255).astype(np.uint8), label


def random_batch(images: Bytes, labels: Bytes, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return normalised crops [N, 3, h, w] and their labels [N, h, w]."""
    chosen = rng.choice(len(images), BATCH_SIZE, replace=False)
    pairs = [augmented(images[i], labels[i], rng) for i in chosen]
    crops = normalised(np.stack([image for image, _ in pairs]))
    targets = torch.from_numpy(np.stack([label for _, label in pairs]).astype(np.int64))
    return crops.contiguous(memory_format=torch.channels_last), targets


def train(iterations: int, seed: int) -> nn.Module:
    """Return a network trained from random weights, in eval mode."""
    torch.manual_seed(seed)
    # A second thread would save two fifths of the time at best, sum in another order, and make
    # everything crawl while another program uses its core.
    torch.set_num_threads(1)
    rng = np.random.Generator(np.random.PCG64(seed))
    started = time.monotonic()
    images, labels = training_scenes(TRAINING_SCENES)
    print(f"rendered {len(images)} training scenes in {time.monotonic() - started:.0f} s")
    network = new_network().train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, MAX_RATE, total_steps=iterations, pct_start=0.15
    )
    recent: list[float] = []
    for iteration in range(1, iterations + 1):
        crops, targets = random_batch(images, labels, rng)
        loss = F.cross_entropy(network(crops), targets, ignore_index=IGNORED)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        recent.append(float(loss.detach()))
        if iteration % 100 == 0:
            seconds = time.monotonic() - started
            print(f"{iteration}: loss {np.mean(recent[-100:]):.4f}, {seconds:.0f} s", flush=True)
    return network.eval()


# --------------------------------------------------------------------------------- plain scoring


def split_pairs() -> list[tuple[Path, Path]]:
    """Return the image and label files of the validation split, in order of their names."""
    pairs = []
    for image in sorted((SPLIT / "leftImg8bit" / "val").glob("*/*_leftImg8bit.png")):
        name = image.name.replace("_leftImg8bit.png", "_gtFine_labelTrainIds.png")
        pairs.append((image, SPLIT / "gtFine" / "val" / image.parent.name / name))
    return pairs


def predict(network: nn.Module, image: Bytes) -> npt.NDArray[np.int64]:
    """Return the class of every pixel: the whole image at once, at its own size."""
    with torch.inference_mode():
        logits = network(normalised(image[None]))
    classes: npt.NDArray[np.int64] = logits[0].argmax(dim=0).numpy()
    return classes


def evaluate(network: nn.Module) -> None:
    """Print the scores on the validation split as it lies on the disk."""
    correct, present, either = (np.zeros(NUM_CLASSES, np.int64) for _ in range(3))
    pairs = split_pairs()
    for image_path, label_path in pairs:
        prediction = predict(network, np.array(Image.open(image_path)))
        label = np.array(Image.open(label_path))
        judged = label != IGNORED
        for k in range(NUM_CLASSES):
            in_prediction = (prediction == k) & judged
            in_label = label == k
            correct[k] += np.sum(in_prediction & in_label)
            either[k] += np.sum(in_prediction | in_label)
            present[k] += np.sum(in_label)
    iou = 100 * correct / either
    accuracy = 100 * correct / present
    for name, class_iou, class_accuracy in zip(
        class_table("scenes").names, iou, accuracy, strict=True
    ):
        print(f"{name:8} IoU {class_iou:6.2f}  Acc {class_accuracy:6.2f}")
    print(f"mIoU {iou.mean():.2f}  mAcc {accuracy.mean():.2f}  ", end="")
    print(f"aAcc {100 * correct.sum() / present.sum():.2f}  over {len(pairs)} images")


# ----------------------------------------------------------------------------------- publishing


def entry_name(iterations: int) -> str:
    """Return the name of the zoo's entry: model, size, iterations, data set."""
    length = f"{iterations // 1000}k" if iterations % 1000 == 0 else str(iterations)
    return f"{MODEL}_{HEIGHT}x{WIDTH}_{length}_scenes"


def checkpoint_of(network: nn.Module, iterations: int, seed: int) -> dict[str, Any]:
    """Return what goes into the file."""
    classes = class_table("scenes")
    note = (
        f"Trained by bench/train_demo.py: {iterations} iterations of {BATCH_SIZE} crops of "
        f"{CROP[0]}x{CROP[1]} from {TRAINING_SCENES} rendered scenes, on a CPU, seed {seed}."
    )
    state = OrderedDict(
        (key, value.detach().cpu().contiguous()) for key, value in network.state_dict().items()
    )
    meta = {
        "CLASSES": list(classes.names),
        "PALETTE": [list(colour) for colour in classes.palette],
        "note": note,
    }
    return {"meta": meta, "state_dict": state}


def publish(checkpoint: dict[str, Any], entry: str, output: Path) -> Path:
    """Save under upstream's naming, date and hash included, in place of the entry's older files."""
    output.mkdir(parents=True, exist_ok=True)
    unnamed = output / f"{entry}.pth"
    torch.save(checkpoint, unnamed)
    digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
    for older in output.glob(f"{entry}_*.pth"):
        older.unlink()
    path = output / f"{entry}_{datetime.now(tz=UTC):%Y%m%d}-{digest[:8]}.pth"
    return unnamed.rename(path)


def load(path: Path) -> nn.Module:
    """Return the network with the weights of a published file."""
    network = new_network()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return network


def main() -> None:
    """Train, publish and score; or only score."""
    parser = argparse.ArgumentParser(description="Train and score the demo zoo's network.")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=ROOT / "hrnet_zoo" / "demo" / "checkpoints")
    parser.add_argument("--evaluate-only", type=Path, metavar="CHECKPOINT")
    options = parser.parse_args()
    path: Path | None = options.evaluate_only
    if path is None:
        started = time.monotonic()
        network = train(options.iterations, options.seed)
        checkpoint = checkpoint_of(network, options.iterations, options.seed)
        path = publish(checkpoint, entry_name(options.iterations), options.output)
        print(f"{path.name}: {path.stat().st_size} bytes, {time.monotonic() - started:.0f} s")
    # What is scored is the file, not the network that was in memory a moment ago.
    evaluate(load(path))


if __name__ == "__main__":
    main()
