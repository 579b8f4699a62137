"""Data sets for classification: what is listed, opened, and found to be wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.classification_goldens import FOLDER
from support.trees import picture

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.check_report import CheckReport
from hrnet_zoo.datasets.checking import check
from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.class_listing import SUFFIXES, images_in_folders, read_list
from hrnet_zoo.datasets.data_set import classes
from hrnet_zoo.datasets.imagenet import IMAGENET
from hrnet_zoo.datasets.problems import Note
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.progress import Silent

REFERENCE: dict[str, Any] = json.loads((FOLDER / "dataset.json").read_text())
SMALL = ClassFolders(
    name="small",
    title="Small",
    root="small",
    image_dir="val",
    num_images=6,
    images_per_class=2,
    classes=classes("tench #000001, goldfish #000002, basset #000003"),
    typical_image=(24, 16),
    folders=("n01440764", "n01443537", "n02088238"),
    image_suffix=".JPEG",
    list_file="meta/val.txt",
    known_labels={"image_3": 1},
)


def image_path(root: Path, number: int, *, in_folders: bool = True) -> Path:
    folder = SMALL.folders[number // 2] if in_folders else "."
    return root / "val" / folder / f"image_{number}.JPEG"


def make_small(tmp_path: Path, *, in_folders: bool = True) -> Path:
    """Write two images for each of three classes; return the data set's folder."""
    root, rng = tmp_path / "small", np.random.default_rng(5)
    for number in range(6):
        path = image_path(root, number, in_folders=in_folders)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(rng, (16, 24))).save(path, quality=90)
    if not in_folders:
        write_list(root, "".join(f"image_{n}.JPEG {n // 2}\n" for n in range(6)))
    return root


def write_list(root: Path, text: str) -> None:
    (root / "meta").mkdir(exist_ok=True)
    (root / "meta" / "val.txt").write_text(text)


def report_on(folder: Path, *, sample: int | None = None) -> CheckReport:
    return check(SMALL, folder, workers=2, sample=sample, progress=Silent())


def kinds(report: CheckReport) -> dict[str, int]:
    return {problem.kind.name: problem.count for problem in report.problems}


