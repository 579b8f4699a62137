"""Write the demo zoo's validation split: ``python tools/render_demo.py [--output DIR]``."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from scene_boxes import coco_annotations
from scenes.picture import Scene
from scenes.render import render_scene

from hrnet_zoo.datasets import DATASETS

ROOT = Path(__file__).resolve().parents[1]
TOWNS = ("ambleford", "birchwick", "coldharbour")
SCENES_PER_TOWN = 12
VALIDATION_SEEDS = range(len(TOWNS) * SCENES_PER_TOWN)
TRAINING_SEEDS = range(100_000, 200_000)


def scene_paths(output: Path, index: int) -> tuple[Path, Path]:
    """Return where the image and the label map of a validation scene lie.

    Args:
        output: the folder that holds ``scenes``.
        index: position in ``VALIDATION_SEEDS``.
    """
    town, number = TOWNS[index // SCENES_PER_TOWN], index % SCENES_PER_TOWN
    stem = f"{town}_{number:06d}_000019"
    image = output / "scenes" / "leftImg8bit" / "val" / town / f"{stem}_leftImg8bit.png"
    label = output / "scenes" / "gtFine" / "val" / town / f"{stem}_gtFine_labelTrainIds.png"
    return image, label


def write_scene(scene: Scene, image_path: Path, label_path: Path) -> None:
    """Write an RGB PNG, and the labels as a PNG with the classes' colours as its palette."""
    image_path.parent.mkdir(parents=True, exist_ok=True)
    label_path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(image_path, optimize=True)
    label = Image.fromarray(scene.label)
    palette = [0] * 768
    colours = list(itertools.chain.from_iterable(DATASETS["scenes"].classes.palette))
    palette[: len(colours)] = colours
    label.putpalette(palette)
    label.save(label_path, optimize=True)


def annotation_path(output: Path) -> Path:
    """Return where the boxes of the validation scenes lie."""
    return output / "scenes" / "annotations" / "instances_val.json"


def write_annotations(scenes: Sequence[Scene], output: Path) -> Path:
    """Write the boxes of the validation scenes, in COCO's form; file names begin with the town."""
    images = [scene_paths(output, index)[0] for index in range(len(scenes))]
    names = [f"{path.parent.name}/{path.name}" for path in images]
    content = coco_annotations(zip(names, scenes, strict=True))
    path = annotation_path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Write the validation split."""
    parser = argparse.ArgumentParser(description="Write the demo zoo's validation split.")
    parser.add_argument("--output", type=Path, default=ROOT / "hrnet_zoo" / "demo" / "data")
    output: Path = parser.parse_args().output
    scenes = [render_scene(seed) for seed in VALIDATION_SEEDS]
    files = [write_annotations(scenes, output)]
    for index, scene in enumerate(scenes):
        paths = scene_paths(output, index)
        write_scene(scene, *paths)
        files.extend(paths)
    size = sum(path.stat().st_size for path in files)
    print(f"{len(scenes)} scenes, {size} bytes, under {output}")


if __name__ == "__main__":
    main()
