"""Every way in which a data set can be wrong is found, all at once, and named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.data_trees import expect, image_path, label_path, make_split, write
from support.trees import blocks, make_cityscapes

from hrnet_zoo.datasets import DATASETS, images, of_kind
from hrnet_zoo.datasets.check_report import CheckReport, Problem, SizeCount
from hrnet_zoo.datasets.checking import check as check_dataset
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.problems import ProblemKind
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.progress import Silent

LABELLED = of_kind(LabelImages)
NAMES = sorted(LABELLED)
ISAID = LABELLED["isaid"]
Damage = Callable[[Path], None]


def check(name: str, folder: Path, *, workers: int = 2, sample: int | None = None) -> CheckReport:
    return check_dataset(DATASETS[name], folder, workers=workers, sample=sample, progress=Silent())


def only(report: CheckReport) -> Problem:
    (problem,) = report.problems
    return problem


def kinds(report: CheckReport) -> dict[str, int]:
    return {problem.kind.name: problem.count for problem in report.problems}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An intact data set of three images, in the layout of iSAID."""
    expect(monkeypatch, "isaid", 3)
    return make_split(tmp_path, "isaid")


def first_image(root: Path) -> Path:
    return image_path(root, ISAID, "part_0/scene_0")


def first_label(root: Path) -> Path:
    return label_path(root, ISAID, "part_0/scene_0")


@pytest.mark.parametrize("name", NAMES)
def test_an_intact_data_set_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expect(monkeypatch, name, 3)
    root = make_split(tmp_path, name)
    report = check(name, tmp_path)
    assert report.is_fine
    assert not report.is_sample
    assert report.root == root
    assert report.num_images == report.num_labels == report.num_pairs == report.num_read == 3
    assert report.sizes == (SizeCount(width=24, height=16, images=3),)
    assert report.unseen_classes == ()
    assert report.fingerprint == recorded_fingerprint(name, tmp_path)


def recorded_fingerprint(name: str, data_root: Path) -> str:
    dataset = LABELLED[name].open(data_root)
    samples = [dataset.load(index) for index in range(len(dataset))]
    return fingerprint({sample.name: sample.digest for sample in samples})


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_no_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """150 classes and 255 leave 200 to no data set; the message says what is valid."""
    expect(monkeypatch, name, 1)
    make_split(tmp_path, name, count=1, values=[1, 200, 0, 255])
    problem = only(check(name, tmp_path))
    assert problem.kind is ProblemKind.VALUES
    assert "holds the value 200 in" in problem.examples[0]
    assert "valid are 0 to" in problem.examples[0]


