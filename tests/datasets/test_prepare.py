from __future__ import annotations

import errno
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from filelock import FileLock
from fill import DATA
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from hrnet_zoo.datasets import DATASETS, isprs, named, voc12aug
from hrnet_zoo.datasets.pascal_context import CATEGORY_IDS
from hrnet_zoo.datasets.prepare.aerial import (
    ISPRS_WEIGHTS,
    clip_boxes,
    labels_of_colours,
    pad_to_patch,
    patch_boxes,
)
from hrnet_zoo.datasets.prepare.preparing import PrepareSummary, prepare
from hrnet_zoo.datasets.rle import decode_mask
from hrnet_zoo.errors import DatasetError, UsageError
from hrnet_zoo.system.progress import Silent

GOLDEN: dict[str, Any] = json.loads((DATA / "converters.json").read_text())
CASES = [name for name, case in GOLDEN.items() if isinstance(case, dict)]
UNPACKED = ("potsdam_700x1100", "vaihingen_1281x900", "isaid_600x650")
BOUNDARY_FREE = "5_Labels_all_noBoundary"
ISAID_COLOURS = DATASETS["isaid"].classes.palette
ISPRS_COLOURS = ((0, 0, 0), *DATASETS["potsdam"].classes.palette)
PREPARED = {name: entry.preparer for name, entry in DATASETS.items() if entry.preparer}
ERODED = "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE"
Pixels = NDArray[np.uint8]
Files = dict[str, bytes]


class Heard(Silent):
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done: list[int] = []
        self.total: int | None = None

    def begin(self, what: str, total: int | None, unit: str) -> None:
        assert what.startswith("prepare")
        assert unit == "images"
        self.total = total

    def update(self, done: int, total: int | None = None) -> None:
        assert total is None
        self.done.append(done)

    def say(self, text: str) -> None:
        self.said.append(text)


def run(
    name: str,
    source: Path,
    out: Path,
    *,
    splits: tuple[str, ...] = ("val",),
    workers: int = 2,
    progress: Silent | None = None,
    overwrite: bool = False,
) -> PrepareSummary:
    return prepare(
        named(name),
        source,
        out,
        splits=splits,
        workers=workers,
        progress=progress or Silent(),
        overwrite=overwrite,
    )


@cache
def make_image(h: int, w: int, seed: int) -> Pixels:
    """The synthetic picture that tests/data/converters.json was made from."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[:h, :w].astype(np.float64)
    channels = []
    for c in range(3):
        v = 110 + 45 * np.sin(2 * np.pi * ((c + 1) * x / w + (3 - c) * y / h) + c)
        for _ in range(14):
            cy, cx = rng.uniform(0, h), rng.uniform(0, w)
            s = rng.uniform(0.03, 0.18) * min(h, w)
            v += rng.uniform(-110, 110) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
        channels.append(v)
    texture = 30 * np.sin(0.9 * x + 0.05 * y) * np.sin(0.7 * y) * (x > w / 2)
    checks = 25 * ((x // 9 + y // 7) % 2) * (y > h / 2)
    stacked = np.stack(channels, -1) + (texture + checks)[..., None]
    rounded: Pixels = np.rint(stacked).clip(0, 255).astype(np.uint8)
    return rounded


def make_label(h: int, w: int, colours: Any) -> Pixels:
    y, x = np.mgrid[:h, :w]
    table = np.array(colours, np.uint8)
    chosen: Pixels = table[((y // 40) * 3 + x // 50) % len(table)]
    return chosen


def encoded(pixels: Pixels, form: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def short_hash(pixels: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]


def read_image(path: Path) -> Pixels:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert bgr is not None
    return bgr[:, :, ::-1].astype(np.uint8)


def read_label(path: Path) -> Pixels:
    label: Pixels = np.asarray(Image.open(path))
    return label


def write_source(folder: Path, archives: dict[str, Files], *, zipped: bool) -> Path:
    """Write a download: archive path without .zip -> its members; zipped, or unpacked in place."""
    for archive, files in archives.items():
        if zipped:
            path = folder / f"{archive}.zip"
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(path, "w") as out:
                for name, content in files.items():
                    out.writestr(name, content)
            continue
        for name, content in files.items():
            path = folder / archive / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def potsdam_archives(tiles: Any, image: Pixels, label: Pixels) -> dict[str, Files]:
    return {
        "2_Ortho_RGB": {
            f"2_Ortho_RGB/top_potsdam_{tile}_RGB.tif": encoded(image, "tiff") for tile in tiles
        },
        BOUNDARY_FREE: {
            f"top_potsdam_{tile}_label_noBoundary.tif": encoded(label, "tiff") for tile in tiles
        },
    }


def small_potsdam(folder: Path, *, zipped: bool = True) -> Path:
    tiles = sorted(isprs.POTSDAM_TILES.tiles["val"])
    image = np.random.default_rng(3).integers(0, 256, (520, 530, 3), np.uint8)
    label = make_label(520, 530, ISPRS_COLOURS)
    return write_source(folder, potsdam_archives(tiles, image, label), zipped=zipped)


def isaid_archives(pictures: dict[str, tuple[Pixels, Pixels]]) -> dict[str, Files]:
    return {
        "val/images/part1": {f"images/{s}.png": encoded(p) for s, (p, _) in pictures.items()},
        "val/Semantic_masks/images": {
            f"images/{s}_instance_color_RGB.png": encoded(m) for s, (_, m) in pictures.items()
        },
    }


def loveda_archives() -> dict[str, Files]:
    files: Files = {
        "Val/Rural/images_png/.DS_Store": b"?",
        "__MACOSX/Val/Rural/images_png/x.png": b"",
    }
    for place, number in (("Rural", 2522), ("Rural", 2523), ("Urban", 3514)):
        rng = np.random.default_rng(number)
        files[f"Val/{place}/images_png/{number}.png"] = encoded(
            rng.integers(0, 256, (32, 32, 3), np.uint8)
        )
        files[f"Val/{place}/masks_png/{number}.png"] = encoded(
            rng.integers(0, 8, (32, 32), np.uint8)
        )
    return {"Val": files}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def visible(root: Path) -> dict[str, bytes]:
    """Return all files below a folder except the lock."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".prepare.lock"
    }


