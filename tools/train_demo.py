"""Train the demo zoo's network, and score it in the plainest way there is.

The network learns from scenes drawn afresh, none of which is in the validation split. The score at
the end shares no code with the package's own evaluation: its only purpose is to be obviously right.

    python tools/train_demo.py [--iterations 2000] [--seed 0] [--output DIR]
    python tools/train_demo.py --evaluate-only CHECKPOINT
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scenes.picture import HEIGHT, IGNORED, WIDTH, Bytes
from scenes.render import render_scene
from torch import Tensor, nn
from torch.nn import functional as F
from training import (
    SPLIT,
    TRAINING_SCENES,
    command_line,
    length_of,
    minimise,
    publish,
    relit,
    seeded,
    state_in,
    state_of,
    training_scenes,
)

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.models import build_segmentor

BACKBONE = "w5_small"
MODEL = "fcn_hr5s"
NUM_CLASSES = len(DATASETS["scenes"].classes.names)
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

BATCH_SIZE = 8
CROP = (128, 192)
MAX_RATE = 4e-3


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


def augmented(image: Bytes, label: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Return a random crop of a scene, mirrored half of the time, with its light changed."""
    top = int(rng.integers(HEIGHT - CROP[0] + 1))
    left = int(rng.integers(WIDTH - CROP[1] + 1))
    window = slice(top, top + CROP[0]), slice(left, left + CROP[1])
    image, label = image[window], label[window]
    if rng.random() < 0.5:
        image, label = image[:, ::-1], label[:, ::-1]
    return relit(image, rng), label


def random_batch(
    scenes: list[tuple[Bytes, Bytes]], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return normalised crops [N, 3, h, w] and their labels [N, h, w]."""
    chosen = rng.choice(len(scenes), BATCH_SIZE, replace=False)
    pairs = [augmented(image, label, rng) for image, label in (scenes[i] for i in chosen)]
    crops = normalised(np.stack([image for image, _ in pairs]))
    targets = torch.from_numpy(np.stack([label for _, label in pairs]).astype(np.int64))
    return crops.contiguous(memory_format=torch.channels_last), targets


def train(iterations: int, seed: int) -> nn.Module:
    """Return a network trained from random weights, in eval mode."""
    rng = seeded(seed)
    scenes = training_scenes(render_pair)
    network = new_network().train().to(memory_format=torch.channels_last)

    def next_loss() -> Tensor:
        crops, targets = random_batch(scenes, rng)
        return F.cross_entropy(network(crops), targets, ignore_index=IGNORED)

    minimise(network, next_loss, iterations=iterations, max_rate=MAX_RATE)
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
        DATASETS["scenes"].classes.names, iou, accuracy, strict=True
    ):
        print(f"{name:8} IoU {class_iou:6.2f}  Acc {class_accuracy:6.2f}")
    print(f"mIoU {iou.mean():.2f}  mAcc {accuracy.mean():.2f}  ", end="")
    print(f"aAcc {100 * correct.sum() / present.sum():.2f}  over {len(pairs)} images")


# ----------------------------------------------------------------------------------- publishing


def entry_name(iterations: int) -> str:
    """Return the name of the zoo's entry: model, size, iterations, data set."""
    return f"{MODEL}_{HEIGHT}x{WIDTH}_{length_of(iterations)}_scenes"


def checkpoint_of(network: nn.Module, iterations: int, seed: int) -> dict[str, Any]:
    """Return what goes into the file."""
    classes = DATASETS["scenes"].classes
    note = (
        f"Trained by tools/train_demo.py: {iterations} iterations of {BATCH_SIZE} crops of "
        f"{CROP[0]}x{CROP[1]} from {TRAINING_SCENES} rendered scenes, on a CPU, seed {seed}."
    )
    meta = {
        "CLASSES": list(classes.names),
        "PALETTE": [list(colour) for colour in classes.palette],
        "note": note,
    }
    return {"meta": meta, "state_dict": state_of(network)}


def load(path: Path) -> nn.Module:
    """Return the network with the weights of a published file."""
    network = new_network()
    network.load_state_dict(state_in(path))
    return network


def main() -> None:
    """Train, publish and score; or only score."""
    parser = command_line("Train and score the demo zoo's segmentation network.", iterations=2000)
    options = parser.parse_args()
    path: Path | None = options.evaluate_only
    if path is None:
        network = train(options.iterations, options.seed)
        checkpoint = checkpoint_of(network, options.iterations, options.seed)
        path = publish(checkpoint, entry_name(options.iterations), options.output)
    # What is scored is the file, not the network that was in memory a moment ago.
    evaluate(load(path))


if __name__ == "__main__":
    main()
