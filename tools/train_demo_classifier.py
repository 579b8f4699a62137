"""Train the demo zoo's classifier, and score it in the plainest way there is.

The classifier learns from objects of scenes drawn afresh, none of which is in the validation split.
The score at the end shares no code with the package's own evaluation but the network itself.

    python tools/train_demo_classifier.py [--iterations 600] [--seed 0] [--output DIR]
    python tools/train_demo_classifier.py --evaluate-only CHECKPOINT
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scene_boxes import CATEGORIES, annotated
from scene_objects import CLASSES, cut_out, is_shown
from scenes.picture import Bytes
from scenes.render import render_scene
from torch import Tensor, nn
from torch.nn import functional as F
from training import (
    SPLIT,
    command_line,
    minimise,
    publish,
    relit,
    seeded,
    state_in,
    state_of,
    training_scenes,
)

from hrnet_zoo.models.classifier import build_hrnet_classifier

BACKBONE = "w2_small"
ENTRY = "hrnet-w2s_scenes"
NECK_CHANNELS = (8, 16, 32, 64, 128)
OBJECTS = SPLIT.with_name("scenes_objects") / "val"
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

SHORT_SIDE = 72
CROP = 64
BATCH_SIZE = 16
MAX_RATE = 4e-3
SCENES = 400
"""Rendered for training; they show about 5000 objects."""

Example = tuple[Bytes, int]
"""The picture of an object, and its class."""


def new_network() -> nn.Module:
    """Return the untrained network."""
    return build_hrnet_classifier(BACKBONE, len(CLASSES), NECK_CHANNELS).eval()


def resized(picture: Bytes) -> Bytes:
    """Return a picture whose shorter side has 72 pixels; the longer one is rounded down."""
    height, width = picture.shape[:2]
    short = min(height, width)
    size = (SHORT_SIDE * width // short, SHORT_SIDE * height // short)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def normalised(crops: list[Bytes]) -> Tensor:
    """Map RGB pictures [H, W, 3] to what the network takes, [N, 3, H, W]."""
    pixels = torch.from_numpy(np.stack(crops).astype(np.float32))
    return ((pixels - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)


# ------------------------------------------------------------------------------------- training


def render_objects(seed: int) -> list[Example]:
    """Return the objects of a scene."""
    scene = render_scene(seed)
    return [
        # Copied, or the picture would keep the whole scene in memory.
        (cut_out(scene.image, i.box).copy(), CLASSES.index(CATEGORIES[i.category]))
        for i in annotated(scene)
        if is_shown(i.box)
    ]


def augmented(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """Return a random crop of an object, mirrored half of the time, with its light changed."""
    picture = resized(picture)
    top = int(rng.integers(picture.shape[0] - CROP + 1))
    left = int(rng.integers(picture.shape[1] - CROP + 1))
    crop = picture[top : top + CROP, left : left + CROP]
    return relit(crop[:, ::-1] if rng.random() < 0.5 else crop, rng)


def random_batch(by_class: list[list[Bytes]], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return network input [N, 3, h, w] and classes [N]; all classes are equally likely."""
    labels = rng.integers(len(by_class), size=BATCH_SIZE)
    pictures = [by_class[label][int(rng.integers(len(by_class[label])))] for label in labels]
    crops = normalised([augmented(picture, rng) for picture in pictures])
    return crops.contiguous(memory_format=torch.channels_last), torch.from_numpy(labels)


def train(iterations: int, seed: int) -> nn.Module:
    """Return a network trained from random weights, in eval mode."""
    rng = seeded(seed)
    examples = [example for scene in training_scenes(render_objects, SCENES) for example in scene]
    by_class = [[p for p, label in examples if label == k] for k in range(len(CLASSES))]
    network = new_network().train().to(memory_format=torch.channels_last)

    def next_loss() -> Tensor:
        crops, labels = random_batch(by_class, rng)
        return F.cross_entropy(network(crops), labels)

    minimise(network, next_loss, iterations=iterations, max_rate=MAX_RATE)
    return network.eval()


# --------------------------------------------------------------------------------- plain scoring


def predict(network: nn.Module, picture: Bytes) -> int:
    """Return the class with the highest score for the middle of a picture."""
    picture = resized(picture)
    top = round((picture.shape[0] - CROP) / 2)
    left = round((picture.shape[1] - CROP) / 2)
    with torch.inference_mode():
        logits = network(normalised([picture[top : top + CROP, left : left + CROP]]))
    return int(logits.argmax())


def evaluate(network: nn.Module) -> None:
    """Print the score on the validation split as it lies on the disk."""
    correct = total = 0
    for label, name in enumerate(CLASSES):
        paths = sorted((OBJECTS / name).glob("*.png"))
        predictions = [predict(network, np.array(Image.open(path))) for path in paths]
        print(f"{name:8} top-1 {100 * predictions.count(label) / len(paths):6.2f}  ", end="")
        print(", ".join(f"{predictions.count(k)} {seen}" for k, seen in enumerate(CLASSES)))
        correct += predictions.count(label)
        total += len(paths)
    print(f"top-1 {100 * correct / total:.2f}  over {total} images")


# ----------------------------------------------------------------------------------- publishing


def checkpoint_of(network: nn.Module, iterations: int, seed: int) -> dict[str, Any]:
    """Return what goes into the file."""
    note = (
        f"Trained by tools/train_demo_classifier.py: {iterations} iterations of {BATCH_SIZE} crops "
        f"of {CROP}x{CROP} from the objects of {SCENES} rendered scenes, on a CPU, "
        f"seed {seed}."
    )
    return {"meta": {"CLASSES": list(CLASSES), "note": note}, "state_dict": state_of(network)}


def load(path: Path) -> nn.Module:
    """Return the network with the weights of a published file."""
    network = new_network()
    network.load_state_dict(state_in(path))
    return network


def main() -> None:
    """Train, publish and score; or only score."""
    parser = command_line("Train and score the demo zoo's classifier.", iterations=600)
    options = parser.parse_args()
    path: Path | None = options.evaluate_only
    if path is None:
        network = train(options.iterations, options.seed)
        checkpoint = checkpoint_of(network, options.iterations, options.seed)
        path = publish(checkpoint, ENTRY, options.output)
    # What is scored is the file, not the network that was in memory a moment ago.
    evaluate(load(path))


if __name__ == "__main__":
    main()
