"""The demo's own images, drawn by tools/scenes: labels of every pixel, boxes, single objects."""

from __future__ import annotations

from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.data_set import classes
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages

_CLASSES = classes(
    """
    sky #6eaae6, grass #78c850, road #806080, house #e6783c, tree #1e6e32, car #0028c8,
    person #dc143c
    """
)
_COUNTABLE = classes(
    """
    house #e6783c, tree #1e6e32, car #0028c8, person #dc143c
    """
)
_NUM_IMAGES = 36
_SIZE = (270, 180)

SCENES = LabelImages(
    name="scenes",
    title="Scenes (demo)",
    root="scenes",
    image_dir="leftImg8bit/val",
    label_dir="gtFine/val",
    image_suffix="_leftImg8bit.png",
    labels=(LabelFiles(suffix="_gtFine_labelTrainIds.png"),),
    num_images=_NUM_IMAGES,
    classes=_CLASSES,
    typical_image=_SIZE,
)

# The same images; four of the classes are things that can be counted.
SCENES_BOXES = CocoInstances(
    name="scenes_boxes",
    title="Scenes with boxes (demo)",
    root="scenes",
    image_dir="leftImg8bit/val",
    annotation_file="annotations/instances_val.json",
    category_ids=(1, 2, 3, 4),
    num_images=_NUM_IMAGES,
    classes=_COUNTABLE,
    typical_image=_SIZE,
)

# Those things one by one, in the folders of their classes, which stand in the order of the names.
SCENES_OBJECTS = ClassFolders(
    name="scenes_objects",
    title="Objects of the scenes (demo)",
    root="scenes_objects",
    image_dir="val",
    image_suffix=".png",
    folders=("car", "house", "person", "tree"),
    num_images=240,
    images_per_class=60,
    classes=classes("car #0028c8, house #e6783c, person #dc143c, tree #1e6e32"),
    typical_image=(24, 24),
)
