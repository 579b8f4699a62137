"""What a detection data set should be like, where it differs from one with label images."""

from __future__ import annotations

from hrnet_zoo.datasets.layouts import DetectionLayout


def detection_tree(layout: DetectionLayout) -> list[str]:
    """Draw the folders; in ASCII, which every terminal and log file can show."""
    folder, _, file = layout.annotation_file.rpartition("/")
    return [
        f"{layout.root}/",
        f"|-- {layout.image_dir}/",
        "|   `-- the images, by the file names listed in the annotations",
        f"`-- {folder}/",
        f"    `-- {file}",
    ]


def detection_labels(layout: DetectionLayout) -> list[str]:
    """Return how objects are stored, one statement a line."""
    first, last = layout.category_ids[0], layout.category_ids[-1]
    gaps = ", with gaps" if last - first >= len(layout.category_ids) else ""
    return [
        "COCO's JSON for instances: images, annotations and categories",
        "a box is x, y, width, height; a mask is polygons or, for crowds, run lengths",
        f"category ids are {first} to {last}{gaps}; labels count from 0 in their order",
        "images without annotations count, and crowds neither help nor harm",
    ]


def detection_files(layout: DetectionLayout) -> dict[str, object]:
    """Return the same for programs."""
    return {"annotation_file": layout.annotation_file}
