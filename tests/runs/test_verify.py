"""The whole path on a made-up Cityscapes tree: command line to record and verdict."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fill import filled_model
from numpy.typing import NDArray
from PIL import Image
from rows import evaluate_images, single_protocol
from support.accuracy import read_record
from support.trees import Finished, RunCli, heed_interrupts, make_cityscapes

import hrnet_zoo
from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.label_samples import LabelSamples, Sample
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
CPU = torch.device("cpu")


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Three images of 64 x 128; the row resizes them to 1024 x 2048, so keep them few."""
    make_cityscapes(tmp_path / "data", size=(64, 128))
    return tmp_path / "data"


def small_scale_zoo(tmp_path: Path) -> Path:
    """Return a manifest whose Cityscapes rows are tested at 128 x 64, to save time."""
    text = load_zoo().path.read_text()
    path = tmp_path / "zoo.yaml"
    path.write_text(text.replace("scale: [2048, 1024]", "scale: [128, 64]"))
    return path


@pytest.fixture
def verify(tmp_path: Path, data_root: Path, small_checkpoint: Path, run_cli: RunCli) -> Any:
    """Run verify with all that is needed, plus or minus what a test wants otherwise."""
    zoo = small_scale_zoo(tmp_path)

    def run(*options: str | Path, name: str = NAME, **changes: str | Path | None) -> Finished:
        settings: dict[str, str | Path | None] = {
            "zoo": zoo,
            "data-root": data_root,
            "checkpoint": small_checkpoint,
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


def plain_miou(predictions: list[NDArray[Any]], labels: list[NDArray[Any]]) -> float:
    """mIoU the obvious way, class by class, in percent."""
    ious = []
    for c in range(19):
        union = intersection = 0
        for prediction, label in zip(predictions, labels, strict=True):
            known = label != 255
            intersection += int(((prediction == c) & (label == c)).sum())
            union += int((((prediction == c) | (label == c)) & known).sum())
        if union:
            ious.append(intersection / union)
    return 100 * sum(ious) / len(ious)


def test_documented_scale_end_to_end(
    tmp_path: Path, data_root: Path, small_checkpoint: Path, run_cli: RunCli
) -> None:
    """The row as it is, at 1024 x 2048, against predictions and mIoU made by other means."""
    finished = run_cli(
        "verify", NAME, "--data-root", data_root, "--checkpoint", small_checkpoint,
        "--device", "cpu", "--output", tmp_path / "records", "--limit", "1", "--format", "json",
    )  # fmt: skip
    (result,) = json.loads(finished.out)
    model = filled_model("hr18s", 19, "cityscapes")
    samples = of_kind(LabelImages)["cityscapes"].open(data_root)
    sample = samples.load(random_order(len(samples), seed=0)[0])
    resized = torch.from_numpy(_cv2_resize(sample.image, 2048, 1024)).permute(2, 0, 1).double()
    mean = torch.tensor([123.675, 116.28, 103.53]).double().view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).double().view(3, 1, 1)
    with torch.inference_mode():
        logits = model(((resized - mean) / std).float()[None])
        logits = torch.nn.functional.interpolate(logits, size=(64, 128), mode="bilinear")
    prediction = logits[0].argmax(0).numpy()
    expected = plain_miou([prediction], [sample.label])
    assert result["metrics"]["miou"]["measured"] == pytest.approx(expected, abs=0.02)
    assert result["metrics"]["miou"]["documented"] == 73.86
    assert result["metrics"]["miou"]["verdict"] == "not_comparable"
    assert finished.code == 3


def _cv2_resize(image: NDArray[np.uint8], width: int, height: int) -> NDArray[Any]:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


def test_record_holds_what_was_seen(tmp_path: Path, verify: Any) -> None:
    finished = verify("--metrics", "miou,miou_ms_flip")
    assert finished.code == 3
    record = only_record(tmp_path)
    assert (record.row, record.status) == (NAME, "completed")
    assert record.checkpoint is not None
    assert len(record.checkpoint.sha256) == 64
    assert record.dataset is not None
    assert (record.dataset.num_images, record.dataset.num_images_found) == (3, 3)
    assert record.settings is not None
    assert (record.settings.tf32, record.settings.cudnn_benchmark) == (False, False)
    single, ms_flip = record.measurements
    assert (single.metric, ms_flip.metric) == ("miou", "miou_ms_flip")
    assert single.protocol is not None
    assert ms_flip.protocol is not None
    assert (single.protocol.flip, ms_flip.protocol.flip) == (False, True)
    assert ms_flip.protocol.ratios == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert [c.name for c in single.classes][:2] == ["road", "sidewalk"]
    assert single.value == pytest.approx(
        np.mean([iou for iou in (c.figures["iou"] for c in single.classes) if iou is not None])
    )
    assert record.timings is not None
    assert record.timings.forward_s > 0
    assert record.environment.packages["torch"]
    assert record.finished_at is not None
    assert str(tmp_path) not in record.model_dump_json(), "records hold no paths of the machine"


