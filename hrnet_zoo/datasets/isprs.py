"""ISPRS Potsdam and Vaihingen: cities seen from the air.

Preparing them cuts large tiles into clips and decodes the label colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.data_set import Download, Preparer, classes
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.label_images import LabelFiles, LabelImages
from hrnet_zoo.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrnet_zoo.datasets.prepare.archives import Downloaded, Member
    from hrnet_zoo.datasets.prepare.plan import Outputs, Plan

_CLASSES = classes(
    """
    impervious_surface #ffffff, building #0000ff, low_vegetation #00ffff, tree #00ff00,
    car #ffff00, clutter #ff0000
    """
)
_COLOURS = ((0, 0, 0), *_CLASSES.palette)
"""Stored label -> RGB colour in the download; the first is of boundaries."""
# Aerial photographs as PNG take about 0.7 of their pixels' bytes; half is safe to demand.
_LEAST_COMPRESSED = 0.5


@dataclass(frozen=True, kw_only=True)
class AerialSet:
    """What differs between the two sets."""

    image: str
    """Expression for the paths of tiles; its groups, joined by "_", are the tile's name."""
    label: str
    """The same for label images."""
    with_boundary: str
    """Expression for what people take for the label images by mistake."""
    archives: tuple[str, str]
    """Names of the downloads of images and labels, for messages."""
    tiles: dict[str, frozenset[str]]
    """Split -> its tiles. A tile in neither list counts as validation, as it does upstream."""
    clips: dict[str, int]
    """Split -> number of clips."""
    without_image: frozenset[str] = frozenset()
    """Tiles whose labels are left out."""


def _grid(rows: dict[int, tuple[int, int]]) -> frozenset[str]:
    """Return tile names from row -> first and last column."""
    return frozenset(
        f"{row}_{column}"
        for row, (first, last) in rows.items()
        for column in range(first, last + 1)
    )


POTSDAM_TILES = AerialSet(
    image=r"(?:^|/)top_potsdam_(\d+)_(\d+)_RGB\.tif$",
    label=r"(?:^|/)top_potsdam_(\d+)_(\d+)_label_noBoundary\.tif$",
    with_boundary=r"(?:^|/)(?:5_Labels_all\.zip|top_potsdam_\d+_\d+_label\.tif)$",
    archives=("2_Ortho_RGB.zip", "5_Labels_all_noBoundary.zip"),
    tiles={
        "train": _grid(
            {2: (10, 12), 3: (10, 12), 4: (10, 12), 5: (10, 12), 6: (7, 12), 7: (7, 12)}
        ),
        "val": _grid(
            {2: (13, 14), 3: (13, 14), 4: (13, 15), 5: (13, 15), 6: (13, 15), 7: (13, 13)}
        ),
    },
    clips={"val": 2016, "train": 3456},
)

VAIHINGEN_TILES = AerialSet(
    # The folder matters: gts_for_participants beside it has labels under the images' names.
    image=r"(?:^|/)top/top_mosaic_09cm_(area\d+)\.tif$",
    label=r"(?:^|/)top_mosaic_09cm_(area\d+)_noBoundary\.tif$",
    with_boundary=r"Vaihingen_ground_truth_COMPLETE(?:\.zip$|/)",
    archives=(
        "ISPRS_semantic_labeling_Vaihingen.zip",
        "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE.zip",
    ),
    tiles={
        "train": frozenset(
            f"area{i}" for i in (1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37)
        ),
        "val": frozenset(
            f"area{i}" for i in (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)
        ),
    },
    clips={"val": 398, "train": 344},
    without_image=frozenset({"area9"}),
)


def plan(aerial: AerialSet, source: Downloaded, splits: Sequence[str], root: Path) -> Plan:  # noqa: ARG001
    """Return one piece per tile and its labels."""
    from hrnet_zoo.datasets.prepare.archives import paired  # noqa: PLC0415
    from hrnet_zoo.datasets.prepare.plan import Plan, in_both_folders  # noqa: PLC0415

    images, labels = (
        {"_".join(groups): member for groups, member in source.select(pattern).items()}
        for pattern in (aerial.image, aerial.label)
    )
    if not labels:
        _refuse_boundaries(aerial, source)
        raise source.lacks(f"the label images of {aerial.archives[1]}")
    if not images:
        raise source.lacks(f"the tiles of {aerial.archives[0]}")
    split_of = {
        tile: "train" if tile in aerial.tiles["train"] else "val"
        for tile in images.keys() | (labels.keys() - aerial.without_image)
    }
    chosen = {tile for tile, split in split_of.items() if split in splits}
    if missing := sorted(set().union(*(aerial.tiles[split] for split in splits)) - chosen):
        raise source.lacks(f"the tiles {', '.join(missing)}")
    pairs = paired(
        {tile: images[tile] for tile in sorted(chosen & images.keys())},
        {tile: labels[tile] for tile in sorted(chosen & labels.keys())},
        source.root,
    )
    return Plan(
        pieces=[
            partial(_clips, tile, split_of[tile], image, label) for tile, image, label in pairs
        ],
        expected=in_both_folders(aerial.clips, splits),
        least_bytes=int(_LEAST_COMPRESSED * sum(image.size for _, image, _ in pairs)),
    )