@pytest.mark.parametrize("name", ["pascal_context", "pascal_context_59"])
def test_pascal_context_has_no_value_60(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expect(monkeypatch, name, 2)
    root = make_split(tmp_path, name, count=2)
    label = label_path(root, LABELLED[name], "scene_1")
    write(label, np.full((16, 24), 60, np.uint8))
    problem = only(check(name, tmp_path))
    assert problem.kind is ProblemKind.VALUES
    (example,) = problem.examples
    assert example.startswith("SegmentationClassContext/scene_1.png holds the value 60 in 384 ")
    assert "valid are 0 to 59 and 255. Is it the label file of another data set?" in example


@pytest.mark.parametrize("name", ["potsdam", "vaihingen", "voc12aug"])
def test_labels_with_boundaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Labels of the wrong archive are intact, but no pixel is left out."""
    expect(monkeypatch, name, 3)
    make_split(tmp_path, name, values=range(1, 7))
    report = check(name, tmp_path)
    assert only(report).kind is ProblemKind.BOUNDARIES
    assert "has an ignored pixel" in only(report).examples[0]
    assert check(name, tmp_path, sample=1).is_fine, "one file may well have no boundary"


def test_colours_instead_of_potsdam_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, "potsdam", 2)
    root = make_split(tmp_path, "potsdam", count=2)
    for path in (root / "ann_dir").rglob("*.png"):
        write(path, np.full((16, 24, 3), 255, np.uint8))
    report = check("potsdam", tmp_path)
    assert kinds(report) == {"LABEL_FORMAT": 2}
    assert "holds RGB pixels" in only(report).examples[0]
    assert report.unseen_classes is None


def test_missing_root(tmp_path: Path) -> None:
    report = check("isaid", tmp_path / "nowhere")
    assert report.root is None
    assert report.fingerprint is None
    assert only(report).kind is ProblemKind.ABSENT
    for part in ("nowhere", "iSAID/img_dir/val", "--data-root"):
        assert part in only(report).examples[0]


def test_missing_label_folder_and_list_are_both_told(tmp_path: Path) -> None:
    root = make_split(tmp_path, "voc12aug")
    (root / "SegmentationClass").rename(root / "elsewhere")
    (root / "ImageSets").rename(root / "lists")
    report = check("voc12aug", tmp_path)
    assert kinds(report) == {"ABSENT": 2}
    assert "no folder SegmentationClass" in only(report).examples[0]
    assert "ImageSets/Segmentation/val.txt cannot be read" in only(report).examples[1]
    assert (report.num_images, report.num_labels, report.num_pairs) == (3, 0, 0)


def test_list_that_is_no_text(tmp_path: Path) -> None:
    root = make_split(tmp_path, "voc12aug")
    (root / "ImageSets/Segmentation/val.txt").write_bytes(b"\xff\xfe\x00")
    assert "is not a text file" in only(check("voc12aug", tmp_path)).examples[0]
    with pytest.raises(DatasetError, match="is not a text file"):
        LABELLED["voc12aug"].open(tmp_path)


def test_empty_image_folder(tmp_path: Path) -> None:
    for folder in (ISAID.image_dir, ISAID.label_dir):
        (tmp_path / ISAID.root / folder).mkdir(parents=True)
    report = check("isaid", tmp_path)
    assert "no file img_dir/val/**/*.png was found" in only(report).examples[0]


def test_folder_that_cannot_be_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = os.walk

    def closed(folder: Path, *, followlinks: bool, onerror: Callable[[OSError], None]) -> object:
        if "ann_dir" in str(folder):
            onerror(PermissionError(13, "Permission denied", str(folder)))
        return walk(folder, followlinks=followlinks, onerror=onerror)

    monkeypatch.setattr("hrnet_zoo.datasets.images.os.walk", closed)
    report = check("isaid", root)
    assert only(report).kind is ProblemKind.ABSENT
    assert only(report).examples == ("ann_dir/val cannot be listed: Permission denied.",)


def test_image_without_label(root: Path) -> None:
    first_label(root).unlink()
    report = check("isaid", root)
    assert only(report) == Problem(kind=ProblemKind.NO_LABEL, count=1, examples=("part_0/scene_0",))
    assert (report.num_images, report.num_labels, report.num_pairs) == (3, 2, 2)
    assert report.fingerprint is None


def test_label_without_image(root: Path) -> None:
    first_image(root).unlink()
    report = check("isaid", root)
    assert kinds(report) == {"COUNT": 1, "NO_IMAGE": 1}
    assert (report.num_images, report.num_labels, report.num_pairs) == (2, 3, 2)


def test_listed_image_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, "voc12aug", 3)
    root = make_split(tmp_path, "voc12aug")
    (root / "JPEGImages/scene_1.jpg").unlink()
    report = check("voc12aug", tmp_path)
    assert only(report).kind is ProblemKind.MISSING_IMAGE
    assert only(report).examples == ("scene_1",)
    assert (report.num_images, report.num_labels, report.num_pairs) == (2, 3, 2)


def test_files_beside_the_split_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "voc12aug", 3)
    root = make_split(tmp_path, "voc12aug")
    (root / "JPEGImages/of_training.jpg").touch()
    (root / "SegmentationClass/of_training.png").touch()
    assert check("voc12aug", tmp_path).is_fine


@pytest.mark.parametrize(("name", "what"), [("isaid", "img_dir/val holds"), ("voc12aug", "lists")])
def test_count_that_is_not_the_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    """Such a set can be evaluated, so it has a fingerprint."""
    expect(monkeypatch, name, 4)
    make_split(tmp_path, name)
    report = check(name, tmp_path)
    assert only(report).kind is ProblemKind.COUNT
    assert f"{what} 3 images; the complete split has 4" in only(report).examples[0]
    assert report.fingerprint == recorded_fingerprint(name, tmp_path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_a_page(path: Path) -> None:
    path.write_bytes(b"<html>404: not found</html>")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, replace_by_a_page, empty])
@pytest.mark.parametrize("which", [first_image, first_label])
def test_damaged_files(root: Path, which: Callable[[Path], Path], damage: Damage) -> None:
    damage(which(root))
    report = check("isaid", root)
    expected = "DAMAGED_IMAGE" if which is first_image else "DAMAGED_LABEL"
    assert kinds(report) == {expected: 1}
    name = which(root).relative_to(root).as_posix()
    assert only(report).examples[0].startswith(f"{name} cannot be decoded")
    assert report.num_read == 3
    assert report.fingerprint is None


def test_truncated_jpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, "voc12aug", 3)
    root = make_split(tmp_path, "voc12aug")
    truncate(root / "JPEGImages/scene_2.jpg")
    assert "the JPEG data end early" in only(check("voc12aug", tmp_path)).examples[0]


def test_sizes_that_differ(root: Path) -> None:
    write(first_label(root), np.zeros((16, 20), np.uint8))
    report = check("isaid", root)
    assert kinds(report) == {"SIZES": 1}
    assert "is 24 x 16 pixels, its label" in only(report).examples[0]
    assert str(root) not in only(report).examples[0]


def test_label_of_16_bits(root: Path) -> None:
    write(first_label(root), np.zeros((16, 24), np.uint16))
    report = check("isaid", root)
    assert kinds(report) == {"LABEL_FORMAT": 1}
    assert "holds I;16 pixels" in only(report).examples[0]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_file_that_cannot_be_read(root: Path) -> None:
    first_label(root).unlink()
    first_label(root).symlink_to(root / "gone")
    report = check("isaid", root)
    assert kinds(report) == {"UNREADABLE": 1}
    assert "cannot be read: No such file" in only(report).examples[0]


def test_file_without_permission(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patched, because nothing is closed to the superuser."""

    def closed(path: Path, at_most: int) -> bytes:
        if path == first_image(root):
            raise PermissionError(13, "Permission denied", str(path))
        return read_regular(path, at_most)

    monkeypatch.setattr("hrnet_zoo.datasets.images.read_regular", closed)
    report = check("isaid", root)
    assert kinds(report) == {"UNREADABLE": 1}
    assert "cannot be read: Permission denied" in only(report).examples[0]


def test_all_problems_come_at_once(root: Path) -> None:
    """Also two of one pair: a damaged image does not hide its label."""
    truncate(first_image(root))
    write(first_label(root), np.full((16, 24), 99, np.uint8))
    label_path(root, ISAID, "part_1/scene_1").unlink()
    write(label_path(root, ISAID, "extra"), np.zeros((16, 24), np.uint8))
    write(label_path(root, ISAID, "part_0/scene_2"), np.full((8, 8), 44, np.uint8))
    report = check("isaid", root)
    assert kinds(report) == {
        "NO_LABEL": 1, "NO_IMAGE": 1, "DAMAGED_IMAGE": 1, "SIZES": 1, "VALUES": 2
    }  # fmt: skip


def test_many_problems_are_counted_and_a_few_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "isaid", 9)
    root = make_split(tmp_path, "isaid", count=9)
    for path in (root / "ann_dir").rglob("*.png"):
        truncate(path)
    assert only(check("isaid", root)).count == 9
    assert len(only(check("isaid", root)).examples) == 5


