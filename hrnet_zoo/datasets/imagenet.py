"""ImageNet: the classification task of ILSVRC 2012."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.data_set import ClassTable, Download

_GREY = (128, 128, 128)
"""Nothing is drawn in the colours of classes that whole images are of."""


def _classes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return WordNet ids and names of the classes.

    Names are the first of each WordNet entry. Three differ, for those would occur twice: there are
    two kinds of "crane", and "maillot" is also the first name of the tank suit.
    """
    # Not by importlib.resources, whose import shows in the start-up of `list`.
    text = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8")
    lines = [line.split(" ", 1) for line in text.splitlines()]
    return tuple(id_ for id_, _ in lines), tuple(name for _, name in lines)


_FOLDERS, _NAMES = _classes()

IMAGENET = ClassFolders(
    name="imagenet",
    title="ImageNet (ILSVRC 2012)",
    root="imagenet",
    image_dir="val",
    num_images=50_000,
    images_per_class=50,
    classes=ClassTable(names=_NAMES, palette=(_GREY,) * len(_NAMES)),
    typical_image=(500, 375),
    folders=_FOLDERS,
    image_suffix=".JPEG",
    list_file="meta/val.txt",
    known_labels={
        "ILSVRC2012_val_00000001": 65,
        "ILSVRC2012_val_00000002": 970,
        "ILSVRC2012_val_00000003": 230,
    },
    download=Download(
        archives=("ILSVRC2012_img_val.tar", "caffe_ilsvrc12.tar.gz (for its val.txt)"),
        obtained_from=(
            "image-net.org, ILSVRC 2012, after registration; the second from the Berkeley Vision "
            "and Learning Center"
        ),
        terms="Non-commercial research and education.",
        preparation=(
            "None: unpack the images into imagenet/val and put val.txt into imagenet/meta, or sort "
            "the images into a folder for each WordNet id"
        ),
    ),
)
