from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.coco_tree import (
    Json,
    change_annotations,
    image_file,
    make_coco,
    read_annotations,
)

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.errors import DatasetError

COCO_SETS = of_kind(CocoInstances)
COCO = COCO_SETS["coco"]
BOTH = sorted(COCO_SETS)
EXIF_ORIENTATION = 0x0112


def opened(folder: Path) -> CocoSamples:
    return COCO.open(folder)


def fingerprint_of(dataset: CocoSamples) -> str:
    samples = [dataset.load(i) for i in range(len(dataset))]
    return fingerprint({sample.name: sample.digest for sample in samples})


def message(folder: Path) -> str:
    with pytest.raises(DatasetError) as refused:
        opened(folder)
    return str(refused.value)


def test_category_ids_are_upstreams() -> None:
    assert len(COCO.category_ids) == len(DATASETS["coco"].classes.names) == 80
    by_id = dict(zip(COCO.category_ids, DATASETS["coco"].classes.names, strict=True))
    assert (by_id[1], by_id[11], by_id[13], by_id[90]) == (
        "person",
        "fire hydrant",
        "stop sign",
        "toothbrush",
    )


@pytest.mark.parametrize("name", BOTH)
def test_opens_by_data_root_or_own_folder(tmp_path: Path, name: str) -> None:
    root = make_coco(tmp_path, name=name)
    for folder in (tmp_path, root):
        dataset = of_kind(CocoInstances)[name].open(folder)
        assert [dataset.load(i).image_id for i in range(len(dataset))] == [139, 285, 431, 577]
        assert dataset.ground_truth == read_annotations(root, name)


def test_names_are_file_names_without_suffix(tmp_path: Path) -> None:
    make_coco(tmp_path)
    make_coco(tmp_path, name="scenes_boxes")
    assert opened(tmp_path).name_of(0) == "000000000139"
    scenes = of_kind(CocoInstances)["scenes_boxes"].open(tmp_path)
    assert scenes.name_of(1) == "town_1/town_1_000001_000019_leftImg8bit"


def test_a_sample_is_the_image_in_rgb(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    dataset = opened(tmp_path)
    sample = dataset.load(1)
    pixels = np.asarray(Image.open(image_file(root, 1)).convert("RGB")).astype(int)
    assert (sample.name, sample.image_id) == ("000000000285", 285)
    assert sample.image.shape == (160, 120, 3)
    assert np.abs(sample.image - pixels).max() <= 4  # two JPEG decoders


def test_loads_the_same_from_several_threads(tmp_path: Path) -> None:
    make_coco(tmp_path, count=8)
    dataset = opened(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(dataset.load, range(8)))
    for i, sample in enumerate(threaded):
        assert sample.digest == dataset.load(i).digest
        assert np.array_equal(sample.image, dataset.load(i).image)


def change(content: Json, list_name: str, position: int, **fields: Any) -> None:
    content[list_name][position] |= fields


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: change(c, "annotations", 0, bbox=[1.0, 2.0, 3.0, 4.0]),
        lambda c: change(c, "annotations", 0, category_id=90),
        lambda c: change(c, "annotations", 0, iscrowd=1),
        lambda c: change(c, "annotations", 0, segmentation=[[0, 0, 9, 0, 9, 9]]),
        lambda c: c["annotations"].pop(),
    ],
)
def test_the_fingerprint_notices_other_annotations(
    tmp_path: Path, edit: Callable[[Json], object]
) -> None:
    root = make_coco(tmp_path)
    before = fingerprint_of(opened(tmp_path))
    change_annotations(root, edit)
    assert fingerprint_of(opened(tmp_path)) != before


