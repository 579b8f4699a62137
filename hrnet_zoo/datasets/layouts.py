"""Where each data set keeps its validation split, and how its label files are read: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IGNORED = 255
"""Label of pixels that do not count."""


def _cityscapes_train_ids() -> dict[int, int]:
    """Return labelId -> trainId for the 34 ids of Cityscapes; all but 19 are ignored."""
    evaluated = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
    table = dict.fromkeys((*range(34), IGNORED), IGNORED)
    return table | {label_id: train_id for train_id, label_id in enumerate(evaluated)}


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """One kind of label file a data set may have."""

    suffix: str
    """What follows the image's stem in the name of its label file."""
    remap: Mapping[int, int] | None = None
    """Stored value -> label; a value without an entry is an error. None: stored as labels."""


@dataclass(frozen=True, kw_only=True)
class DatasetLayout:
    """The validation split of one segmentation data set, as upstream lays it out."""

    title: str
    """The name people use."""
    root: str
    """Folder below the data root."""
    image_dir: str
    """Folder of the images, below `root`."""
    label_dir: str
    """Folder of the label files, below `root`."""
    image_suffix: str
    """End of an image's file name; what precedes it is the stem it shares with its label."""
    labels: tuple[LabelFiles, ...]
    """Kinds of label file, the preferred one first."""
    num_images: int
    """Images of the complete split."""
    split_file: str | None = None
    """List of stems, below `root`; None: every image in `image_dir` and its subfolders."""
    reduce_zero_label: bool = False
    """Stored 0 means ignored, and class c is stored as c + 1."""
    boundaries_ignored: bool = False
    """Pixels along the edges of objects are stored as ignored; labels with edges exist too."""


@dataclass(frozen=True, kw_only=True)
class DetectionLayout:
    """The validation split of one detection data set: images and one COCO annotation file."""

    title: str
    """The name people use."""
    root: str
    """Folder below the data root."""
    image_dir: str
    """Folder of the images, below `root`."""
    annotation_file: str
    """The instances in COCO's JSON, below `root`."""
    category_ids: tuple[int, ...]
    """The id of every class in that file, in label order; ids may have gaps."""
    num_images: int
    """Images of the complete split."""


DATASETS: dict[str, DatasetLayout] = {
    "cityscapes": DatasetLayout(
        title="Cityscapes",
        root="cityscapes",
        image_dir="leftImg8bit/val",
        label_dir="gtFine/val",
        image_suffix="_leftImg8bit.png",
        # The download holds labelIds; labelTrainIds are rendered by cityscapesScripts, if at all.
        labels=(
            LabelFiles(suffix="_gtFine_labelTrainIds.png"),
            LabelFiles(suffix="_gtFine_labelIds.png", remap=_cityscapes_train_ids()),
        ),
        num_images=500,
    ),
    "ade20k": DatasetLayout(
        title="ADE20K",
        root="ade/ADEChallengeData2016",
        image_dir="images/validation",
        label_dir="annotations/validation",
        image_suffix=".jpg",
        labels=(LabelFiles(suffix=".png"),),
        num_images=2000,
        reduce_zero_label=True,
    ),
    "voc12aug": DatasetLayout(
        title="Pascal VOC 2012",
        root="VOCdevkit/VOC2012",
        image_dir="JPEGImages",
        label_dir="SegmentationClass",
        image_suffix=".jpg",
        labels=(LabelFiles(suffix=".png"),),
        num_images=1449,
        split_file="ImageSets/Segmentation/val.txt",
        boundaries_ignored=True,
    ),
    "pascal_context": DatasetLayout(
        title="Pascal Context (60 classes)",
        root="VOCdevkit/VOC2010",
        image_dir="JPEGImages",
        label_dir="SegmentationClassContext",
        image_suffix=".jpg",
        labels=(LabelFiles(suffix=".png"),),
        num_images=5105,
        split_file="ImageSets/SegmentationContext/val.txt",
    ),
    # The same files as above; background is ignored instead of being a class.
    "pascal_context_59": DatasetLayout(
        title="Pascal Context (59 classes)",
        root="VOCdevkit/VOC2010",
        image_dir="JPEGImages",
        label_dir="SegmentationClassContext",
        image_suffix=".jpg",
        labels=(LabelFiles(suffix=".png"),),
        num_images=5105,
        split_file="ImageSets/SegmentationContext/val.txt",
        reduce_zero_label=True,
    ),
    "loveda": DatasetLayout(
        title="LoveDA",
        root="loveDA",
        image_dir="img_dir/val",
        label_dir="ann_dir/val",
        image_suffix=".png",
        labels=(LabelFiles(suffix=".png"),),
        num_images=1669,
        reduce_zero_label=True,
    ),
    "potsdam": DatasetLayout(
        title="ISPRS Potsdam",
        root="potsdam",
        image_dir="img_dir/val",
        label_dir="ann_dir/val",
        image_suffix=".png",
        labels=(LabelFiles(suffix=".png"),),
        num_images=2016,
        reduce_zero_label=True,
        boundaries_ignored=True,
    ),
    "vaihingen": DatasetLayout(
        title="ISPRS Vaihingen",
        root="vaihingen",
        image_dir="img_dir/val",
        label_dir="ann_dir/val",
        image_suffix=".png",
        labels=(LabelFiles(suffix=".png"),),
        num_images=398,
        reduce_zero_label=True,
        boundaries_ignored=True,
    ),
    "isaid": DatasetLayout(
        title="iSAID",
        root="iSAID",
        image_dir="img_dir/val",
        label_dir="ann_dir/val",
        image_suffix=".png",
        labels=(LabelFiles(suffix="_instance_color_RGB.png"),),
        num_images=11644,
    ),
    "scenes": DatasetLayout(
        title="Scenes (demo)",
        root="scenes",
        image_dir="leftImg8bit/val",
        label_dir="gtFine/val",
        image_suffix="_leftImg8bit.png",
        labels=(LabelFiles(suffix="_gtFine_labelTrainIds.png"),),
        num_images=36,
    ),
}
"""Segmentation data set name -> layout of its validation split."""

# COCO numbered its classes from 1 to 90, and published none of some of them.
_COCO_NEVER_ANNOTATED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)

DETECTION_DATASETS: dict[str, DetectionLayout] = {
    "coco": DetectionLayout(
        title="COCO 2017",
        root="coco",
        image_dir="val2017",
        annotation_file="annotations/instances_val2017.json",
        category_ids=tuple(id_ for id_ in range(1, 91) if id_ not in _COCO_NEVER_ANNOTATED),
        num_images=5000,
    ),
    # The images of "scenes" above; four of its classes are things that can be counted.
    "scenes_boxes": DetectionLayout(
        title="Scenes with boxes (demo)",
        root="scenes",
        image_dir="leftImg8bit/val",
        annotation_file="annotations/instances_val.json",
        category_ids=(1, 2, 3, 4),
        num_images=36,
    ),
}
"""Detection data set name -> layout of its validation split."""


def layout_of(name: str) -> DatasetLayout | DetectionLayout:
    """Return the layout of a data set of either kind; raise KeyError if there is no such one."""
    return DATASETS[name] if name in DATASETS else DETECTION_DATASETS[name]


def dataset_names() -> tuple[str, ...]:
    """Return the names of the data sets of both kinds."""
    return (*DATASETS, *DETECTION_DATASETS)