def test_labels_without_any_class_give_an_error_not_a_number(
    tmp_path: Path, data_root: Path, verify: Any
) -> None:
    make_cityscapes(data_root, values=[0, 1])
    finished = verify()
    assert finished.code == 3
    assert "the measured value is not a number" in finished.out
    assert only_record(tmp_path).measurements[0].value is None


def test_text_names_documented_measured_and_reason(verify: Any) -> None:
    out = verify().out
    for part in (
        NAME,
        "73.86",
        "not comparable",
        "3 of 500 images",
        "another checkpoint",
        "record:",
    ):
        assert part in out


def test_the_same_run_twice_gives_the_same_value(tmp_path: Path, verify: Any) -> None:
    verify()
    verify()
    a, b = (read_record(path) for path in (tmp_path / "records").glob("*/*.json"))
    assert a.measurements == b.measurements
    assert a.dataset is not None
    assert b.dataset is not None
    assert a.dataset.fingerprint == b.dataset.fingerprint


def evaluated(
    dataset: LabelSamples, num_workers: int, on_result: Callable[[], None] = lambda: None
) -> dict[str, NDArray[np.int64]]:
    """Evaluate a network that sees class 3 everywhere; return counts by image."""
    counts = {}
    for result in evaluate_images(
        lambda x: x.new_zeros(1, 19, *x.shape[2:]).index_fill_(1, torch.tensor([3]), 1),
        dataset,
        range(len(dataset)),
        {"single": single_protocol(load_zoo().row(NAME))},
        num_workers=num_workers,
        device=CPU,
        seconds=StageSeconds(),
    ):
        counts[result.name] = result.counted["single"].dense()
        on_result()
    return counts


@pytest.mark.parametrize("num_workers", [1, 3])
def test_the_result_does_not_depend_on_the_number_of_workers(
    data_root: Path, num_workers: int
) -> None:
    dataset = of_kind(LabelImages)["cityscapes"].open(data_root)
    reference, other = evaluated(dataset, 2), evaluated(dataset, num_workers)
    assert list(reference) == list(other)
    for name, counts in reference.items():
        assert np.array_equal(counts, other[name])
        assert counts[:, 3].sum() > 0
        assert np.delete(counts, 3, axis=1).sum() == 0


