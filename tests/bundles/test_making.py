"""What goes into a bundle, and what does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.bundling import CLASSIFIER, RECORDS, SEGMENTOR, bundled, record_of
from support.stored_runs import memory_of, store_memory, store_run
from support.stored_runs import record_of as made_up_record

from hrnet_zoo.bundles.container import unpacked
from hrnet_zoo.bundles.making import manifest_of
from hrnet_zoo.errors import BundleError, RecordError, UsageError, ZooError
from hrnet_zoo.verdicts.criteria import row_content
from hrnet_zoo.zoo.manifest import load_zoo


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the segmentor's record, to be changed."""
    return record_of(SEGMENTOR, shutil.copytree(RECORDS, tmp_path / "records"))


def test_rows_are_in_it_as_they_were(tmp_path: Path) -> None:
    zoo, path = load_zoo(), tmp_path / "zoo.yaml"
    path.write_bytes(manifest_of(zoo, {row.name for row in zoo.rows}))
    read = load_zoo(path)
    assert [row_content(row) for row in read.rows] == [row_content(row) for row in zoo.rows]
    assert read.rows == zoo.rows
    assert read.tables == zoo.tables
    assert read.sources == zoo.sources


def test_only_rows_of_records_are_in_it(tmp_path: Path) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_bytes(unpacked(bundled([record_of(CLASSIFIER)]))["zoo.yaml"])
    assert [row.name for row in load_zoo(path).rows] == [CLASSIFIER]


def test_a_record_keeps_the_name_by_which_its_images_file_knows_it(copied: Path) -> None:
    renamed = copied.rename(copied.with_name("of yesterday.json"))
    names = [*unpacked(bundled([renamed]))]
    assert names[2:] == [
        f"records/{SEGMENTOR}/{copied.name}",
        f"records/{SEGMENTOR}/{copied.stem}.images.jsonl",
    ]


def test_what_nobody_could_judge_is_refused(copied: Path, tmp_path: Path) -> None:
    other = tmp_path / "others"
    zoo = load_zoo()
    unfinished = store_run(other, made_up_record(status="interrupted", reason="killed"))
    sizes = store_run(other, made_up_record(images_file=None))
    for path, why in (
        (store_memory(other, memory_of()), "is a record of memory; bundles hold those of verify"),
        (unfinished, 'this one is "interrupted"'),
        (sizes, "only completed runs over images can"),
    ):
        with pytest.raises(BundleError, match=why):
            bundled([path], zoo)
    with pytest.raises(UsageError, match="No row is called"):
        bundled([copied], zoo)
    with pytest.raises(RecordError, match="There is no record"):
        bundled([copied.with_name("none.json")])
    copied.with_suffix(".images.jsonl").unlink()
    with pytest.raises(BundleError, match="is missing, so nothing can be checked"):
        bundled([copied])


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(BundleError, match="another one is, too"):
        bundled([record_of(CLASSIFIER)] * 2)


@pytest.mark.parametrize("name", ["../up.images.jsonl", "a b.images.jsonl", ".images.jsonl", "x"])
def test_odd_names_of_images_files_are_refused(copied: Path, name: str) -> None:
    content = json.loads(copied.read_text()) | {"images_file": name}
    copied.write_text(json.dumps(content))
    with pytest.raises(ZooError, match=r"would be called|is missing"):
        bundled([copied])