# --- the goldens


def golden_source(name: str, folder: Path, *, zipped: bool) -> Path:
    case = GOLDEN[name]
    image = make_image(case["h"], case["w"], case["image_seed"])
    kind = name.partition("_")[0]
    label = make_label(
        case["h"], case["w"], GOLDEN["isaid_colors_rgb" if kind == "isaid" else "isprs_colors_rgb"]
    )
    if kind == "isaid":
        return write_source(folder, isaid_archives({"P0003": (image, label)}), zipped=zipped)
    prefix = "2_Ortho_RGB/" if kind == "potsdam" else "top/"
    archives = {
        "2_Ortho_RGB" if kind == "potsdam" else "ISPRS_semantic_labeling_Vaihingen": {
            prefix + case["img_source"]: encoded(image, "tiff")
        },
        BOUNDARY_FREE if kind == "potsdam" else ERODED: {
            case["ann_source"]: encoded(label, "tiff")
        },
    }
    return write_source(folder, archives, zipped=zipped)


def golden_tiles(name: str) -> dict[str, dict[str, tuple[list[int], str]]]:
    """Return kind ("img", "ann") -> file name -> (shape, hash)."""
    expected: dict[str, dict[str, tuple[list[int], str]]] = {"img": {}, "ann": {}}
    for tile, kinds in GOLDEN[name]["tiles"].items():
        for kind, (*own_name, shape, digest) in kinds.items():
            expected[kind][own_name[0] if own_name else tile] = (shape, digest)
    return expected