def test_files_wait_for_the_network_in_bounded_number(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding runs ahead, but not through the whole data set."""
    make_cityscapes(data_root, size=(64, 128), count=40)
    dataset = of_kind(LabelImages)["cityscapes"].open(data_root)
    loaded: list[int] = []
    waiting: list[int] = []
    load = dataset.load

    def counting_load(_: LabelSamples, index: int) -> Sample:
        loaded.append(index)
        return load(index)

    def on_result() -> None:
        time.sleep(0.02)
        waiting.append(len(loaded) - len(waiting) - 1)

    monkeypatch.setattr(LabelSamples, "load", counting_load)
    evaluated(dataset, 2, on_result)
    assert sorted(loaded) == list(range(40))
    assert 1 <= max(waiting) <= 6


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"data_root": None}, "no data folder was given"),
        ({"data_root": "nowhere"}, "Cityscapes was not found in nowhere"),
        ({"checkpoint": "none.pth"}, "expected at none.pth, there is nothing"),
        ({"checkpoint": "."}, "there is a folder"),
        ({"device": "cuda:7"}, 'The device "cuda:7" was asked for'),
    ],
)
def test_what_cannot_be_run_is_recorded_with_its_reason(
    tmp_path: Path, verify: Any, changes: dict[str, Any], what: str
) -> None:
    finished = verify(**changes)
    assert finished.code == 3
    assert "not run" in finished.out
    assert what in finished.out
    assert "Traceback" not in finished.out + finished.err
    record = only_record(tmp_path)
    assert record.status == "not_run"
    assert what in (record.reason or "")


def test_corrupt_image_in_the_middle(tmp_path: Path, data_root: Path, verify: Any) -> None:
    image = sorted(data_root.rglob("*_leftImg8bit.png"))[1]
    image.write_bytes(image.read_bytes()[:-40])
    finished = verify()
    assert finished.code == 3
    assert f"{image.name} cannot be decoded" in finished.out
    assert only_record(tmp_path).measurements == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("size", "They must be of one size"),
        ("value", "holds the value 77"),
        ("colours", "holds RGB pixels"),
    ],
)
def test_label_file_that_cannot_be_used(
    tmp_path: Path, data_root: Path, verify: Any, change: str, what: str
) -> None:
    label = sorted(data_root.rglob("*labelIds.png"))[1]
    image = {
        "size": Image.new("L", (120, 64), 7),
        "value": Image.new("L", (128, 64), 77),
        "colours": Image.new("RGB", (128, 64)),
    }[change]
    image.save(label)
    finished = verify()
    assert finished.code == 3
    assert what in finished.out
    assert label.name in finished.out
    record = only_record(tmp_path)
    assert record.status == "not_run"
    assert record.checkpoint is not None, "what was seen until then is kept"


def test_checkpoint_of_another_width(verify: Any) -> None:
    finished = verify(name="fcn_hr48_512x1024_40k_cityscapes")
    assert finished.code == 3
    assert "holds an HRNet of width 18, the row needs 48" in finished.out


def test_own_file_whose_name_promises_another_hash(
    tmp_path: Path, small_checkpoint: Path, verify: Any
) -> None:
    copy = tmp_path / f"{NAME}_20200601_014216-93db27d0.pth"
    copy.write_bytes(small_checkpoint.read_bytes())
    finished = verify(checkpoint=copy)
    assert finished.code == 3
    assert "its name promises a SHA-256 beginning 93db27d0" in finished.out


def test_malicious_checkpoint(tmp_path: Path, verify: Any) -> None:
    victim = tmp_path / "victim"

    class Malicious:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(victim),))

    path = tmp_path / "evil.pth"
    torch.save({"state_dict": Malicious()}, path)
    finished = verify(checkpoint=path)
    assert finished.code == 3
    assert "was refused: unpickling it would call" in finished.out
    assert not victim.exists()


def test_blank_row_is_not_documented(verify: Any) -> None:
    finished = verify(name="faster_rcnn_hrnetv2p_w40_2x_coco")
    assert finished.code == 3
    assert "not documented" in finished.out


def test_speed_is_not_measured_silently(verify: Any) -> None:
    finished = verify("--metrics", "miou,fps", "--format", "json")
    (result,) = json.loads(finished.out)
    assert result["metrics"]["fps"]["verdict"] == "not_run"
    assert "does not measure fps" in result["metrics"]["fps"]["reason"]
    assert result["metrics"]["miou"]["measured"] is not None


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["fcn_hr18_512x1024_40k_cityscape"], "Close: fcn_hr18_512x1024_40k_cityscapes"),
        ([NAME, "--metrics", "mIoU"], "Close: miou"),
        ([NAME, "--metrics", "box_ap"], "Its table has: train_memory_gb, fps, miou"),
        ([NAME, "--device", "tpu"], '"tpu" is not a device'),
        ([NAME, "--tolerance", "-1"], "not an allowance in points"),
        ([NAME, "--tolerance", "1e400"], "from 0 to 10"),
        ([NAME, "--limit", "0"], "0 is not in the range"),
        ([NAME, "--data", "cityscapes"], "not of the form NAME=DIR"),
        ([NAME, "fcn_hr18_512x1024_40k_cityscapes", "--checkpoint", "x.pth"], "one NAME"),
        ([], "Missing argument 'NAME...'"),
    ],
)
def test_wrong_usage_exits_2(run_cli: RunCli, arguments: list[str], what: str) -> None:
    finished = run_cli("verify", *arguments)
    assert finished.code == 2
    assert what in finished.err
    assert "Traceback" not in finished.err


def test_one_row_that_fails_does_not_stop_the_others(
    tmp_path: Path, data_root: Path, run_cli: RunCli
) -> None:
    names = [NAME, "fcn_hr18_512x512_80k_ade20k", "fcn_hr48_512x1024_40k_cityscapes"]
    finished = run_cli(
        "verify", *names, "--data-root", data_root, "--offline", "--output", tmp_path / "records"
    )
    assert finished.code == 3
    assert finished.out.count("not run") == 3
    assert len(list((tmp_path / "records").glob("*/*.json"))) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_leaves_a_record_that_says_so(
    tmp_path: Path, data_root: Path, small_checkpoint: Path
) -> None:
    make_cityscapes(data_root, size=(64, 128), count=60)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "hrnet_zoo", "verify", NAME, "--data-root", str(data_root),
            "--checkpoint", str(small_checkpoint), "--device", "cpu", "--partial",
            "--output", str(tmp_path / "records"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - no other thread holds a lock here
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("evaluating"):
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    (path,) = (tmp_path / "records").glob("*/*.json")
    assert read_record(path).status == "interrupted"


def test_python_interface(data_root: Path, small_checkpoint: Path) -> None:
    predictor = hrnet_zoo.load(NAME, checkpoint=small_checkpoint)
    assert isinstance(predictor, SegmentationPredictor)
    assert isinstance(predictor.model, torch.nn.Module)
    assert not predictor.model.training
    path = sorted(data_root.rglob("*_leftImg8bit.png"))[0]
    result = predictor.predict(path, scale=(128, 64))
    assert result.labels.shape == (64, 128)
    assert result.labels.dtype == np.uint8
    assert len(result.class_names) == len(result.palette) == 19
    assert result.class_names[0] == "road"
    assert result.palette[0] == (128, 64, 128)
    assert result.probabilities.shape == (19, 64, 128)
    assert np.allclose(result.probabilities.sum(axis=0), 1, atol=1e-5)
    assert np.array_equal(result.probabilities.argmax(axis=0), result.labels)
    sample = of_kind(LabelImages)["cityscapes"].open(data_root).load(0)
    assert np.array_equal(predictor.predict(sample.image, scale=(128, 64)).labels, result.labels)
    ms_flip = predictor.predict(sample.image, protocol="ms_flip", scale=(128, 64))
    assert np.allclose(ms_flip.probabilities.sum(axis=0), 1, atol=1e-5)
    assert not np.array_equal(ms_flip.labels, result.labels)


def test_arrays_as_opencv_and_pillow_users_have_them(
    data_root: Path, small_checkpoint: Path
) -> None:
    """A reversed view, and a read-only array, at a size that needs no resize."""
    predictor = hrnet_zoo.load(NAME, checkpoint=small_checkpoint, device=CPU)
    assert isinstance(predictor, SegmentationPredictor)
    path = sorted(data_root.rglob("*_leftImg8bit.png"))[0]
    expected = predictor.predict(path, scale=(128, 64)).labels
    bgr = cv2.imread(str(path))
    assert bgr is not None
    with Image.open(path) as opened:
        read_only = np.asarray(opened)
    for image in (bgr[:, :, ::-1], read_only):
        labels = predictor.predict(image.astype(np.uint8, copy=False), scale=(128, 64)).labels
        assert np.array_equal(labels, expected)


def test_python_interface_refuses_other_arrays(small_checkpoint: Path) -> None:
    predictor = hrnet_zoo.load(NAME, checkpoint=small_checkpoint)
    assert isinstance(predictor, SegmentationPredictor)
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), None):
        with pytest.raises(hrnet_zoo.ZooError, match="RGB array"):
            predictor.predict(image)  # type: ignore[arg-type]
    thin = np.zeros((1, 9000, 3), np.uint8)
    with pytest.raises(hrnet_zoo.ZooError, match="9000 x 1 pixels has no pixels left"):
        predictor.predict(thin, scale=(64, 32))
    with pytest.raises(hrnet_zoo.ZooError, match="is not a protocol"):
        predictor.predict(np.zeros((4, 4, 3), np.uint8), protocol="flip")


def test_build_gives_an_untrained_network() -> None:
    model = hrnet_zoo.build(NAME)
    assert not model.training
    assert next(model.parameters()).device == CPU
    assert model.state_dict()["decode_head.conv_seg.weight"].shape == (19, 270, 1, 1)
    detector = hrnet_zoo.build("fcos_hrnetv2p_w18_gn-head_4x4_1x_coco")
    assert not detector.training
    assert detector.state_dict()["bbox_head.conv_cls.bias"].shape == (80,)