def test_folders_as_upstream_lists_them(tmp_path: Path) -> None:
    case = REFERENCE["folders"]
    for name in case["tree"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = sorted({path.name for path in tmp_path.iterdir() if path.is_dir()})
    assert [list(entry) for entry in images_in_folders(tmp_path, names)] == case["listed"]


def test_a_list_as_upstream_reads_it(tmp_path: Path) -> None:
    case, notes = REFERENCE["list"], list[Note]()
    (tmp_path / "val.txt").write_text(case["text"])
    entries = read_list(tmp_path / "val.txt", 1000, notes)
    assert [[path, label] for path, label in entries] == case["listed"]
    assert not notes


def test_suffixes_are_upstreams() -> None:
    assert list(SUFFIXES) == REFERENCE["extensions"]


@pytest.mark.parametrize("in_folders", [True, False], ids=["folders", "list"])
def test_an_intact_data_set(tmp_path: Path, in_folders: bool) -> None:
    root = make_small(tmp_path, in_folders=in_folders)
    for folder in (tmp_path, root):
        samples = SMALL.open(folder)
        assert samples.root == root
        assert len(samples) == 6
        assert [samples.label_of(i) for i in range(6)] == [0, 0, 1, 1, 2, 2]
        assert samples.path_of(4) == image_path(root, 4, in_folders=in_folders)
    sample = samples.load(3)
    assert (sample.name, sample.label) == ("image_3", 1)
    assert sample.name == samples.name_of(3)
    assert sample.image.shape == (16, 24, 3)
    report = report_on(tmp_path)
    assert report.is_fine, report.problems
    assert report.unseen_classes == ()
    assert (report.num_images, report.num_pairs, report.num_read) == (6, 6, 6)
    assert [(size.width, size.height, size.images) for size in report.sizes] == [(24, 16, 6)]


def test_both_layouts_hold_the_same_data(tmp_path: Path) -> None:
    folders, listed = tmp_path / "folders", tmp_path / "list"
    make_small(folders)
    make_small(listed, in_folders=False)
    fingerprints = {report_on(folder).fingerprint for folder in (folders, listed)}
    assert len(fingerprints) == 1
    assert fingerprints != {None}


def test_the_class_is_part_of_what_is_digested(tmp_path: Path) -> None:
    root = make_small(tmp_path, in_folders=False)
    digests = []
    for label in (0, 2):
        write_list(root, f"image_1.JPEG {label}\n")
        digests.append(SMALL.open(root).load(0).digest)
    assert digests[0] != digests[1]


def test_a_list_counts_more_than_folders(tmp_path: Path) -> None:
    root = make_small(tmp_path)
    write_list(root, f"{SMALL.folders[0]}/image_0.JPEG 2\n")
    samples = SMALL.open(root)
    assert len(samples) == 1
    assert samples.label_of(0) == 2


def test_contents_decide_not_times(tmp_path: Path) -> None:
    root = make_small(tmp_path, in_folders=False)
    samples = SMALL.open(root)
    before = samples.stamp(), samples.digest(5)
    assert samples.digest(5) == samples.load(5).digest
    path = image_path(root, 5, in_folders=False)
    os.utime(path, (1, 1))
    os.utime(root / "meta" / "val.txt", (1, 1))
    assert (samples.stamp(), samples.digest(5)) == before
    path.write_bytes(path.read_bytes() + b"x")
    assert (samples.stamp(), samples.digest(5) == before[1]) == (before[0], False)


def test_images_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    root = make_small(tmp_path)
    image_path(root, 1).rename(image_path(root, 1).with_name("image_2.JPEG"))
    samples = SMALL.open(root)
    names = [samples.name_of(i) for i in range(6)]
    assert len(set(names)) == 6
    assert names[1:3] == ["n01440764/image_2.JPEG", "n01443537/image_2.JPEG"]


def drop_folder(root: Path) -> None:
    for number in (2, 3):
        image_path(root, number).unlink()
    image_path(root, 2).parent.rmdir()


def add_folder(root: Path) -> None:
    (root / "val" / "n99999999").mkdir()


def drop_image(root: Path) -> None:
    image_path(root, 4).unlink()


def empty_folder(root: Path) -> None:
    image_path(root, 4).unlink()
    image_path(root, 5).unlink()


def move_image(root: Path) -> None:
    image_path(root, 3).rename(image_path(root, 4).with_name("image_3.JPEG"))


def cut_short(root: Path) -> None:
    path = image_path(root, 0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 40])


def not_an_image(root: Path) -> None:
    image_path(root, 0).write_text("no picture")


def flat(root: Path) -> None:
    for number in range(6):
        image_path(root, number).rename(root / "val" / f"image_{number}.JPEG")


@pytest.mark.parametrize(
    ("damage", "expected", "words"),
    [
        (drop_folder, {"COUNT": 2, "CATEGORIES": 1}, "n01443537 (goldfish) is missing"),
        (add_folder, {"CATEGORIES": 1}, "n99999999 is not one of the classes'"),
        (drop_image, {"COUNT": 2}, "class 2, n02088238 (basset), has 1 images, not 2"),
        (empty_folder, {"COUNT": 2}, "has 0 images, not 2"),
        (move_image, {"COUNT": 2, "CATEGORIES": 1}, "image_3.JPEG shows class 1, but class 2"),
        (cut_short, {"DAMAGED_IMAGE": 1}, "the JPEG data end early"),
        (not_an_image, {"DAMAGED_IMAGE": 1}, "not an image"),
        (flat, {"ABSENT": 1}, "no class folders with images, and there is no meta/val.txt"),
    ],
)
def test_damaged_folders(
    tmp_path: Path, damage: Callable[[Path], None], expected: dict[str, int], words: str
) -> None:
    root = make_small(tmp_path)
    damage(root)
    report = report_on(tmp_path)
    assert kinds(report) == expected
    assert any(words in text for problem in report.problems for text in problem.examples)
    if expected.keys() - {"COUNT", "DAMAGED_IMAGE"}:
        assert report.fingerprint is None
        with pytest.raises(DatasetError, match=r"cannot be used|no class folders"):
            SMALL.open(root)
    else:
        SMALL.open(root)


