from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.trees import blocks, make_cityscapes, picture

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.zoo.manifest import load_zoo

LABELLED = of_kind(LabelImages)
# The evaluated classes in label order, and their ids in the raw files.
EVALUATED = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


def open_cityscapes(data_root: Path) -> LabelSamples:
    return LABELLED["cityscapes"].open(data_root)


def first(root: Path, suffix: str) -> Path:
    return sorted(root.rglob(f"*{suffix}"))[0]


def test_raw_label_ids_become_the_19_classes(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, count=1, size=(256, 256))
    raw = np.asarray(Image.open(first(root, "labelIds.png")))
    label = open_cityscapes(tmp_path).load(0).label
    for stored in range(34):
        expected = EVALUATED.index(stored) if stored in EVALUATED else 255
        assert set(label[raw == stored].tolist()) <= {expected}
    assert len(np.unique(raw)) == 34


def test_train_ids_are_preferred_where_present(tmp_path: Path) -> None:
    make_cityscapes(tmp_path, count=2)
    root = make_cityscapes(tmp_path, count=1, label_kind="labelTrainIds", values=[0, 5, 255])
    dataset = open_cityscapes(tmp_path)
    assert len(dataset) == 2
    rendered = np.asarray(Image.open(first(root, "labelTrainIds.png")))
    assert np.array_equal(dataset.load(0).label, rendered)
    assert set(np.unique(dataset.load(1).label)) == {*range(19), 255}


def test_image_is_rgb(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, count=1)
    expected = np.asarray(Image.open(first(root, "leftImg8bit.png")))
    assert np.array_equal(open_cityscapes(tmp_path).load(0).image, expected)


