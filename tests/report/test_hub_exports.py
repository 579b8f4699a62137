"""What made-up runs of all tasks are on the Hugging Face Hub, and which of them count."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.exports import FINGERPRINT, in_card, in_file, store
from support.stored_runs import ROW
from support.trees import RunCli

from hrnet_zoo.records.accuracy import AccuracyAsked, DatasetUsed
from hrnet_zoo.zoo.manifest import load_zoo

CLASSIFIER = "hrnet-w18_3rdparty_8xb32_in1k"
MASKS = "mask_rcnn_hrnetv2p_w18_1x_coco"

pytestmark = pytest.mark.usefixtures("taken_as_sound")


def test_numbers_are_called_as_on_the_hub(run_cli: RunCli, tmp_path: Path) -> None:
    store(tmp_path, ROW, {"miou": 73.9, "miou_ms_flip": 75.0})
    store(tmp_path, MASKS, {"box_ap": 37.7, "mask_ap": 34.4})
    store(tmp_path, CLASSIFIER, {"top1": 76.75, "top5": 93.4})
    models = in_card(run_cli("report", "model-index", "--records", tmp_path))
    found = {
        result.metric_name: (result.task_type, result.metric_type, result.metric_args)
        for results in models.values()
        for result in results
    }
    assert found == {
        "mIoU, percent": ("image-segmentation", "mean_iou", None),
        "mIoU(ms+flip), percent": ("image-segmentation", "mean_iou", None),
        "box AP, percent": ("object-detection", "mAP", None),
        "mask AP, percent": ("image-segmentation", "mAP", None),
        "Top-1, percent": ("image-classification", "accuracy", None),
        "Top-5, percent": ("image-classification", "accuracy", {"k": 5}),
    }
    (top1, _) = models[CLASSIFIER]
    assert (top1.dataset_type, top1.dataset_split) == ("ILSVRC/imagenet-1k", "validation")
    assert top1.dataset_args == {"num_images": 50000, "fingerprint": FINGERPRINT}
    # Both are Hugging Face's own: a commit of a data set there, and what its service measured.
    assert {top1.dataset_revision, top1.verified, top1.verify_token} == {None}


def test_the_source_is_the_table_or_where_records_are_published(
    run_cli: RunCli, tmp_path: Path
) -> None:
    store(tmp_path, ROW, {"miou": 70.0})
    options = ("report", "model-index", "--records", tmp_path)
    (result,) = in_card(run_cli(*options))[ROW]
    assert result.source_url is not None
    assert result.source_url.endswith("/configs/hrnet/README.md")
    said = "measured by hrnet-zoo: mismatch (worse) with the 73.86 that this table documents"
    assert result.source_name == said
    (result,) = in_card(run_cli(*options, "--source", "https://example.org/bundle"))[ROW]
    assert result.source_url == "https://example.org/bundle"
    for source in ("reports", "file:///home/me", "https://me:secret@example.org"):
        assert run_cli(*options, "--source", source).code == 2
    manifest = tmp_path / "zoo.yaml"
    text = load_zoo().path.read_text()
    manifest.write_text(re.sub("url: https://.*/README.md", "url: README.md", text))
    (result,) = in_card(run_cli(*options, "--zoo", manifest))[ROW]
    assert result.source_url is None


def test_the_newest_run_that_counts_is_exported_and_newer_ones_are_named(
    run_cli: RunCli, tmp_path: Path
) -> None:
    part = DatasetUsed(name="cityscapes", num_images=9, num_images_found=500, fingerprint="c" * 64)
    store(tmp_path, ROW, {"miou": 73.1}, day=0)
    store(tmp_path, ROW, {"miou": 73.2}, day=1)
    store(tmp_path, ROW, {"miou": 60.0}, day=2, dataset=part)
    quick = AccuracyAsked(metrics=["miou"], quick=True)
    store(tmp_path, ROW, {"miou": 61.0}, day=3, asked=quick)
    asked = AccuracyAsked(metrics=["miou"])
    store(tmp_path, ROW, {}, day=4, asked=asked, status="error", reason="it burnt")
    finished = run_cli("report", "model-index", ROW, "--records", tmp_path)
    (result,) = in_card(finished)[ROW]
    assert result.metric_value == 73.2
    burnt, refuted, partial = finished.err.splitlines()
    assert burnt == f"left out: {ROW}, mIoU, 20260105T000000Z.json: error: it burnt"
    assert "20260104T000000Z.json: a run of verify --quick" in refuted
    assert "20260103T000000Z.json: not comparable: 9 of 500 images were evaluated" in partial


def test_without_records_there_is_nothing_to_export(run_cli: RunCli, tmp_path: Path) -> None:
    output = tmp_path / "card.yaml"
    finished = run_cli("report", "model-index", "--output", output)
    assert (finished.code, finished.out) == (3, "")
    assert finished.err == "nothing to export: no run counts; hrnet-zoo verify NAME makes one\n"
    assert not output.exists()


def test_records_of_no_row_and_of_the_other_edition_are_named(
    run_cli: RunCli, tmp_path: Path
) -> None:
    store(tmp_path, ROW, {"miou": 73.86}, row="somebody-elses")
    store(tmp_path, MASKS, {"box_ap": 37.7}, edition="later")
    finished = run_cli("report", "model-index", "--records", tmp_path)
    assert finished.code == 3
    assert 'no row is called "somebody-elses"' in finished.err
    assert 'it is of the "later" edition; export it with --edition' in finished.err


def test_numbers_without_a_benchmark_are_named(run_cli: RunCli, tmp_path: Path) -> None:
    store(tmp_path, CLASSIFIER, {"top1": 76.75, "top5": 93.4})
    options = ("report", "eval-results", CLASSIFIER, "--records", tmp_path)
    output = tmp_path / ".eval_results" / "imagenet.yaml"
    finished = run_cli(*options, "--benchmark", "top5=a/b:c", "--output", output)
    assert (finished.code, finished.out) == (0, f"{output}\n")
    assert [entry["value"] for entry in yaml.safe_load(output.read_text())] == [93.4]
    said = f"left out: {CLASSIFIER}, Top-1 (%): no --benchmark top1=... says where it belongs\n"
    assert finished.err == said
    assert run_cli(*options, "--benchmark", "miou=a/b:c").code == 3


@pytest.mark.parametrize("given", ["top1", "top1=imagenet:t", "top1=a/b:", ""])
def test_a_benchmark_in_another_form_is_refused(run_cli: RunCli, given: str) -> None:
    finished = run_cli("report", "eval-results", CLASSIFIER, "--benchmark", given)
    assert finished.code == 2
    assert "METRIC=ORGANISATION/DATASET:TASK" in finished.err


def test_what_is_left_out_is_named_on_one_line(run_cli: RunCli, tmp_path: Path) -> None:
    path = store(tmp_path, ROW, {"miou": 73.86})
    path.rename(path.with_name("a\n::error::b.json"))
    finished = run_cli("report", "model-index", "--records", tmp_path, "--edition", "later")
    assert r"a\n::error::b.json" in finished.err


@pytest.mark.parametrize("name", ["top9", "fps"])
def test_a_benchmark_of_no_accuracy_is_refused(run_cli: RunCli, name: str) -> None:
    finished = run_cli("report", "eval-results", CLASSIFIER, "--benchmark", f"{name}=a/b:c")
    assert finished.code == 2
    assert f'"{name}" is not an accuracy; there are miou,' in finished.err


def test_foreign_text_is_data(run_cli: RunCli, tmp_path: Path) -> None:
    text = "!!python/object/apply:os.system\n- *x: {a} # \u2028 \x1b[31m \U0001f600 '\" &b |-"
    data = DatasetUsed(name="cityscapes", num_images=500, num_images_found=500, fingerprint=text)
    store(tmp_path, ROW, {"miou": 73.86}, dataset=data)
    finished = run_cli("report", "model-index", "--records", tmp_path)
    (result,) = in_card(finished)[ROW]
    assert result.dataset_args == {"num_images": 500, "fingerprint": text}
    assert finished.out.isascii()
    options = ("--records", tmp_path, "--benchmark", "miou=a/b:c")
    (entry,) = in_file(run_cli("report", "eval-results", ROW, *options))
    assert f"fingerprint {text};" in (entry.notes or "")
