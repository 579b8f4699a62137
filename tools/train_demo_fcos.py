"""Train the demo zoo's detector, and score it in the plainest way there is.

The detector learns from scenes drawn afresh, none of which is in the validation split; its backbone
begins as that of the demo's segmentation network. The score at the end shares no code with the
package's own evaluation but the network itself.

    python tools/train_demo_fcos.py [--iterations 1500] [--seed 0] [--output DIR]
    python tools/train_demo_fcos.py --evaluate-only CHECKPOINT
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fcos_loss import Objects, fcos_loss
from PIL import Image
from plain_ap import Found, Truth, average_precision
from plain_detector import STRIDES, detect, network_input
from render_demo import annotation_path
from scene_boxes import CATEGORIES, annotated, label_of
from scenes.picture import HEIGHT, WIDTH, Bytes
from scenes.render import render_scene
from torch import Tensor, nn
from training import (
    CHECKPOINTS,
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

from hrnet_zoo.models.detection.fcos import FCOS, LevelOutput

BACKBONE = "w5_small"
MODEL = "fcos_hrnetv2p_w5s_gn-head"
CHANNELS = 64
SIZE = (540, 360)
"""Width and height that pictures are resized to: twice their own."""

BATCH_SIZE = 4
MAX_RATE = 2e-3


def new_network() -> FCOS:
    """Return the untrained detector."""
    return FCOS(BACKBONE, len(CATEGORIES), CHANNELS)


# ------------------------------------------------------------------------------------- training


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture and the objects in it."""

    image: Bytes
    """[H, W, 3], RGB."""
    boxes: Tensor
    """[N, 4] float32, xyxy in pixels of the picture."""
    labels: Tensor
    """[N] int64, 0 to 3."""


def render_example(seed: int) -> Example:
    """Return the picture of a scene and its annotated objects."""
    scene = render_scene(seed)
    objects = annotated(scene)
    return Example(
        image=scene.image,
        boxes=torch.tensor([i.box for i in objects], dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor([label_of(i) for i in objects], dtype=torch.int64),
    )


def mirrored(example: Example) -> Example:
    """Return an example with left and right exchanged."""
    x1, y1, x2, y2 = example.boxes.unbind(dim=1)
    boxes = torch.stack([WIDTH - x2, y1, WIDTH - x1, y2], dim=1)
    return Example(image=example.image[:, ::-1], boxes=boxes, labels=example.labels)


def random_batch(examples: list[Example], rng: np.random.Generator) -> tuple[Tensor, list[Objects]]:
    """Return network input [N, 3, h, w], half of it mirrored, relit; and the objects in it."""
    chosen = [examples[i] for i in rng.choice(len(examples), BATCH_SIZE, replace=False)]
    chosen = [mirrored(e) if rng.random() < 0.5 else e for e in chosen]
    images = network_input([relit(e.image, rng) for e in chosen], SIZE)
    factors = torch.tensor([SIZE[0] / WIDTH, SIZE[1] / HEIGHT] * 2)
    return images, [Objects(boxes=e.boxes * factors, labels=e.labels) for e in chosen]


def initialise(network: FCOS) -> None:
    """Set weights that a short training can begin from."""
    (segmentation,) = CHECKPOINTS.glob("fcn_*.pth")
    state = {
        key.removeprefix("backbone."): value
        for key, value in state_in(segmentation).items()
        if key.startswith("backbone.")
    }
    # That network sees RGB, this one BGR.
    state["conv1.weight"] = state["conv1.weight"].flip(1)
    network.backbone.load_state_dict(state)
    head = network.bbox_head
    for module in head.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.01)
    # At first every point holds an object of any class with a probability of 1 %, ...
    nn.init.constant_(head.get_parameter("conv_cls.bias"), -math.log(99))
    nn.init.zeros_(head.get_parameter("conv_centerness.bias"))
    # ... whose edges are two strides away.
    nn.init.ones_(head.get_parameter("conv_reg.bias"))
    for scale, stride in zip(head.scales, STRIDES, strict=True):
        nn.init.constant_(scale.get_parameter("scale"), math.log(2 * stride))


def train(iterations: int, seed: int) -> FCOS:
    """Return a trained detector, in eval mode."""
    rng = seeded(seed)
    examples = training_scenes(render_example)
    network = new_network()
    initialise(network)
    network.train().to(memory_format=torch.channels_last)

    def next_loss() -> Tensor:
        images, objects = random_batch(examples, rng)
        # Half the time of float32 on a CPU that computes in bfloat16; the weights stay float32.
        with torch.autocast("cpu", torch.bfloat16):
            levels: list[LevelOutput] = network.outputs(images)
        return fcos_loss(levels, objects)

    minimise(network, next_loss, iterations=iterations, max_rate=MAX_RATE)
    return network.eval()


# --------------------------------------------------------------------------------- plain scoring


def validation_split() -> list[tuple[Path, Truth]]:
    """Return the files of the validation images, and the annotated objects in them."""
    content = json.loads(annotation_path(SPLIT.parent).read_text(encoding="utf-8"))
    split = []
    for image in content["images"]:
        objects = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        corners = np.array([a["bbox"] for a in objects], np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        labels = np.array([a["category_id"] - 1 for a in objects], np.int64)
        path = SPLIT / "leftImg8bit" / "val" / image["file_name"]
        split.append((path, Truth(boxes=corners, labels=labels)))
    return split


def evaluate(network: FCOS) -> None:
    """Print the scores on the validation split as it lies on the disk."""
    split = validation_split()
    found: list[Found] = []
    for path, _ in split:
        with Image.open(path) as picture:
            found.append(detect(network, np.array(picture), SIZE))
    table = 100 * average_precision(found, [truth for _, truth in split], len(CATEGORIES))
    for label, name in enumerate(CATEGORIES.values()):
        number = sum(int(np.sum(truth.labels == label)) for _, truth in split)
        print(f"{name:8} AP {table[:, label].mean():6.2f}  ({number} objects)")
    ap = table.mean(axis=1)  # at IoU .50, .55 and so on to .95
    print(f"box AP {ap.mean():.2f}  AP50 {ap[0]:.2f}  AP75 {ap[5]:.2f}  ", end="")
    print(f"over {len(split)} images, {sum(len(one.scores) for one in found)} detections")


# ----------------------------------------------------------------------------------- publishing


def entry_name(iterations: int) -> str:
    """Return the name of the zoo's entry: model, size, iterations, data set."""
    return f"{MODEL}_{SIZE[1]}x{SIZE[0]}_{length_of(iterations)}_scenes"


def checkpoint_of(network: FCOS, iterations: int, seed: int) -> dict[str, Any]:
    """Return what goes into the file."""
    note = (
        f"Trained by tools/train_demo_fcos.py: {iterations} iterations of {BATCH_SIZE} images of "
        f"{SIZE[1]}x{SIZE[0]} from {TRAINING_SCENES} rendered scenes, on a CPU, in bfloat16 where "
        f"torch's autocast allows, seed {seed}, beginning with the backbone of the demo's FCN."
    )
    meta = {"CLASSES": list(CATEGORIES.values()), "note": note}
    return {"meta": meta, "state_dict": state_of(network)}


def load(path: Path) -> FCOS:
    """Return the detector with the weights of a published file."""
    network = new_network()
    network.load_state_dict(state_in(path))
    return network.eval()


def main() -> None:
    """Train, publish and score; or only score."""
    parser = command_line("Train and score the demo zoo's detector.", iterations=1500)
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