def test_the_data_sets_own_folder_is_accepted_too(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    assert len(open_cityscapes(root)) == len(open_cityscapes(tmp_path)) == 3


def test_missing_data_root_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as error:
        open_cityscapes(tmp_path / "nowhere")
    for part in (
        "nowhere",
        "leftImg8bit/val",
        "_gtFine_labelIds.png",
        "--data-root",
        "HRNET_ZOO_DATA",
    ):
        assert part in str(error.value)


def test_missing_label_folder(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    (root / "gtFine").rename(root / "elsewhere")
    with pytest.raises(DatasetError, match=r"lacks its labels.*gtFine/val"):
        open_cityscapes(tmp_path)


def test_missing_and_extra_labels_are_reported_together(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    label = first(root, "labelIds.png")
    label.rename(label.with_name("frankfurt_999999_000019_gtFine_labelIds.png"))
    with pytest.raises(DatasetError) as error:
        open_cityscapes(tmp_path)
    assert "1 images without a label file" in str(error.value)
    assert "1 label files" in str(error.value)
    assert "frankfurt_999999_000019" in str(error.value)
    assert "frankfurt_000000_000019" in str(error.value)


def test_other_files_beside_the_labels_do_not_matter(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    label = first(root, "labelIds.png")
    for other in ("color.png", "instanceIds.png", "polygons.json"):
        label.with_name(label.name.replace("labelIds.png", other)).write_bytes(b"?")
    assert len(open_cityscapes(tmp_path)) == 3


def test_linked_city_folders_are_followed(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path)
    for part in ("leftImg8bit", "gtFine"):
        moved = (root / part / "val" / "lindau").rename(tmp_path / f"{part}-lindau")
        (root / part / "val" / "lindau").symlink_to(moved)
    assert len(open_cityscapes(tmp_path)) == 3


def test_empty_image_folder(tmp_path: Path) -> None:
    for folder in ("leftImg8bit/val", "gtFine/val"):
        (tmp_path / "cityscapes" / folder).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"no file .*_leftImg8bit\.png was found"):
        open_cityscapes(tmp_path)


def test_image_and_label_of_different_sizes(tmp_path: Path) -> None:
    root = make_cityscapes(tmp_path, count=1)
    rng = np.random.default_rng(0)
    Image.fromarray(blocks(rng, 34, (64, 120))).save(first(root, "labelIds.png"))
    with pytest.raises(DatasetError, match=r"is 128 x 64 pixels, its label .* is 120 x 64"):
        open_cityscapes(tmp_path).load(0)


def test_label_value_outside_the_classes(tmp_path: Path) -> None:
    make_cityscapes(tmp_path, count=1, label_kind="labelTrainIds", values=[0, 18, 19, 40, 255])
    with pytest.raises(
        DatasetError, match=r"holds the value 19, 40 in .* valid are 0 to 18 and 255"
    ):
        open_cityscapes(tmp_path).load(0)


def test_raw_value_that_is_no_cityscapes_id(tmp_path: Path) -> None:
    make_cityscapes(tmp_path, count=1, values=[0, 7, 34])
    with pytest.raises(DatasetError, match=r"holds the value 34 .* 0 to 33 and 255"):
        open_cityscapes(tmp_path).load(0)


@pytest.mark.parametrize("suffix", ["leftImg8bit.png", "labelIds.png"])
@pytest.mark.parametrize("damage", ["truncated", "flipped bit", "empty", "text"])
def test_damaged_files(tmp_path: Path, suffix: str, damage: str) -> None:
    root = make_cityscapes(tmp_path, count=1)
    path = first(root, suffix)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped bit":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(b"" if damage == "empty" else b"404: not found")
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"{path.name} cannot be decoded") as raised:
        open_cityscapes(tmp_path).load(0)
    assert "object at" not in str(raised.value)


def test_truncated_jpeg() -> None:
    """OpenCV would return the rest in grey."""
    buffer = io.BytesIO()
    Image.fromarray(picture(np.random.default_rng(0), (64, 64))).save(buffer, "JPEG")
    content = buffer.getvalue()
    assert decode_image(content, Path("a.jpg")).shape == (64, 64, 3)
    with pytest.raises(DatasetError, match="JPEG data end early"):
        decode_image(content[:-200], Path("a.jpg"))


def test_label_in_colours() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    with pytest.raises(DatasetError, match="holds RGB pixels"):
        decode_label(buffer.getvalue(), Path("a.png"))


def test_palette_label_gives_indices() -> None:
    image = Image.fromarray(np.array([[0, 3], [255, 1]], np.uint8)).convert("P")
    image.putpalette([i % 256 for i in range(768)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    values = decode_label(buffer.getvalue(), Path("a.png"))
    assert values.tolist() == np.asarray(image).tolist()


def test_exif_orientation_is_honoured() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20)).save(buffer, "JPEG", exif=exif)
    assert decode_image(buffer.getvalue(), Path("a.jpg")).shape == (40, 20, 3)


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
def test_any_image_becomes_three_channels(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (6, 5)).save(buffer, "PNG")
    image = decode_image(buffer.getvalue(), Path("a.png"))
    assert image.shape == (5, 6, 3)
    assert image.dtype == np.uint8


def test_fingerprint_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    def of(root: Path, order: list[int]) -> str:
        dataset = open_cityscapes(root)
        samples = [dataset.load(i) for i in order]
        return fingerprint({sample.name: sample.digest for sample in samples})

    make_cityscapes(tmp_path / "a")
    root = make_cityscapes(tmp_path / "b")
    assert of(tmp_path / "a", [0, 1, 2]) == of(tmp_path / "b", [2, 0, 1])
    assert of(tmp_path / "a", [0, 1]) != of(tmp_path / "b", [0, 1, 2])
    make_cityscapes(tmp_path / "c", values=[7, 8])
    assert of(tmp_path / "c", [0, 1, 2]) != of(tmp_path / "a", [0, 1, 2])
    assert root.is_dir()


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_every_layout_reads_its_own_tree(tmp_path: Path, name: str) -> None:
    """Write two images in the layout, their labels showing every class once; read them back."""
    layout, num_classes = LABELLED[name], len(LABELLED[name].classes)
    root = tmp_path / layout.root
    offset = 1 if layout.reduce_zero_label else 0
    stored = (np.arange(num_classes + offset) if name != "cityscapes" else np.arange(34)).astype(
        np.uint8
    )
    for stem in ("b_1", "a_2"):
        for folder, suffix, content in (
            (layout.image_dir, layout.image_suffix, np.zeros((1, len(stored), 3), np.uint8)),
            (layout.label_dir, layout.labels[-1].suffix, stored[None]),
        ):
            path = root / folder / f"{stem}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)
    if layout.split_file:
        split = root / layout.split_file
        split.parent.mkdir(parents=True)
        split.write_text("b_1\n")
    dataset = layout.open(tmp_path)
    sample = dataset.load(0)
    assert len(dataset) == (1 if layout.split_file else 2)
    assert sample.name == ("b_1" if layout.split_file else "a_2")
    kept = sample.label[sample.label != 255]
    assert kept.tolist() == list(range(num_classes))
    if layout.reduce_zero_label:
        assert sample.label[0, 0] == 255


def test_image_listed_but_missing(tmp_path: Path) -> None:
    layout = LABELLED["voc12aug"]
    root = tmp_path / layout.root
    for folder in (layout.image_dir, layout.label_dir, "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    (root / layout.image_dir / "2007_000001.jpg").touch()
    (root / "ImageSets/Segmentation/val.txt").write_text("2007_000033\n")
    with pytest.raises(DatasetError, match=r"1 listed images that are missing.*2007_000033"):
        layout.open(tmp_path)


def test_split_list_missing(tmp_path: Path) -> None:
    layout = LABELLED["voc12aug"]
    for folder in (layout.image_dir, layout.label_dir):
        (tmp_path / layout.root / folder).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"list of validation images .*val\.txt cannot be read"):
        layout.open(tmp_path)


KINDS = {
    "segmentation": LabelImages,
    "detection": CocoInstances,
    "classification": ClassFolders,
}


def test_every_row_has_its_data_set_and_classes() -> None:
    for row in load_zoo().rows:
        setup = row.setup
        dataset = DATASETS[setup.dataset]
        assert isinstance(dataset, KINDS[row.task])
        assert setup.num_images == dataset.num_images
        assert setup.num_classes == len(dataset.classes)
