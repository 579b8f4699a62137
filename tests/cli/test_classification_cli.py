"""The command line of classification: sizes without data, bad input, single images, costs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.trees import RunCli
from test_docs import ROOT

import hrnet_zoo
from hrnet_zoo.datasets.imagenet import IMAGENET
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import read_record
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.classification.predictor import ClassificationResult
from hrnet_zoo.tasks.classification.size import CONVENTION
from hrnet_zoo.timing.observations import Agreement, TrainedFigure
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "hrnet-w2s_scenes"
DEMO = ("--zoo", MANIFEST, "--device", "cpu")
MMPRETRAIN = [row.name for row in load_zoo().rows if row.source == "mmpretrain"]
OBJECTS = sorted((DATA_ROOT / "scenes_objects/val").rglob("*.png"))
CLASSES = {"car", "house", "person", "tree"}


def test_all_sizes_of_mmpretrain_match_without_data_and_weights(run_cli: RunCli) -> None:
    assert len(MMPRETRAIN) == 9
    asked = ("--metrics", "params_m,flops_g", "--offline", "--format", "json", "--output", "out")
    finished = run_cli("verify", *MMPRETRAIN, *asked)
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)
    verdicts = [number["verdict"] for row in rows for number in row["metrics"].values()]
    assert verdicts == ["match"] * 18
    for row in rows:
        record = read_record(Path(row["record"]))
        assert isinstance(record, AccuracyRecord)
        assert (record.dataset, record.checkpoint) == (None, None)
        flops = record.measurement("flops_g")
        assert flops is not None
        assert flops.convention == CONVENTION


def test_accuracy_needs_a_data_folder(run_cli: RunCli) -> None:
    finished = run_cli("verify", MMPRETRAIN[0], "--metrics", "top1", "--offline")
    assert finished.code == 3
    assert "Pass the folder that holds imagenet/ with --data-root" in finished.out


def make_imagenet(root: Path, folders: list[str]) -> None:
    """Write one small image into each class folder."""
    for number, folder in enumerate(folders):
        path = root / "imagenet/val" / folder / f"image_{number}.JPEG"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(path)


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ([*IMAGENET.folders[:-1]], f"the folder {IMAGENET.folders[-1]} (toilet tissue) is missing"),
        ([*IMAGENET.folders, "n99999999"], "the folder n99999999 is not one of the classes'"),
    ],
    ids=["999 folders", "1001 folders"],
)
def test_another_number_of_class_folders(
    run_cli: RunCli, tmp_path: Path, folders: list[str], words: str
) -> None:
    make_imagenet(tmp_path / "data", folders)
    checked = run_cli("data", "check", "imagenet", "--data-root", tmp_path / "data")
    assert checked.code == 3
    assert words in checked.out
    asked = ("--metrics", "top1", "--data-root", tmp_path / "data", "--offline")
    verified = run_cli("verify", MMPRETRAIN[0], *asked)
    assert verified.code == 3
    assert words in verified.out
    assert "Traceback" not in checked.err + verified.err


def test_a_list_that_names_a_missing_file(run_cli: RunCli, tmp_path: Path) -> None:
    root = tmp_path / "data/imagenet"
    (root / "val").mkdir(parents=True)
    (root / "meta").mkdir()
    Image.new("RGB", (8, 8)).save(root / "val/here.JPEG")
    (root / "meta/val.txt").write_text("here.JPEG 1\nmissing.JPEG 2\n")
    checked = run_cli("data", "check", "imagenet", "--data-root", tmp_path / "data")
    assert checked.code == 3
    assert "missing.JPEG" in checked.out
    assert "Traceback" not in checked.err


def test_a_detectors_checkpoint_is_named_as_such(run_cli: RunCli) -> None:
    [detector] = (MANIFEST.parent / "checkpoints").glob("fcos*.pth")
    asked = ("--data-root", DATA_ROOT, "--checkpoint", detector, "--metrics", "top1")
    finished = run_cli("verify", NAME, *DEMO, *asked, "--output", "out")
    assert finished.code == 3
    assert "It is the checkpoint of a one-stage detector" in finished.out
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photographs_are_classified(
    run_cli: RunCli, tmp_path: Path, mode: str
) -> None:
    photo = tmp_path / "photo.jpg"
    with Image.open(OBJECTS[0]) as opened:
        opened.convert(mode).save(photo)
    finished = run_cli("predict", NAME, photo, *DEMO, "--out", "seen")
    assert finished.code == 0, finished.err
    said = finished.out.partition(": ")[2].partition(" -> ")[0].split(", ")
    shares = {name: float(share.rstrip("%")) for name, share in (one.split() for one in said)}
    assert shares.keys() == CLASSES
    assert sum(shares.values()) == pytest.approx(100, abs=0.3)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    with Image.open("seen/photo_classes.png") as picture:
        assert picture.width > 64


def test_a_classifier_in_python() -> None:
    row = load_zoo(MANIFEST).row(NAME)
    predictor = load_predictor(row, MANIFEST.parent, checkpoint=None, device="cpu")
    right = 0
    for path in OBJECTS[::12]:
        seen = predictor.predict(path)
        assert isinstance(seen, ClassificationResult)
        right += seen.top(1)[0][0] == path.parent.name
    assert right >= 12, "of 20 images; chance would be 5"
    assert seen.logits.shape == seen.scores.shape == (4,)
    assert seen.scores.sum() == pytest.approx(1, abs=1e-5)
    assert (np.argsort(seen.logits) == np.argsort(seen.scores)).all()
    assert len(seen.top(3)) == 3
    assert seen.top(3)[0][1] == seen.scores.max()
    with pytest.raises(hrnet_zoo.ZooError):
        seen.top(5)


def test_the_classifier_is_timed(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    # What lower precision does to trained networks takes longer than the rest.
    monkeypatch.setattr("hrnet_zoo.demo.trained.TrainedNetworks.figures", lambda *_: [])
    options = ("--limit-seconds", 1, "--threads", 1, "--format", "json", "--output", "out")
    finished = run_cli("time", NAME, *DEMO, "--processes", 1, *options)
    assert finished.code == 0, finished.err
    [row] = json.loads(finished.out)
    assert row["network_input"] == [64, 64]
    assert [variant["outcome"] for variant in row["variants"]] == ["timed", "timed"]
    assert all(0 < variant["median_ms"] < 10_000 for variant in row["variants"])


def test_lower_precision_is_said_in_the_words_of_classifiers(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = TrainedFigure(
        precision="bf16",
        network=NAME,
        num_images=240,
        metric="top1",
        fp32=76.67,
        lower=76.25,
        agreement=Agreement(share=0.99, num_compared=240, largest_logit_difference=0.3),
    )
    monkeypatch.setattr("hrnet_zoo.demo.trained._Trained.figures", lambda *_: [figure])
    options = ("--limit-seconds", 0.2, "--threads", 1, "--output", "out", "--precision", "bf16")
    finished = run_cli("time", NAME, *DEMO, "--processes", 1, *options)
    assert "99.0000% of the classes as in FP32, Top-1 (%) 76.250" in finished.out


def test_what_has_nothing_to_do_with_sizes_is_refused(run_cli: RunCli) -> None:
    sizes = ("--metrics", "params_m,flops_g", "--output", "out")
    finished = run_cli("verify", NAME, *DEMO, *sizes, "--checkpoint", "nowhere.pth", "--worst", 3)
    assert finished.code == 2
    assert "there is nothing for --checkpoint, --worst to do" in finished.err
    assert not Path("out").exists()


@pytest.mark.parametrize("number", [999, 1001])
def test_a_manifest_with_another_number_of_classes(
    run_cli: RunCli, tmp_path: Path, number: int
) -> None:
    manifest = (ROOT / "zoo.yaml").read_text()
    assert "num_classes: 1000" in manifest
    (tmp_path / "zoo.yaml").write_text(
        manifest.replace("num_classes: 1000", f"num_classes: {number}", 1)
    )
    finished = run_cli("list", "--zoo", tmp_path / "zoo.yaml")
    assert finished.code == 2
    assert f"num_classes is {number}, and imagenet has 1000 classes" in finished.err


def test_training_memory_is_predicted_and_not_documented(run_cli: RunCli) -> None:
    finished = run_cli("memory", NAME, *DEMO, "--format", "json", "--output", "out")
    assert finished.code == 3, "there is nothing to compare with"
    [row] = json.loads(finished.out)
    assert row["verdict"] == "not_documented"
    assert row["documented_train_memory_gb"] is None
    assert 0 < row["inference_peak_gib"] < row["predicted_train_memory_gb"] < 1


def test_what_is_shown_of_imagenet(run_cli: RunCli) -> None:
    finished = run_cli("data", "show", "imagenet")
    assert finished.code == 0
    assert "50000 images, 1000 classes" in finished.out
    for text in ("n01440764/*.JPEG", "n15075141/*.JPEG", "val/*.JPEG", "val.txt", MMPRETRAIN[8]):
        assert text in finished.out