def test_the_fingerprint_ignores_order_and_what_has_no_influence(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    before = fingerprint_of(opened(tmp_path))

    def edit(content: Json) -> None:
        content["annotations"] = [dict(reversed(a.items())) for a in content["annotations"][::-1]]
        content["info"] = {}
        change(content, "images", 0, license=4)

    change_annotations(root, edit)
    assert fingerprint_of(opened(tmp_path)) == before


def test_the_fingerprint_notices_another_image(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    before = fingerprint_of(opened(tmp_path))
    Image.new("RGB", (160, 120)).save(image_file(root, 2))
    assert fingerprint_of(opened(tmp_path)) != before


def test_contents_decide_not_times(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    samples = opened(tmp_path)
    before = samples.stamp(), [samples.digest(i) for i in range(len(samples))]
    assert before[1] == [samples.load(i).digest for i in range(len(samples))]
    change_annotations(root, lambda content: content.update(info={}))
    again = opened(tmp_path)
    assert (again.stamp(), [again.digest(i) for i in range(len(again))]) == before
    image_file(root, 1).write_bytes(b"another")
    assert again.stamp() == before[0]
    assert [again.digest(i) == before[1][i] for i in range(len(again))].count(False) == 1


def test_a_part_of_the_data_set_can_be_opened(tmp_path: Path) -> None:
    make_coco(tmp_path, count=1)
    assert len(opened(tmp_path)) == 1


def test_no_such_folder(tmp_path: Path) -> None:
    text = message(tmp_path)
    assert "COCO 2017 was not found" in text
    assert "coco/val2017" in text
    assert "--data-root" in text


def test_annotation_file_missing(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    (root / COCO.annotation_file).unlink()
    assert "instances_val2017.json cannot be read" in message(tmp_path)


@pytest.mark.parametrize("content", ["", '{"images": [1, 2', "no json", "[" * 100_000])
def test_annotation_file_damaged(tmp_path: Path, content: str) -> None:
    root = make_coco(tmp_path)
    (root / COCO.annotation_file).write_text(content)
    assert "is not intact JSON" in message(tmp_path)


def test_annotation_file_cut_short(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    file = root / COCO.annotation_file
    file.write_bytes(file.read_bytes()[:-100])
    assert "cut short" in message(tmp_path)


@pytest.mark.parametrize("content", [[], {}, {"images": [], "annotations": []}, 3, {"images": 1}])
def test_captions_and_other_files_are_no_instances(tmp_path: Path, content: object) -> None:
    root = make_coco(tmp_path)
    (root / COCO.annotation_file).write_text(json.dumps(content))
    assert "is not an instances file" in message(tmp_path)


def rename(content: Json) -> None:
    content["categories"][2]["name"] = "automobile"


def swap(content: Json) -> None:
    content["categories"][0]["id"], content["categories"][1]["id"] = 2, 1


def repeat(content: Json) -> None:
    content["categories"][1] = content["categories"][0]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda c: c.update(categories=c["categories"][:1]), "has 1 categories"),
        (lambda c: c["categories"].append(5), "has 81 categories"),
        (rename, "'automobile' with id 3"),
        (swap, "'person' with id 2"),
        (repeat, "lists a category twice"),
    ],
)
def test_other_categories(tmp_path: Path, edit: Callable[[Json], object], said: str) -> None:
    root = make_coco(tmp_path)
    change_annotations(root, edit)
    text = message(tmp_path)
    assert said in text
    assert "Is it instances_val2017.json?" in text


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            lambda c: change(c, "images", 0, id=139),
            "1 image ids or file names that are listed twice (139)",
        ),
        (
            lambda c: change(c, "images", 0, file_name="000000000139.jpg"),
            "1 image ids or file names that are listed twice (000000000139)",
        ),
        (
            lambda c: change(c, "annotations", 1, id=1000),
            "1 annotation ids that occur twice (1000)",
        ),
        (
            lambda c: change(c, "annotations", 0, image_id=5),
            "1 annotations of unknown images or categories (annotation 1000 has image_id 5)",
        ),
        (
            lambda c: change(c, "annotations", 0, category_id=12),
            "(annotation 1000 has category_id 12)",
        ),
        (lambda c: change(c, "annotations", 4, id=0), "hold a wrong value (annotation no. 5)"),
        (lambda c: change(c, "annotations", 4, area=None), "(annotation no. 5)"),
        (lambda c: change(c, "annotations", 4, bbox=[1, 2, 3, float("nan")]), "(annotation no. 5)"),
        (lambda c: change(c, "annotations", 4, image_id="139"), "(annotation no. 5)"),
        (lambda c: change(c, "images", 1, width=None), "(image no. 2)"),
        (lambda c: c["images"].append("000000000139.jpg"), "(image no. 5)"),
    ],
)
def test_inconsistent_annotations(
    tmp_path: Path, edit: Callable[[Json], object], said: str
) -> None:
    root = make_coco(tmp_path)
    change_annotations(root, edit)
    assert said in message(tmp_path)


def test_all_missing_images_are_counted(tmp_path: Path) -> None:
    root = make_coco(tmp_path, count=8)
    for i in range(2, 8):
        image_file(root, i).unlink()
    inventory = COCO.inventory(tmp_path)
    with pytest.raises(DatasetError) as refused:
        inventory.require_usable(COCO.title)
    text = str(refused.value)
    assert (
        "6 listed images that are missing (000000000431, 000000000577, 000000000723, "
        "000000000869 and 2 more)" in text
    )
    assert len(opened(tmp_path)) == 2, "the others can be evaluated, where a part is asked for"


def test_no_images_listed(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    change_annotations(root, lambda c: c.update(images=[], annotations=[]))
    assert "lists no images" in message(tmp_path)


def test_an_image_of_another_size_is_refused_when_read(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    Image.new("RGB", (161, 120)).save(image_file(root, 0))
    with pytest.raises(DatasetError, match=r"161 x 120 pixels .* but 160 x 120 are listed"):
        opened(tmp_path).load(0)


def test_exif_orientation_counts_as_it_does_upstream(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    Image.new("RGB", (120, 160)).save(image_file(root, 0), exif=exif)
    assert opened(tmp_path).load(0).image.shape == (120, 160, 3)


def test_a_damaged_image_is_refused_when_read(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    file = image_file(root, 0)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DatasetError, match="cannot be decoded"):
        opened(tmp_path).load(0)


@pytest.mark.alone
def test_a_file_of_full_size_is_held_against_its_layout_quickly(tmp_path: Path) -> None:
    """As many entries as COCO's 5000 images have; only parsing the JSON may take long."""
    root = make_coco(tmp_path)
    content = read_annotations(root)
    images, annotations = content["images"], content["annotations"]
    content["images"] = [
        images[i % 4] | {"id": i, "file_name": f"{i:012d}.jpg"} for i in range(5000)
    ]
    content["annotations"] = [
        annotations[0] | {"id": i + 1, "image_id": i % 5000} for i in range(36_000)
    ]
    file = root / COCO.annotation_file
    file.write_text(json.dumps(content))
    begin = time.perf_counter()
    json.loads(file.read_bytes())
    parsed = time.perf_counter()
    found = COCO.inventory(tmp_path)
    seconds = time.perf_counter() - parsed - (parsed - begin)
    assert len(found.images) == 5000
    # Masks are looked at, too, and another program may be running.
    assert seconds < 3


def test_each_name_stands_for_one_layout() -> None:
    for name, layout in COCO_SETS.items():
        assert len(layout.category_ids) == len(DATASETS[name].classes.names)
        assert list(layout.category_ids) == sorted(set(layout.category_ids))