def test_workers_do_not_change_the_report(root: Path) -> None:
    truncate(first_image(root))
    assert check("isaid", root, workers=1) == check("isaid", root, workers=7)


def test_sample_reads_some_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, "isaid", 9)
    root = make_split(tmp_path, "isaid", count=9)
    report = check("isaid", root, sample=4)
    assert report.is_sample
    assert report.is_fine
    assert (report.num_pairs, report.num_read) == (9, 4)
    assert report.fingerprint is None
    assert report == check("isaid", root, sample=4)
    complete = check("isaid", root, sample=9)
    assert not complete.is_sample
    assert complete.fingerprint is not None


def test_sample_still_counts_and_pairs_all(root: Path) -> None:
    first_label(root).unlink()
    assert kinds(check("isaid", root, sample=1)) == {"NO_LABEL": 1}


def test_sizes_come_most_common_first(root: Path) -> None:
    write(first_image(root), np.zeros((32, 8, 3), np.uint8))
    write(first_label(root), np.zeros((32, 8), np.uint8))
    assert check("isaid", root).sizes == (
        SizeCount(width=24, height=16, images=2),
        SizeCount(width=8, height=32, images=1),
    )


def test_classes_that_never_occur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, "loveda", 3)
    make_split(tmp_path, "loveda", values=[0, 1, 2, 4, 5, 6, 7])
    report = check("loveda", tmp_path)
    assert report.is_fine
    assert report.unseen_classes == ("road",)


@pytest.mark.parametrize(
    ("train_ids", "expected"),
    [
        (0, {"_gtFine_labelIds.png": 3}),
        (1, {"_gtFine_labelIds.png": 2, "_gtFine_labelTrainIds.png": 1}),
        (3, {"_gtFine_labelTrainIds.png": 3}),
    ],
)
def test_cityscapes_says_which_labels_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_ids: int, expected: dict[str, int]
) -> None:
    expect(monkeypatch, "cityscapes", 3)
    root = make_cityscapes(tmp_path)
    rng = np.random.default_rng(0)
    for path in sorted(root.rglob("*_labelIds.png"))[:train_ids]:
        other = path.with_name(path.name.replace("labelIds", "labelTrainIds"))
        write(other, blocks(rng, 19, (64, 128)))
    report = check("cityscapes", tmp_path)
    assert report.is_fine
    assert report.label_files == expected
    assert report.num_labels == 3


def test_progress_is_told(root: Path) -> None:
    class Heard(Silent):
        def __init__(self) -> None:
            self.total: int | None = None
            self.done: list[int] = []

        def begin(self, what: str, total: int | None, unit: str) -> None:
            assert what
            assert unit in ("", "images")
            self.total = total

        def update(self, done: int, total: int | None = None) -> None:
            assert total is None
            self.done.append(done)

    heard = Heard()
    check_dataset(DATASETS["isaid"], root, workers=2, progress=heard)
    assert heard.total == 3
    assert heard.done == [1, 2, 3]


def test_interrupt_ends_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_split(tmp_path, "isaid", count=40)
    decoded = []

    def slow(content: bytes, path: Path) -> NDArray[np.uint8]:
        decoded.append(path)
        time.sleep(0.02)
        return images.decode_image(content, path)

    class Interrupted(Silent):
        def update(self, done: int, total: int | None = None) -> None:
            assert total is None
            if done == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("hrnet_zoo.datasets.label_samples.decode_image", slow)
    with pytest.raises(KeyboardInterrupt):
        check_dataset(DATASETS["isaid"], tmp_path, workers=1, progress=Interrupted())
    assert len(decoded) < 10