@pytest.mark.parametrize(
    ("name", "zipped"),
    [*((name, True) for name in CASES), *((name, False) for name in UNPACKED)],
)
def test_goldens(name: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = name.partition("_")[0]
    split = "train" if name == "potsdam_1024x512" else "val"
    if kind != "isaid":  # the goldens are single tiles; everything else checks for all of them
        aerial = isprs.POTSDAM_TILES if kind == "potsdam" else isprs.VAIHINGEN_TILES
        stem = next(iter(GOLDEN[name]["tiles"])).rsplit("_", 4)[0]
        assert stem in aerial.tiles[split]
        one = replace(
            aerial, tiles={"train": frozenset(), "val": frozenset()} | {split: frozenset({stem})}
        )
        preparer = replace(PREPARED[kind], plan=partial(isprs.plan, one))
        monkeypatch.setitem(DATASETS, kind, replace(DATASETS[kind], preparer=preparer))
    source = golden_source(name, tmp_path / "source", zipped=zipped)
    summary = run(kind, source, tmp_path / "out", splits=(split,))
    expected = golden_tiles(name)
    assert summary.written == sum(map(len, expected.values()))
    for part, read in (("img", read_image), ("ann", read_label)):
        folder = summary.root / f"{part}_dir" / split
        made = {file: read(folder / file) for file in sorted(names(folder))}
        if kind == "isaid" and part == "ann":
            made = {file: one_bit(tile) for file, tile in made.items()}
        found = {file: (list(tile.shape), short_hash(tile)) for file, tile in made.items()}
        assert found == expected[part]


def one_bit(label: Pixels) -> Pixels:
    """What upstream's iSAID labels become with Pillow 10.1 and newer, by which they were recorded.

    The classes themselves are the next test's business.
    """
    collapsed: Pixels = (label != 0).astype(np.uint8)
    return collapsed


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("isaid")])
def test_isaid_labels_keep_their_classes(name: str, tmp_path: Path) -> None:
    source = golden_source(name, tmp_path / "source", zipped=True)
    folder = run("isaid", source, tmp_path).root / "ann_dir/val"
    h, w = GOLDEN[name]["h"], GOLDEN[name]["w"]
    y, x = np.mgrid[:h, :w]
    classes = (((y // 40) * 3 + x // 50) % 17 % 16).astype(np.uint8)  # the 17th is not a class: 0
    for path in folder.iterdir():
        y0, y1, x0, x1 = map(int, path.name.split("_")[1:5])
        part = classes[y0:y1, x0:x1]
        label = read_label(path)
        assert np.array_equal(label[: part.shape[0], : part.shape[1]], part)
        assert (label[part.shape[0] :] == 255).all()
        assert (label[:, part.shape[1] :] == 255).all()


@pytest.mark.parametrize(
    ("height", "width", "count"), [(6000, 6000, 144), (512, 512, 1), (513, 512, 2), (1024, 1500, 6)]
)
def test_clips_cover_the_tile_without_the_nominal_stride(
    height: int, width: int, count: int
) -> None:
    boxes = clip_boxes(height, width)
    assert len(set(boxes)) == len(boxes) == count
    covered = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in boxes:
        assert (x1 - x0, y1 - y0) == (512, 512)
        covered[y0:y1, x0:x1] = True
    assert covered.all()


def test_patches_are_not_padded_when_a_side_fits_exactly() -> None:
    assert pad_to_patch(np.zeros((896, 100), np.uint8), 255).shape == (896, 100)
    assert pad_to_patch(np.zeros((100, 100, 3), np.uint8), 0).shape == (896, 896, 3)
    assert pad_to_patch(np.zeros((1000, 100), np.uint8), 255).shape == (1000, 896)
    assert patch_boxes(896, 800) == [(-96, 0, 800, 896)]


def test_colours_that_are_no_label_become_zero() -> None:
    row = np.array([[*ISPRS_COLOURS, (12, 200, 34)]], np.uint8)
    assert labels_of_colours(row, ISPRS_COLOURS, ISPRS_WEIGHTS).tolist() == [
        [0, 1, 2, 3, 4, 5, 6, 0]
    ]
    row = np.array([[*ISAID_COLOURS, (9, 9, 9), (255, 255, 255)]], np.uint8)
    assert labels_of_colours(row, ISAID_COLOURS).tolist() == [[*range(16), 0, 0]]


# --- resuming, and existing files


def test_potsdam_whole_split_and_progress(tmp_path: Path) -> None:
    heard = Heard()
    summary = run("potsdam", small_potsdam(tmp_path / "source"), tmp_path, progress=heard)
    assert [(f.folder, f.written, f.expected) for f in summary.folders] == [
        ("img_dir/val", 14 * 4, 2016),
        ("ann_dir/val", 14 * 4, 2016),
    ]
    assert heard.total == 14
    assert heard.done == list(range(1, 15))
    assert any("got 56 files; the complete download makes 2016" in text for text in heard.said)
    assert names(tmp_path / "potsdam/img_dir/val") == names(tmp_path / "potsdam/ann_dir/val")


def test_killed_run_is_completed(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source")
    root = run("potsdam", source, tmp_path).root
    whole = visible(root)
    halves = sorted(whole)[::2]
    for name in halves:
        (root / name).unlink()
        (root / name).with_name(f".{Path(name).name}.part").write_bytes(b"half a file")
    summary = run("potsdam", source, tmp_path, workers=1)
    assert (summary.written, summary.already_there) == (len(halves), len(whole) - len(halves))
    assert visible(root) == whole


def test_same_pixels_in_another_encoding_are_left_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (900, 900, 3), np.uint8)
    pictures = {"P0003": (image, make_label(900, 900, ISAID_COLOURS))}
    source = write_source(tmp_path / "source", isaid_archives(pictures), zipped=True)
    folder = run("isaid", source, tmp_path).root / "img_dir/val"
    for path in folder.iterdir():  # upstream stores BMP under these names
        Image.fromarray(read_image(path)).save(path, "BMP")
    before = visible(folder)
    summary = run("isaid", source, tmp_path)
    assert (summary.written, summary.already_there) == (0, 8)
    assert visible(folder) == before


@pytest.mark.parametrize("damage", ["pixel", "cut"])
def test_different_file_is_never_replaced_silently(tmp_path: Path, damage: str) -> None:
    source = small_potsdam(tmp_path / "source")
    root = run("potsdam", source, tmp_path).root
    target = root / "ann_dir/val/4_14_0_0_512_512.png"
    label = read_label(target).copy()
    label[7, 7] ^= 1
    target.write_bytes(encoded(label) if damage == "pixel" else target.read_bytes()[:-20])
    before = visible(root)
    with pytest.raises(DatasetError, match=r"ann_dir/val/4_14_0_0_512_512\.png.*--overwrite"):
        run("potsdam", source, tmp_path)
    assert visible(root) == before
    assert run("potsdam", source, tmp_path, overwrite=True).written == 1
    assert read_label(target)[7, 7] != label[7, 7]


def test_workers_do_not_change_the_files(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source")
    one = run("potsdam", source, tmp_path / "one", workers=1).root
    many = run("potsdam", source, tmp_path / "many", workers=7).root
    assert visible(one) == visible(many)


def test_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = small_potsdam(tmp_path / "source")
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "3_14" in path.name:
            write(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            DatasetError, match=r"No space left on device.*goes on where it stopped"
        ):
            run("potsdam", source, tmp_path)
    assert not list((tmp_path / "potsdam").rglob("*.part"))
    run("potsdam", source, tmp_path)
    assert len(names(tmp_path / "potsdam/img_dir/val")) == 56


def test_too_little_space_is_noticed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = small_potsdam(tmp_path / "source")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DatasetError, match=r"at least .* GB more, and only 0\.0 GB are free"):
        run("potsdam", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_at_once(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source")
    (tmp_path / "potsdam").mkdir()
    with (
        FileLock(tmp_path / "potsdam/.prepare.lock"),
        pytest.raises(DatasetError, match="Another process"),
    ):
        run("potsdam", source, tmp_path)


def test_interrupt_stops_soon_and_is_resumed(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source")

    class Impatient(Silent):
        def update(self, done: int, total: int | None = None) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("potsdam", source, tmp_path, workers=1, progress=Impatient())
    made = len(names(tmp_path / "potsdam/img_dir/val"))
    assert 4 <= made < 56
    assert threading.active_count() == 1
    assert run("potsdam", source, tmp_path).already_there >= 2 * made


# --- bad sources


@pytest.mark.parametrize("keep", [0.5, 0.97])
def test_truncated_zip(tmp_path: Path, keep: float) -> None:
    path = small_potsdam(tmp_path / "source") / "2_Ortho_RGB.zip"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DatasetError, match=r"2_Ortho_RGB\.zip is not an intact zip"):
        run("potsdam", path.parent, tmp_path)


def test_corrupt_zip_member(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source")
    path = source / f"{BOUNDARY_FREE}.zip"
    content = bytearray(path.read_bytes())
    content[20_000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"noBoundary\.zip is not an intact zip"):
        run("potsdam", source, tmp_path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
def test_potsdam_labels_with_boundary_are_refused(tmp_path: Path, zipped: bool) -> None:
    archives = potsdam_archives(
        ["2_13"], np.zeros((512, 512, 3), np.uint8), np.zeros((512, 512, 3), np.uint8)
    )
    content = archives.pop(BOUNDARY_FREE)
    archives["5_Labels_all"] = {k.replace("_noBoundary", ""): v for k, v in content.items()}
    source = write_source(tmp_path / "source", archives, zipped=zipped)
    wrong = r"5_Labels_all\.zip" if zipped else r"top_potsdam_2_13_label\.tif"
    with pytest.raises(DatasetError, match=rf"{wrong} holds .*5_Labels_all_noBoundary\.zip"):
        run("potsdam", source, tmp_path)


def test_vaihingen_ignores_the_participants_labels(tmp_path: Path) -> None:
    image = np.full((512, 512, 3), 7, np.uint8)
    label = make_label(512, 512, ISPRS_COLOURS)
    tiles = sorted(isprs.VAIHINGEN_TILES.tiles["val"] | isprs.VAIHINGEN_TILES.tiles["train"])
    tif, labels_tif = encoded(image, "tiff"), encoded(label, "tiff")
    archives: dict[str, Files] = {
        "ISPRS_semantic_labeling_Vaihingen": {
            **{f"top/top_mosaic_09cm_{tile}.tif": tif for tile in tiles},
            **{f"gts_for_participants/top_mosaic_09cm_{t}.tif": labels_tif for t in tiles},
        },
        ERODED: {
            f"top_mosaic_09cm_{tile}_noBoundary.tif": labels_tif for tile in [*tiles, "area9"]
        },
    }
    source = write_source(tmp_path / "source", archives, zipped=True)
    root = run("vaihingen", source, tmp_path, splits=("val", "train")).root
    assert len(names(root / "img_dir/val")) == len(names(root / "ann_dir/val")) == 17
    assert len(names(root / "img_dir/train")) == 16
    assert read_image(root / "img_dir/val/area12_0_0_512_512.png").max() == 7
    (source / f"{ERODED}.zip").rename(source / f"{ERODED.replace('eroded_', '')}.zip")
    with pytest.raises(DatasetError, match="with object boundaries"):
        run("vaihingen", source, tmp_path)


def test_missing_tile_and_missing_annotation(tmp_path: Path) -> None:
    source = small_potsdam(tmp_path / "source", zipped=False)
    (source / BOUNDARY_FREE / "top_potsdam_6_13_label_noBoundary.tif").unlink()
    with pytest.raises(DatasetError, match=r"1 images have no annotation \(6_13\)"):
        run("potsdam", source, tmp_path)
    (source / "2_Ortho_RGB/2_Ortho_RGB/top_potsdam_6_13_RGB.tif").unlink()
    with pytest.raises(DatasetError, match="lacks the tiles 6_13"):
        run("potsdam", source, tmp_path)
    assert not (tmp_path / "potsdam").exists()


def test_archives_that_were_not_opened_are_named(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with zipfile.ZipFile(source / "Potsdam.zip", "w") as out:
        out.writestr("Potsdam/5_Labels_all_noBoundary.zip", b"")
    with pytest.raises(DatasetError, match=r"not looked into: source/Potsdam\.zip.*Unpack"):
        run("potsdam", source, tmp_path)
    with pytest.raises(DatasetError, match=r"5_Labels_all_noBoundary\.zip\. Unpack"):
        run("potsdam", source / "Potsdam.zip", tmp_path)


def test_label_of_another_size(tmp_path: Path) -> None:
    pictures = {"P0003": (np.zeros((900, 900, 3), np.uint8), np.zeros((899, 900, 3), np.uint8))}
    source = write_source(tmp_path / "source", isaid_archives(pictures), zipped=True)
    with pytest.raises(DatasetError, match="not of the size of its image"):
        run("isaid", source, tmp_path)


def test_names_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'"potsdan".*Close: potsdam'):
        run("potsdan", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="ADE20K needs no preparation"):
        run("ade20k", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="val split of Pascal VOC 2012 needs no preparation"):
        run("voc12aug", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="val or train, not 'test'"):
        run("isaid", tmp_path, tmp_path, splits=("test",))
    with pytest.raises(UsageError, match="at least 1 worker"):
        run("isaid", tmp_path, tmp_path, workers=0)
    with pytest.raises(DatasetError, match=r"no folder .*nowhere"):
        run("isaid", tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize("name", sorted(PREPARED))
def test_empty_source(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lacks"):
        run(name, tmp_path, tmp_path / "out", splits=PREPARED[name].splits[:1])
    assert not (tmp_path / "out").exists()


def test_every_real_data_set_has_a_download() -> None:
    real = {name for name, entry in DATASETS.items() if entry.download}
    assert real == set(DATASETS) - {"scenes", "scenes_boxes", "scenes_objects"}
    assert set(PREPARED) <= real


# --- the other data sets


@pytest.mark.parametrize("form", ["zip", "one zip", "folder", "linked folder"])
def test_loveda(tmp_path: Path, form: str) -> None:
    archives = loveda_archives()
    source = tmp_path / "source"
    if "zip" in form:
        write_source(source, archives, zipped=True)
    else:
        write_source(tmp_path / "real", {"": archives["Val"]}, zipped=False)
        (source if form == "folder" else source / "in").parent.mkdir(exist_ok=True)
        link = source if form == "folder" else source / "in"
        link.symlink_to(tmp_path / "real", target_is_directory=True)
    heard = Heard()
    summary = run(
        "loveda", source / "Val.zip" if form == "one zip" else source, tmp_path, progress=heard
    )
    assert names(summary.root / "img_dir/val") == {"2522.png", "2523.png", "3514.png"}
    mask = summary.root / "ann_dir/val/3514.png"
    assert mask.read_bytes() == archives["Val"]["Val/Urban/masks_png/3514.png"]
    assert any("got 3 files; the complete download makes 1669" in text for text in heard.said)
    assert run("loveda", source, tmp_path).already_there == 6


def test_loveda_annotation_missing_and_damaged(tmp_path: Path) -> None:
    archives = loveda_archives()
    whole = archives["Val"].pop("Val/Urban/masks_png/3514.png")
    source = write_source(tmp_path / "a", archives, zipped=True)
    with pytest.raises(DatasetError, match=r"1 images have no annotation \(3514\.png\)"):
        run("loveda", source, tmp_path)
    archives["Val"]["Val/Urban/masks_png/3514.png"] = whole[:-9]
    source = write_source(tmp_path / "b", archives, zipped=True)
    with pytest.raises(DatasetError, match=r"3514\.png cannot be decoded"):
        run("loveda", source, tmp_path)
    archives["Val"]["Val/Rural/images_png/3514.png"] = whole
    source = write_source(tmp_path / "c", archives, zipped=True)
    with pytest.raises(DatasetError, match="have one name"):
        run("loveda", source, tmp_path)


def cityscapes_archive(label: Pixels) -> dict[str, Files]:
    stem = "frankfurt_000000_000294"
    return {
        "gtFine_trainvaltest": {
            f"gtFine/val/frankfurt/{stem}_gtFine_labelIds.png": encoded(label),
            f"gtFine/val/frankfurt/{stem}_gtFine_color.png": b"never read",
            "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png": encoded(label[::-1]),
        }
    }


@pytest.mark.parametrize("form", ["zip", "folder", "in place"])
def test_cityscapes(tmp_path: Path, form: str) -> None:
    stored = np.arange(34, dtype=np.uint8).repeat(3).reshape(6, 17)
    archives = cityscapes_archive(stored)
    source = tmp_path / "source"
    if form == "in place":
        source = tmp_path / "cityscapes"
        archives = {"": archives["gtFine_trainvaltest"]}
    write_source(source, archives, zipped=form == "zip")
    summary = run("cityscapes", source, tmp_path, splits=("val", "train"))
    assert [(f.folder, f.written, f.expected) for f in summary.folders] == [
        ("gtFine/val", 1, 500),
        ("gtFine/train", 1, 2975),
    ]
    made = read_label(
        summary.root / "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelTrainIds.png"
    )
    evaluated = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    wanted = [evaluated.index(v) if v in evaluated else 255 for v in stored.ravel().tolist()]
    assert made.ravel().tolist() == wanted


def test_cityscapes_with_other_values(tmp_path: Path) -> None:
    archives = cityscapes_archive(np.full((4, 4), 34, np.uint8))
    source = write_source(tmp_path / "source", archives, zipped=True)
    with pytest.raises(DatasetError, match="value 34, which is not a Cityscapes label id"):
        run("cityscapes", source, tmp_path)


# --- Pascal Context


def coco_text(mask: NDArray[np.bool_]) -> str:
    """Encode a mask as COCO does: the plain way round, to test the decoder."""
    flat = mask.T.ravel().astype(np.int8)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    if flat[0]:
        runs.insert(0, 0)
    text = ""
    for i, run_length in enumerate(runs):
        x = run_length - (runs[i - 2] if i > 2 else 0)
        more = True
        while more:
            c = x & 0x1F
            x >>= 5
            more = x != -1 if c & 0x10 else x != 0
            text += chr((c | 0x20 if more else c) + 48)
    return text


@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 0.98, 1.0])
def test_masks_are_decoded(density: float) -> None:
    rng = np.random.default_rng(int(density * 100))
    mask = rng.uniform(size=(53, 211)) < density
    mask[10:40, 20:150] = density > 0.01
    decoded = decode_mask({"size": [53, 211], "counts": coco_text(mask)}, 53, 211)
    assert np.array_equal(decoded.reshape(211, 53).T, mask)


def test_masks_as_pycocotools_writes_them() -> None:
    decoded = decode_mask({"size": [4, 3], "counts": "142OON"}, 4, 3)
    assert decoded.astype(int).tolist() == [0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1]
    for wrong in ({"counts": "141"}, {"counts": "142OON", "size": [3, 4]}, {"counts": "14o"}):
        with pytest.raises(ValueError, match="mask"):
            decode_mask(wrong, 4, 3)


def annotation_file(height: int = 6, width: int = 5) -> dict[str, Any]:
    """The shape of trainval_merged.json, with two images of each split."""
    left, top = np.zeros((2, height, width), bool)
    left[:, :2], top[:3] = True, True

    def annotation(number: int, image_id: int, category: int, mask: Any) -> dict[str, Any]:
        segmentation = {"size": [height, width], "counts": coco_text(mask)}
        parts = [{"part_id": 1, "segmentation": segmentation}]
        return {
            "id": number,
            "image_id": image_id,
            "category_id": category,
            "segmentation": segmentation,
            "parts": parts,
            "iscrowd": 0,
            "area": int(mask.sum()),
            "bbox": [0, 0, 1, 1],
        }

    return {
        "info": {"version": "1"},
        "images": [
            {
                "image_id": 2008000000 + i,
                "file_name": f"2008_{i:06d}.jpg",
                "height": height,
                "width": width,
                "phase": phase,
                "date_captured": "31-Dec-2007",
            }
            for i, phase in ((4, "val"), (2, "train"), (3, "val"), (1, "train"))
        ],
        "annos_segmentation": [
            annotation(1, 2008000004, 458, top),
            annotation(2, 2008000004, 2, left),  # painted later although larger
            annotation(3, 2008000002, 9, top),
            annotation(4, 2008000001, 18, left),
        ],
        "annos_joints": [{"person_id": 1, "image_id": 2008000004}],
        "categories": [{"category_id": 2, "name": "aeroplane", "parts": [1]}],
        "parts": [{"part_id": 1, "name": "wing"}],
    }


def write_annotations(folder: Path, data: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "trainval_merged.json").write_text(json.dumps(data))
    return folder


@pytest.mark.parametrize("name", ["pascal_context", "pascal_context_59"])
def test_pascal_context(name: str, tmp_path: Path) -> None:
    source = write_annotations(tmp_path / "source", annotation_file())
    heard = Heard()
    root = run(name, source, tmp_path, progress=heard).root
    folder = root / "SegmentationClassContext"
    assert names(folder) == {"2008_000003.png", "2008_000004.png"}
    expected = np.zeros((6, 5), np.uint8)
    expected[:3] = 59
    expected[:, :2] = 1
    assert np.array_equal(read_label(folder / "2008_000004.png"), expected)
    assert not read_label(folder / "2008_000003.png").any()
    assert "1 images have no annotation; they become background, as they do upstream" in heard.said
    lists = root / "ImageSets/SegmentationContext"
    assert (lists / "val.txt").read_text() == "2008_000003\n2008_000004\n"
    assert not (lists / "train.txt").exists()
    run(name, source, tmp_path, splits=("val", "train"))
    assert (lists / "train.txt").read_text() == "2008_000001\n2008_000002\n"
    assert len(CATEGORY_IDS) == 60
    assert list(CATEGORY_IDS) == sorted(CATEGORY_IDS)


def test_pascal_context_category_outside_the_list(tmp_path: Path) -> None:
    data = annotation_file()
    for wrong in (3, 459):
        data["annos_segmentation"][1]["category_id"] = wrong
        source = write_annotations(tmp_path / "source", data)
        with pytest.raises(DatasetError, match=f"2008_000004 has the category {wrong}"):
            run("pascal_context", source, tmp_path)


def polygon(data: dict[str, Any]) -> None:
    data["annos_segmentation"][0]["segmentation"] = [[0, 0, 1, 1, 2, 0]]


def short_mask(data: dict[str, Any]) -> None:
    data["annos_segmentation"][0]["segmentation"]["counts"] = "11"


@pytest.mark.parametrize("spoil", [polygon, short_mask])
def test_pascal_context_masks_that_cannot_be_decoded(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    data = annotation_file()
    spoil(data)
    source = write_annotations(tmp_path / "source", data)
    with pytest.raises(DatasetError, match="a mask of image 2008_000004 cannot be decoded"):
        run("pascal_context", source, tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"images": [{}], "annos_segmentation": [}'])
def test_pascal_context_other_files(tmp_path: Path, content: str) -> None:
    (tmp_path / "trainval_merged.json").write_text(content)
    with pytest.raises(DatasetError, match="not the annotation file"):
        run("pascal_context", tmp_path, tmp_path)


# --- VOC Aug


def mat(mask: Pixels) -> bytes:
    buffer = io.BytesIO()
    struct = {"Segmentation": mask, "CategoriesPresent": np.array([1.0])}
    savemat(buffer, {"GTcls": struct})
    return buffer.getvalue()


@pytest.fixture
def small_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """VOC's own lists where they are unpacked to; SBD knows one validation image of VOC."""
    lists = tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "val.txt").write_text("v\nw\n")
    monkeypatch.setattr(voc12aug, "TRAIN_AUG_IMAGES", 4)
    return iter([lists])


def sbd(folder: Path, encode: Callable[[Pixels], bytes], mask: Pixels) -> Path:
    files = {f"dataset/cls/{stem}.mat": encode(mask) for stem in "bcdv"}
    files |= {"dataset/train.txt": b"b\nd\n", "dataset/val.txt": b"c\nv\n"}
    return write_source(folder, {"benchmark_RELEASE": files}, zipped=False)


MASK = np.arange(21, dtype=np.uint8).reshape(3, 7)


def check_voc_aug(source: Path, out: Path, lists: Path) -> None:
    root = run("voc12aug", source, out, splits=("train",)).root
    assert names(root / "SegmentationClassAug") == {"b.png", "c.png", "d.png", "v.png"}
    assert np.array_equal(read_label(root / "SegmentationClassAug/c.png"), MASK)
    assert (lists / "trainaug.txt").read_text() == "a\nb\nc\nd\n"
    assert (lists / "aug.txt").read_text() == "c\nd\n"


def test_voc_aug(
    tmp_path: Path, small_lists: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sbd(tmp_path / "source", mat, MASK)
    check_voc_aug(source, tmp_path, next(small_lists))
    (source / "benchmark_RELEASE/dataset/cls/c.mat").write_bytes(mat(MASK)[:-10])
    with pytest.raises(DatasetError, match=r"c\.mat is not an intact mask"):
        run("voc12aug", source, tmp_path, splits=("train",))
    savemat(bomb := io.BytesIO(), {"GTcls": np.zeros(5000, np.uint8)}, do_compression=True)
    (source / "benchmark_RELEASE/dataset/cls/c.mat").write_bytes(bomb.getvalue())
    monkeypatch.setattr(voc12aug, "_LARGEST", 5000)
    with pytest.raises(DatasetError, match=r"c\.mat is not .* would take 5000 bytes or more"):
        run("voc12aug", source, tmp_path, splits=("train",))


def test_voc_aug_bad_sources(
    tmp_path: Path, small_lists: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sbd(tmp_path / "source", mat, np.full((3, 7), 33, np.uint8))
    with pytest.raises(DatasetError, match="values that are not classes"):
        run("voc12aug", source, tmp_path, splits=("train",))
    (source / "benchmark_RELEASE/dataset/cls/b.mat").write_bytes(b"not a .mat file")
    monkeypatch.setattr(voc12aug, "TRAIN_AUG_IMAGES", 10582)
    with pytest.raises(DatasetError, match="make 4 training images, not 10582"):
        run("voc12aug", source, tmp_path, splits=("train",))
    (next(small_lists) / "val.txt").unlink()
    with pytest.raises(DatasetError, match=r"VOCtrainval_11-May-2012\.tar"):
        run("voc12aug", source, tmp_path, splits=("train",))
