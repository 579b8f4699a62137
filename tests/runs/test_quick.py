"""verify --quick: when it stops, what it says, and what a full run makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.accuracy import read_record
from support.trees import Finished, RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.quick import QuickLooks
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, CLASSIFIER = load_zoo(MANIFEST).rows


@pytest.fixture
def quick(tmp_path: Path, run_cli: RunCli) -> RunCli:
    """Return what verifies the demo's classifier against a Top-1 that is given first."""

    def run(documented: str, *more: str | Path) -> Finished:
        folder = tmp_path / f"documents-{documented}"
        if not folder.exists():
            shutil.copytree(MANIFEST.parent / "checkpoints", folder / "checkpoints")
            text = MANIFEST.read_text()
            old = f'top1: "{CLASSIFIER.text("top1")}"'
            assert old in text
            (folder / "zoo.yaml").write_text(text.replace(old, f'top1: "{documented}"'))
        return run_cli(
            "verify", CLASSIFIER.name, "--zoo", folder / "zoo.yaml", "--data-root", DATA_ROOT,
            "--device", "cpu", "--metrics", "top1", "--output", tmp_path / "records", *more,
        )  # fmt: skip

    return run


def records(tmp_path: Path) -> list[tuple[AccuracyRecord, Path]]:
    paths = sorted((tmp_path / "records").glob("*/*.json"), key=lambda path: path.stem)
    return [(read_record(path), path) for path in paths]


def test_a_refuted_value_and_the_full_run_that_follows(tmp_path: Path, quick: RunCli) -> None:
    early = quick("99.00", "--quick")
    assert early.code == 1
    assert "mismatch (worse)" in early.out
    assert "refuted after 64 images: with 99.5% confidence" not in early.out, "there is one look"
    assert "refuted after 64 images: with 99% confidence all 240 have at most" in early.out
    assert "64 of 240 images were evaluated, drawn at random with seed 0" in early.out
    assert "after 64 images: Top-1" in early.err
    assert "the documented 99.00 is refuted" in early.err

    full = quick(CLASSIFIER.text("top1") or "")
    assert full.code == 0
    assert "going on after 64 images of an earlier run" in full.err
    (first, first_path), (second, _) = records(tmp_path)
    assert (first.status, first.asked.quick, first.asked.seed) == ("completed", True, 0)
    assert second.num_images_taken_over == 64
    (measurement,) = first.measurements
    assert [look.num_images for look in measurement.looks] == [64]
    assert len(read_images(first, first_path).images) == 64
    assert evidence_of(CLASSIFIER, first, first_path).found == []


def test_what_is_not_refuted_is_no_match(tmp_path: Path, quick: RunCli) -> None:
    finished = quick(CLASSIFIER.text("top1") or "", "--quick", "--seed", "3", "--format", "json")
    assert finished.code == 3
    (shown,) = json.loads(finished.out)
    assert shown["metrics"]["top1"]["verdict"] == "inconclusive"
    assert shown["metrics"]["top1"]["reason"].startswith("not refuted after 64 images: all 240")
    assert "a match needs them all" in shown["metrics"]["top1"]["reason"]
    # The same seed looks at the same images, which are there already; another one goes further.
    quick("99.00", "--quick", "--seed", "3")
    quick("99.00", "--quick", "--seed", "4")
    (_, one), (same, two), (other, three) = records(tmp_path)
    names = [set(read_images(read_record(path), path).images) for path in (one, two, three)]
    assert names[0] == names[1] != names[2]
    assert same.num_images_taken_over == 64
    assert other.num_images_taken_over == len(names[0] & names[2])
    assert evidence_of(CLASSIFIER, other, three).found == []


def test_a_tolerance_is_allowed_for(quick: RunCli) -> None:
    assert quick("94.00", "--quick").code == 1
    assert quick("94.00", "--quick", "--tolerance", "10").code == 3


def options(**changes: object) -> MeasureOptions:
    return MeasureOptions(
        fetch=FetchOptions(cache_dir=Path("cache")),
        manifest_dir=MANIFEST.parent,
        data_folders=DataFolders(root=DATA_ROOT),
        **changes,  # type: ignore[arg-type]
    )


def test_looks_are_nested_and_none_has_all_images() -> None:
    looks = list(QuickLooks(SEGMENTOR, 40, options(seed=1), Silent()))
    assert [len(look) for look in looks] == [16, 32]
    assert looks[1][:16] == looks[0]
    assert len(list(QuickLooks(SEGMENTOR, 500, options(), Silent()))) == 5
    assert [len(look) for look in QuickLooks(DETECTOR, 5000, options(), Silent())][-1] == 1000


def test_too_few_images_for_a_look(run_cli: RunCli) -> None:
    with pytest.raises(
        PrerequisiteError, match="begins with 16 random images, and there are only 16"
    ):
        QuickLooks(SEGMENTOR, 16, options(), Silent())
    given = ("--zoo", MANIFEST, "--data-root", DATA_ROOT, "--quick")
    finished = run_cli("verify", DETECTOR.name, *given)
    assert finished.code == 3
    assert "begins with 100 random images, and there are only 36 of Scenes" in finished.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--limit", "3"), "leave out --limit"),
        (("--worst", "1"), "leave out --worst"),
        (("--save-results", "file"), "leave out --save-results"),
        (("--unchanged-since", "file"), "leave out --unchanged-since"),
        (("--metrics", "params_m"), "there is nothing for --quick to do"),
    ],
)
def test_options_that_make_no_sense_beside_it(quick: RunCli, more: tuple[str], said: str) -> None:
    finished = quick("99.00", "--quick", *more)
    assert finished.code == 2
    assert said in finished.err