def _refuse_boundaries(aerial: AerialSet, source: Downloaded) -> None:
    for path in (*source.unopened, *(member.path for member in source.members)):
        if re.search(aerial.with_boundary, path):
            msg = (
                f"{path} holds the labels with object boundaries, which the documented numbers "
                f"leave out. Download {aerial.archives[1]} and put it into {source.root} instead."
            )
            raise DatasetError(msg)


def _clips(tile: str, split: str, image: Member, label: Member) -> Outputs:
    """Cut a tile, then its labels: of two such images only one is in memory at a time."""
    from hrnet_zoo.datasets.prepare.aerial import ISPRS_WEIGHTS, labels_of_colours  # noqa: PLC0415

    pixels = _decoded(image)
    size = pixels.shape
    for name, clip in _cut_all(pixels, tile):
        yield f"img_dir/{split}/{name}", clip
    del pixels, clip
    colours = _decoded(label)
    if colours.shape != size:
        msg = f"{label.location} is not of the size of its tile. Download it again."
        raise DatasetError(msg)
    for name, clip in _cut_all(colours, tile):
        yield f"ann_dir/{split}/{name}", labels_of_colours(clip, _COLOURS, ISPRS_WEIGHTS)


def _decoded(member: Member) -> NDArray[np.uint8]:
    from hrnet_zoo.datasets.prepare.aerial import CLIP  # noqa: PLC0415

    pixels = decode_image(member.read(), member.location)
    if min(pixels.shape[:2]) < CLIP:
        msg = f"{member.location} is smaller than one clip of {CLIP} pixels. Is it a preview?"
        raise DatasetError(msg)
    return pixels


def _cut_all(pixels: NDArray[np.uint8], tile: str) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    from hrnet_zoo.datasets.prepare.aerial import clip_boxes, cut  # noqa: PLC0415

    for box in clip_boxes(*pixels.shape[:2]):
        yield f"{tile}_{'_'.join(map(str, box))}.png", cut(pixels, box)


POTSDAM = LabelImages(
    name="potsdam",
    title="ISPRS Potsdam",
    root="potsdam",
    image_dir="img_dir/val",
    label_dir="ann_dir/val",
    image_suffix=".png",
    labels=(LabelFiles(suffix=".png"),),
    num_images=POTSDAM_TILES.clips["val"],
    reduce_zero_label=True,
    boundaries_ignored=True,
    classes=_CLASSES,
    typical_image=(512, 512),
    download=Download(
        archives=POTSDAM_TILES.archives,
        obtained_from=(
            "ISPRS, 2D Semantic Labeling Contest - Potsdam, isprs.org, after a request form. Both "
            "zips are inside Potsdam.zip, which is to be unpacked."
        ),
        terms="Research use; ISPRS asks to be named.",
        preparation=(
            "--source is the folder of the two zips; 6000 x 6000 tiles become clips of 512 x 512, "
            "colours become labels."
        ),
    ),
    preparer=Preparer(
        plan=partial(plan, POTSDAM_TILES),
        zips=r"(?:.*/)?(?:2_Ortho_RGB|5_Labels_all_noBoundary)\.zip",
    ),
)

VAIHINGEN = replace(
    POTSDAM,
    name="vaihingen",
    title="ISPRS Vaihingen",
    root="vaihingen",
    num_images=VAIHINGEN_TILES.clips["val"],
    download=Download(
        archives=VAIHINGEN_TILES.archives,
        obtained_from=(
            "ISPRS, 2D Semantic Labeling Contest - Vaihingen, isprs.org, after a request form. "
            "Both zips are inside Vaihingen.zip, which is to be unpacked."
        ),
        terms="Research use; ISPRS and the German Society for Photogrammetry ask to be named.",
        preparation=(
            "--source is the folder of the two zips; tiles become clips of 512 x 512, colours "
            "become labels."
        ),
    ),
    preparer=Preparer(
        plan=partial(plan, VAIHINGEN_TILES),
        zips=r"(?:.*/)?ISPRS_semantic_labeling_Vaihingen(?:_ground_truth_eroded_COMPLETE)?\.zip",
    ),
)
