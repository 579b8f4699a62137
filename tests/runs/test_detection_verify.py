"""The whole path of a detection row on a made-up COCO tree: command line to record and verdict."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from detection_fill import filled
from numpy.typing import NDArray
from PIL import Image
from support.accuracy import read_record
from support.coco_tree import change_annotations, image_file, make_coco, read_annotations
from support.detection_trees import FCOS, annotate_as_predicted, small_scale_zoo, write_filled
from support.started import started
from support.trees import Finished, RunCli
from torch.nn import functional as F

import hrnet_zoo
from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.models import build_detector
from hrnet_zoo.models.detection.detector import ImageGeometry
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.detection import coco_ap
from hrnet_zoo.tasks.detection.accumulating import figures_of
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.zoo.manifest import load_zoo

MASK = "mask_rcnn_hrnetv2p_w18_1x_coco"
Verify = Callable[..., Finished]


@pytest.fixture(scope="session")
def fcos_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_filled(load_zoo().row(FCOS), tmp_path_factory.mktemp("fcos") / "filled.pth")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_coco(tmp_path / "data", count=3)


@pytest.fixture
def verify(tmp_path: Path, root: Path, fcos_checkpoint: Path, run_cli: RunCli) -> Verify:
    """Run verify with all that is needed, plus or minus what a test wants otherwise."""
    zoo = small_scale_zoo(tmp_path, (128, 96))
    assert root.is_dir()

    def run(*options: str | Path, name: str = FCOS, **changes: str | Path | None) -> Finished:
        settings: dict[str, str | Path | None] = {
            "zoo": zoo,
            "data-root": tmp_path / "data",
            "checkpoint": fcos_checkpoint,
            "device": "cpu",
            "output": tmp_path / "records",
        }
        settings |= {key.replace("_", "-"): value for key, value in changes.items()}
        given = [x for k, v in settings.items() if v is not None for x in (f"--{k}", v)]
        return run_cli("verify", name, *given, "--partial", *options)

    return run


def only_record(tmp_path: Path) -> AccuracyRecord:
    (path,) = (tmp_path / "records").glob("*/*.json")
    return read_record(path)


def changed_checkpoint(path: Path, changes: dict[str, Any]) -> Path:
    """Write the filled FCOS with some entries replaced; None takes one out."""
    state = filled(build_detector("fcos_hrnet", backbone="w18", num_classes=80)) | changes
    torch.save({"state_dict": {k: v for k, v in state.items() if v is not None}}, path)
    return path


def test_documented_scale_against_steps_taken_by_hand(
    tmp_path: Path, root: Path, fcos_checkpoint: Path, run_cli: RunCli
) -> None:
    """The row as it is, at 1333 x 800: BGR, fixed-point resize, padding, a scale per axis."""
    path = tmp_path / "results.json"
    count = len(read_annotations(root)["images"])
    seed = next(seed for seed in range(99) if random_order(count, seed)[0] == 0)
    finished = run_cli(
        "verify", FCOS, "--data-root", tmp_path / "data", "--checkpoint", fcos_checkpoint,
        "--device", "cpu", "--output", tmp_path / "records", "--limit", "1", "--seed", seed,
        "--save-results", path,
    )  # fmt: skip
    assert finished.code == 3
    results = json.loads(path.read_text())
    bgr = cv2.imread(str(image_file(root, 0)))
    assert bgr is not None
    resized = cv2.resize(bgr, (1067, 800), interpolation=cv2.INTER_LINEAR)
    mean = np.array([102.9801, 115.9465, 122.7717])
    x = torch.from_numpy(resized - mean).permute(2, 0, 1)[None].float()
    model = build_detector("fcos_hrnet", backbone="w18", num_classes=80)
    model.load_state_dict(filled(model))
    geometry = ImageGeometry(size=(800, 1067), scale_factors=(1067 / 160, 800 / 120))
    with torch.inference_mode():
        found = model(F.pad(x, (0, 21)), geometry, score_threshold=0.05)
    assert len(results) == len(found.scores) == 100
    scores = sorted((result["score"] for result in results), reverse=True)
    assert np.allclose(scores, found.scores, atol=1e-4)
    best = max(results, key=lambda result: float(result["score"]))
    x1, y1, width, height = best["bbox"]
    assert np.allclose([x1, y1, x1 + width, y1 + height], found.boxes[0], atol=0.02)


def test_record_holds_what_was_seen(tmp_path: Path, verify: Verify) -> None:
    finished = verify()
    assert finished.code == 3
    assert "3 of 5000 images were evaluated" in finished.out
    record = only_record(tmp_path)
    assert (record.row, record.status, record.edition) == (FCOS, "completed", "readme")
    assert record.dataset is not None
    assert (record.dataset.num_images, record.dataset.num_images_found) == (3, 3)
    (measurement,) = record.measurements
    assert measurement.metric == "box_ap"
    assert len(measurement.figures) == 12
    assert [c.name for c in measurement.classes][:2] == ["person", "bicycle"]
    assert measurement.scoring is not None
    assert measurement.scoring.backend == "pycocotools"
    assert measurement.protocol is not None
    assert measurement.protocol.normalisation.channel_order == "bgr"
    assert record.timings is not None
    assert record.timings.metric_s > 0
    path = next((tmp_path / "records" / FCOS).glob("*.json"))
    images = read_images(record, path).images.values()
    kept = [Matches.from_text(image.results["bbox"]) for image in images]
    assert [each.image_id for each in kept] == [139, 285, 431]
    assert figures_of(kept, 80, "mmdet").twelve == measurement.figures


def test_fingerprint_is_that_of_data_check(tmp_path: Path, verify: Verify, run_cli: RunCli) -> None:
    verify()
    checked = run_cli("data", "check", "coco", "--data-root", tmp_path / "data", "--format", "json")
    dataset = only_record(tmp_path).dataset
    assert dataset is not None
    assert dataset.fingerprint in checked.out


def test_json_for_programs(verify: Verify) -> None:
    finished = verify("--format", "json")
    (result,) = json.loads(finished.out)
    assert result["metrics"]["box_ap"]["documented"] == 35.1
    assert result["metrics"]["box_ap"]["verdict"] == "not_comparable"


def test_masks_are_computed_only_when_asked_for(tmp_path: Path, verify: Verify) -> None:
    checkpoint = write_filled(load_zoo().row(MASK), tmp_path / "mask.pth")
    results = {}
    for metrics in ("box_ap,mask_ap", "box_ap"):
        path = tmp_path / f"{metrics}.json"
        finished = verify(
            "--metrics", metrics, "--save-results", path, name=MASK, checkpoint=checkpoint
        )
        assert finished.code == 3
        results[metrics] = json.loads(path.read_text())
    with_masks, without = results["box_ap,mask_ap"], results["box_ap"]
    assert [r["bbox"] for r in with_masks] == [r["bbox"] for r in without]
    assert all("segmentation" in r for r in with_masks)
    assert not any("segmentation" in r for r in without)


def test_worst_images_are_drawn(
    tmp_path: Path, root: Path, verify: Verify, fcos_checkpoint: Path
) -> None:
    zoo = load_zoo(small_scale_zoo(tmp_path, (128, 96)))
    predictor = load_predictor(zoo.row(FCOS), tmp_path, checkpoint=fcos_checkpoint, device="cpu")
    assert isinstance(predictor, DetectionPredictor)
    annotate_as_predicted(root, predictor, 3)
    verify("--worst", "2")
    pictures = sorted((tmp_path / "records" / FCOS).glob("*.worst/*.png"))
    assert [path.name[:3] for path in pictures] == ["01_", "02_"]
    with Image.open(pictures[0]) as picture:
        assert picture.width > 2 * 120


def test_no_detections_at_all_is_an_ap_of_zero(tmp_path: Path, verify: Verify) -> None:
    silent = {"bbox_head.conv_cls.bias": torch.full((80,), -60.0)}
    finished = verify(checkpoint=changed_checkpoint(tmp_path / "silent.pth", silent))
    assert finished.code == 3
    assert only_record(tmp_path).measurements[0].value == 0


def test_a_network_that_gives_nan_is_told_from_an_empty_image(
    tmp_path: Path, verify: Verify
) -> None:
    huge = {"bbox_head.cls_convs.0.conv.weight": torch.full((256, 256, 3, 3), 3e38)}
    finished = verify(checkpoint=changed_checkpoint(tmp_path / "broken.pth", huge))
    assert finished.code == 3
    assert "image 000000000139: the network's outputs are not numbers (NaN)" in finished.out
    assert only_record(tmp_path).status == "not_run"


def test_old_names_and_extra_tensors(tmp_path: Path, verify: Verify) -> None:
    """A file as upstream published it in March 2020, with something else in it besides."""
    model = build_detector("fcos_hrnet", backbone="w18", num_classes=80)
    old = {
        f"module.{key.replace('bbox_head.conv_', 'bbox_head.fcos_')}": value
        for key, value in filled(model).items()
        if not key.endswith("num_batches_tracked")
    }
    old["module.teacher.weight"] = torch.zeros(1)
    path = tmp_path / "old.pth"
    torch.save({"state_dict": old}, path, _use_new_zipfile_serialization=False)
    plain, renamed = tmp_path / "plain.json", tmp_path / "renamed.json"
    verify("--save-results", plain)
    finished = verify("--save-results", renamed, checkpoint=path, output=tmp_path / "old")
    assert finished.code == 3
    assert "old.pth: tensors that the network has no use for: 1 (teacher.weight)" in finished.err
    assert renamed.read_text() == plain.read_text()
    (record,) = (read_record(p) for p in (tmp_path / "old").glob("*/*.json"))
    assert record.checkpoint is not None
    assert record.checkpoint.extra_keys == ["teacher.weight"]


def test_segmentation_checkpoint_given_to_a_detector(
    verify: Verify, small_checkpoint: Path
) -> None:
    finished = verify(checkpoint=small_checkpoint)
    assert finished.code == 3
    assert "segment" in finished.out
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["images"].append(c["images"][0]), "listed twice (431"),
        (lambda c: c["categories"].pop(), "Is it instances_val2017.json?"),
        (lambda c: c["images"][0].update(width=999), "are listed"),
    ],
    ids=["duplicate-image", "other-categories", "other-size"],
)
def test_bad_annotation_files(
    root: Path, verify: Verify, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    change_annotations(root, change)
    finished = verify()
    assert finished.code == 3
    assert message in finished.out
    assert "Traceback" not in finished.err


def test_damaged_image_keeps_what_was_done(tmp_path: Path, root: Path, verify: Verify) -> None:
    bad = image_file(root, 2)
    content = bad.read_bytes()
    bad.write_bytes(content[:200])
    finished = verify()
    assert finished.code == 3
    assert f"{bad.name} cannot be decoded" in finished.out
    bad.write_bytes(content)
    os.utime(bad, (1, 1))
    assert verify(output=tmp_path / "again").code == 3


def test_later_edition_uses_its_own_normalisation(tmp_path: Path, verify: Verify) -> None:
    finished = verify("--edition", "later")
    assert finished.code == 3
    record = only_record(tmp_path)
    assert record.edition == "later"
    protocol = record.measurements[0].protocol
    assert protocol is not None
    used = protocol.normalisation
    assert (used.channel_order, used.std) == ("bgr", (57.375, 57.12, 58.395))
    assert "35.3" in finished.out


def test_rows_without_a_later_edition_say_so(verify: Verify) -> None:
    finished = verify("--edition", "later", name="htc_x101_64x4d_fpn_16x1_28e_coco")
    assert finished.code == 2
    assert "no later edition" in finished.err


def test_images_too_thin_for_the_neck(
    run_cli: RunCli, tmp_path: Path, fcos_checkpoint: Path
) -> None:
    Image.fromarray(np.zeros((5, 400, 3), np.uint8)).save(tmp_path / "thin.png")
    finished = run_cli(
        "predict", FCOS, tmp_path / "thin.png", "--checkpoint", fcos_checkpoint, "--device", "cpu",
    )  # fmt: skip
    assert finished.code == 3
    assert "too thin for this detector" in finished.err


def test_a_backend_that_is_not_there_is_missed_before_the_first_image(
    tmp_path: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(coco_ap._PACKAGES, "hotcoco", "no-such-package")
    finished = verify("--coco-backend", "hotcoco")
    assert finished.code == 3
    assert "hrnet-zoo[coco-fast]" in finished.out
    assert only_record(tmp_path).settings is None


@pytest.mark.parametrize("backend", ["hotcoco", "faster"])
def test_fast_backends_are_compared_and_named(tmp_path: Path, verify: Verify, backend: str) -> None:
    finished = verify("--coco-backend", backend)
    assert "which agreed with pycocotools on 3 of these images" in finished.out
    scoring = only_record(tmp_path).measurements[0].scoring
    assert scoring is not None
    assert (scoring.asked, scoring.backend) == (backend, backend)
    assert scoring.parity_num_images == 3
    assert (scoring.parity_largest_difference or 0) <= 1e-9


def test_results_go_nowhere_for_label_maps(verify: Verify) -> None:
    finished = verify("--save-results", "x.json", name="fcn_hr18_512x1024_40k_cityscapes")
    assert finished.code == 2
    assert "--save-results is for detections" in finished.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_runs_go_on_and_end_as_an_uninterrupted_one(
    tmp_path: Path, fcos_checkpoint: Path
) -> None:
    count = 16
    make_coco(tmp_path / "data", count=count)
    arguments = [
        "verify", FCOS, "--zoo", str(small_scale_zoo(tmp_path, (96, 64))),
        "--data-root", str(tmp_path / "data"), "--checkpoint", str(fcos_checkpoint),
        "--device", "cpu", "--partial",
    ]  # fmt: skip
    results = {}
    for output, kills in (("whole", 0), ("killed", 4)):
        given = [*arguments, "--output", str(tmp_path / output)]
        for _ in range(kills):
            _kill_a_run(given, tmp_path / output, count)
        saved = tmp_path / f"{output}.json"
        process = started(*given, "--save-results", str(saved))
        process.join()
        assert process.exitcode == 3
        results[output] = saved.read_text()
    assert results["killed"] == results["whole"]
    records = [read_record(path) for path in (tmp_path / "killed").glob("*/*.json")]
    (completed,) = [record for record in records if record.status == "completed"]
    assert completed.num_images_taken_over > 0


def _kill_a_run(arguments: list[str], output: Path, count: int) -> None:
    """Start a run and kill it once it has done a few more images."""
    before = _entries(output)
    wanted = min(before + random.Random(before).randint(1, 4), count - 2)
    process = started(*arguments)
    while _entries(output) < wanted and process.is_alive():
        time.sleep(0.01)
    process.kill()
    process.join()


def _entries(output: Path) -> int:
    journals = list(output.glob("*/.unfinished-*.jsonl"))
    return sum(path.read_bytes().count(b'"digest"') for path in journals)


def test_python_interface(root: Path, tmp_path: Path) -> None:
    checkpoint = write_filled(load_zoo().row(MASK), tmp_path / "mask.pth")
    predictor = hrnet_zoo.load(MASK, checkpoint=checkpoint)
    assert isinstance(predictor, DetectionPredictor)
    path = image_file(root, 0)
    result = predictor.predict(path, scale=(128, 96))
    number = len(result.scores)
    assert number > 5
    assert result.boxes.shape == (number, 4)
    assert result.boxes.dtype == np.float32
    assert (np.diff(result.scores) <= 0).all()
    assert set(result.labels.tolist()) <= set(range(80))
    assert result.class_names[0] == "person"
    assert result.masks is not None
    assert len(result.masks) == number
    dense = result.decoded_masks()
    assert dense.shape == (number, 120, 160)
    assert _areas_within_boxes(dense, result.boxes)
    image = of_kind(CocoInstances)["coco"].open(tmp_path / "data").load(0).image
    again = predictor.predict(image, scale=(128, 96))
    assert np.array_equal(again.boxes, result.boxes)
    with pytest.raises(hrnet_zoo.ZooError, match="RGB array"):
        predictor.predict(image[:, :, 0])


def _areas_within_boxes(masks: NDArray[np.bool_], boxes: NDArray[np.float32]) -> bool:
    """Whether no mask has a pixel more than two outside its box."""
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        rows, columns = np.nonzero(mask)
        inside = (rows > y1 - 3) & (rows < y2 + 2) & (columns > x1 - 3) & (columns < x2 + 2)
        if not inside.all():
            return False
    return True


def test_predict_command_writes_boxes_and_pictures(
    root: Path, tmp_path: Path, run_cli: RunCli, fcos_checkpoint: Path
) -> None:
    finished = run_cli(
        "predict", FCOS, image_file(root, 0), "--checkpoint", fcos_checkpoint, "--device", "cpu",
        "--zoo", small_scale_zoo(tmp_path, (128, 96)), "--out", tmp_path / "seen",
        "--score-threshold", "0.1",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    content = json.loads((tmp_path / "seen" / "000000000139_detections.json").read_text())
    assert (content["height"], content["width"]) == (120, 160)
    assert all(found["score"] > 0.1 for found in content["detections"])
    with Image.open(tmp_path / "seen" / "000000000139_overlay.png") as picture:
        assert picture.size[0] >= 160


def test_predict_refuses_the_protocols_of_segmentation(root: Path, run_cli: RunCli) -> None:
    finished = run_cli("predict", FCOS, image_file(root, 0), "--protocol", "ms_flip")
    assert finished.code == 2
    assert "detects objects with the protocol single only, not with ms_flip" in finished.err


def test_crowds_and_empty_images_are_evaluated(tmp_path: Path, root: Path, verify: Verify) -> None:
    """The tree has a crowd, and an image without annotations: both count as COCO says."""
    truth = read_annotations(root)
    assert any(a["iscrowd"] for a in truth["annotations"])
    verify()
    record = only_record(tmp_path)
    assert record.dataset is not None
    assert record.dataset.num_images == len(truth["images"]) == 3
