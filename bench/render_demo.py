"""Write the demo zoo's validation split: ``python bench/render_demo.py [--output DIR]``."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from PIL import Image
from scenes.picture import Scene
from scenes.render import render_scene

from hrnet_zoo.datasets.classes import class_table

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
    colours = list(itertools.chain.from_iterable(class_table("scenes").palette))
    palette[: len(colours)] = colours
    label.putpalette(palette)
    label.save(label_path, optimize=True)


def main() -> None:
    """Write the validation split."""
    parser = argparse.ArgumentParser(description="Write the demo zoo's validation split.")
    parser.add_argument("--output", type=Path, default=ROOT / "hrnet_zoo" / "demo" / "data")
    output: Path = parser.parse_args().output
    size = 0
    for index, seed in enumerate(VALIDATION_SEEDS):
        paths = scene_paths(output, index)
        write_scene(render_scene(seed), *paths)
        size += sum(path.stat().st_size for path in paths)
    print(f"{len(VALIDATION_SEEDS)} scenes, {size} bytes, under {output}")


if __name__ == "__main__":
    main()