@pytest.mark.parametrize(
    ("line", "expected", "words"),
    [
        ("missing.JPEG 2", {"MISSING_IMAGE": 1}, "missing.JPEG"),
        (
            "image_5.JPEG 3",
            {"MALFORMED": 1},
            '"image_5.JPEG 3" is not a path and a class of 0 to 2',
        ),
        ("image_5.JPEG -1", {"MALFORMED": 1}, "is not a path"),
        ("image_5.JPEG", {"MALFORMED": 1}, "is not a path"),
        ("image_0.JPEG 0", {"DUPLICATE_IMAGES": 1}, "image_0.JPEG"),
    ],
)
def test_damaged_lists(tmp_path: Path, line: str, expected: dict[str, int], words: str) -> None:
    root = make_small(tmp_path, in_folders=False)
    write_list(root, "".join(f"image_{n}.JPEG {n // 2}\n" for n in range(5)) + line)
    report = report_on(tmp_path)
    assert kinds(report) == {"COUNT": 2} | expected
    assert any(words in text for problem in report.problems for text in problem.examples)
    if "MISSING_IMAGE" in expected:
        assert len(SMALL.open(root)) == 5
        return
    with pytest.raises(DatasetError, match="cannot be used"):
        SMALL.open(root)


def test_lists_that_are_no_lists(tmp_path: Path) -> None:
    root = make_small(tmp_path, in_folders=False)
    write_list(root, "\n")
    with pytest.raises(DatasetError, match="lists no images"):
        SMALL.open(root)
    (root / "meta" / "val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="not a text file"):
        SMALL.open(root)


def test_the_numbers_of_the_development_kit_are_noticed(tmp_path: Path) -> None:
    root = make_small(tmp_path, in_folders=False)
    write_list(root, "".join(f"image_{n}.JPEG {2 - n // 2}\n" for n in (0, 1, 4, 5)))
    SMALL.open(root)  # nothing is known of these images
    write_list(root, "image_3.JPEG 0\n")
    with pytest.raises(DatasetError, match="count from 0 in the order of their sorted folder"):
        SMALL.open(root)


def test_another_place(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="was not found"):
        SMALL.open(tmp_path)
    report = report_on(tmp_path)
    assert report.root is None
    assert kinds(report) == {"ABSENT": 1}


def test_a_sample_is_read(tmp_path: Path) -> None:
    make_small(tmp_path)
    report = report_on(tmp_path, sample=2)
    assert report.num_read == 2
    assert report.is_fine
    assert report.is_sample
    assert report.fingerprint is None


def test_imagenets_classes() -> None:
    assert len(IMAGENET.folders) == len(set(IMAGENET.folders)) == 1000
    assert list(IMAGENET.folders) == sorted(IMAGENET.folders)
    assert (IMAGENET.folders[0], IMAGENET.folders[999]) == ("n01440764", "n15075141")
    names = IMAGENET.classes.names
    assert len(names) == len(set(names)) == 1000
    assert (names[0], names[65], names[970], names[230]) == (
        "tench",
        "sea snake",
        "alp",
        "Shetland sheepdog",
    )
    assert IMAGENET.num_images == 1000 * IMAGENET.images_per_class == 50_000


def test_known_labels_are_those_of_the_usual_list() -> None:
    listed = {Path(path).stem: label for path, label in REFERENCE["list"]["listed"]}
    assert all(listed[name] == label for name, label in IMAGENET.known_labels.items())


def test_other_folders_than_imagenets_are_refused(tmp_path: Path) -> None:
    make_small(tmp_path)
    (tmp_path / "small").rename(tmp_path / "imagenet")
    with pytest.raises(DatasetError, match="997 other categories"):
        IMAGENET.open(tmp_path)


def test_the_demos_objects_are_intact() -> None:
    dataset = DATASETS["scenes_objects"]
    report = check(dataset, DATA_ROOT, workers=1, progress=Silent())
    assert report.is_fine, report.problems
    assert report.num_images == 240


def test_what_is_shown_of_it() -> None:
    assert SMALL.tree()[-2:] == ["`-- meta/", "    `-- val.txt"]
    assert "or" in SMALL.tree()
    assert "or" not in replace(SMALL, list_file=None).tree()
    assert len(SMALL.stored()) == 2
    assert len(replace(SMALL, list_file=None).stored()) == 1
    assert SMALL.files() == {"image_suffix": ".JPEG", "list_file": "meta/val.txt"}
    assert SMALL.class_fields(2) == {"folder": "n02088238"}
