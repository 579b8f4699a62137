"""hrnet-zoo demo, as a new user runs it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from support.asked_once import Answers, ask_once
from support.trees import RunCli

import hrnet_zoo.demo
from hrnet_zoo.models.classifier import HRNetClassifier
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROW, DETECTOR, CLASSIFIER = load_zoo(hrnet_zoo.demo.MANIFEST).rows


@pytest.fixture(scope="module")
def answers() -> Answers:
    """What the networks answered until now."""
    return {}


@pytest.fixture
def asked_once(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    """What is said of the numbers is another in every test; what they are made of is not."""
    ask_once(monkeypatch, FCN, "coarse_logits", answers)
    ask_once(monkeypatch, Detector, "forward", answers)
    ask_once(monkeypatch, HRNetClassifier, "forward", answers)


def altered_demo(tmp_path: Path, miou: float = 0, box_ap: float = 0) -> Path:
    """Copy the demo's manifest and checkpoints, documented numbers changed by so many points."""
    folder = tmp_path / "altered"
    shutil.copytree(hrnet_zoo.demo.MANIFEST.parent / "checkpoints", folder / "checkpoints")
    altered = hrnet_zoo.demo.MANIFEST.read_text()
    for row, metric, points in ((ROW, "miou", miou), (DETECTOR, "box_ap", box_ap)):
        documented = row.text(metric)
        assert documented is not None
        quoted = f'{metric}: "{documented}"'
        assert quoted in altered
        altered = altered.replace(quoted, f'{metric}: "{float(documented) + points:.2f}"')
    (folder / "zoo.yaml").write_text(altered)
    return folder / "zoo.yaml"


@pytest.mark.usefixtures("asked_once")
def test_demo_verifies_its_documented_numbers(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("demo", "--output", tmp_path / "demo")
    assert finished.code == 0
    documented = {
        ROW.name: ROW.text("miou"),
        DETECTOR.name: DETECTOR.text("box_ap"),
        CLASSIFIER.name: CLASSIFIER.text("top1"),
    }
    for part in (
        *documented,
        *documented.values(),
        "match",
        "| FCN ",
        "| FCOS ",
        "| `hrnet-w2s_scenes` ",
        "hrnet-zoo verify",
    ):
        assert part is not None
        assert part in finished.out
    records = list(read_records(tmp_path / "demo" / "records", AccuracyRecord))
    assert {record.row for record in records} == set(documented)
    for record in records:
        assert record.status == "completed"
        assert record.checkpoint is not None
        assert record.checkpoint.known_by == "lock"
        assert record.dataset is not None
        num_images = 240 if record.row == CLASSIFIER.name else 36
        assert record.dataset.num_images == record.dataset.num_images_found == num_images
        (measurement,) = (m for m in record.measurements if METRICS[m.metric].is_accuracy)
        assert measurement.value == pytest.approx(float(documented[record.row] or "nan"), abs=0.02)
        with Image.open(tmp_path / "demo" / f"{record.row}.png") as picture:
            # Three images of 270 pixels, or one crop, enlarged, beside bars and their names.
            assert picture.width > (400 if record.row == CLASSIFIER.name else 3 * 270)
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 1000
    table = (tmp_path / "demo" / "table.md").read_text()
    assert "mIoU measured" in table
    assert "box AP measured" in table


@pytest.mark.usefixtures("asked_once")
def test_one_point_off_is_a_mismatch(
    tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hrnet_zoo.demo, "MANIFEST", altered_demo(tmp_path, miou=1, box_ap=-1))
    finished = run_cli("demo", "--output", tmp_path / "demo")
    assert finished.code == 1
    for metric, verdict in (("mIoU", "worse"), ("box AP", "better")):
        assert re.search(rf"{metric} .*mismatch \({verdict}\)", finished.out)
    assert "up to 0.0050 is a match" in finished.out


@pytest.mark.usefixtures("asked_once")
def test_demo_rows_go_through_verify_like_any_row(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "verify", ROW.name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records", "--format", "json",
    )  # fmt: skip
    (result,) = json.loads(finished.out)
    assert (finished.code, result["metrics"]["miou"]["verdict"]) == (0, "match")


@pytest.mark.usefixtures("asked_once")
def test_a_wider_allowance_is_named(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "verify", ROW.name, "--zoo", altered_demo(tmp_path, 1.0), "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records", "--tolerance", "2",
    )  # fmt: skip
    assert finished.code == 0
    assert "up to 2.005 is a match, by the --tolerance given" in finished.out


@pytest.mark.parametrize(
    ("row", "off", "verdict"),
    [(ROW, {"miou": -1}, "better"), (DETECTOR, {"box_ap": 1}, "worse")],
    ids=["mIoU", "box AP"],
)
@pytest.mark.usefixtures("asked_once")
def test_verify_says_so_the_other_way_round(
    tmp_path: Path, run_cli: RunCli, row: Row, off: dict[str, float], verdict: str
) -> None:
    finished = run_cli(
        "verify", row.name, "--zoo", altered_demo(tmp_path, **off), "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records",
    )  # fmt: skip
    assert finished.code == 1
    assert f"mismatch ({verdict})" in finished.out


def test_where_the_time_goes(tmp_path: Path, run_cli: RunCli) -> None:
    trace = tmp_path / "traces" / "fcn.json"
    finished = run_cli(
        "verify", ROW.name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records", "--profile", trace,
    )  # fmt: skip
    assert finished.code == 0
    assert re.search(r"time: [\d.]+ s, most of it: [a-z -]+; \d+% waiting", finished.out)
    events = json.loads(trace.read_text())["traceEvents"]
    assert any("conv" in event.get("name", "") for event in events)
    (record,) = read_records(tmp_path / "records", AccuracyRecord)
    assert record.timings is not None
    assert record.timings.bottleneck is not None
    assert record.timings.waiting_s is not None
    assert record.timings.waiting_s < record.timings.wall_s


def test_too_few_images_for_a_trace(tmp_path: Path, run_cli: RunCli) -> None:
    trace = tmp_path / "trace.json"
    finished = run_cli(
        "verify", ROW.name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records", "--profile", trace,
        "--limit", "1",
    )  # fmt: skip
    assert "no trace: fewer than three images" in finished.err
    assert not trace.exists()


@pytest.mark.usefixtures("asked_once")
def test_part_of_the_demo_is_no_match(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "verify", ROW.name, "--zoo", hrnet_zoo.demo.MANIFEST, "--data-root",
        hrnet_zoo.demo.DATA_ROOT, "--output", tmp_path / "records", "--limit", "35",
    )  # fmt: skip
    assert finished.code == 3
    assert "35 of 36 images were evaluated" in finished.out


def test_changed_checkpoint_is_refused(tmp_path: Path, run_cli: RunCli) -> None:
    manifest = altered_demo(tmp_path, 1.0)
    checkpoint = manifest.parent / "checkpoints" / ROW.checkpoint_file_name
    content = bytearray(checkpoint.read_bytes())
    content[-100] ^= 1
    checkpoint.write_bytes(content)
    finished = run_cli(
        "verify", ROW.name, "--zoo", manifest, "--data-root", hrnet_zoo.demo.DATA_ROOT,
        "--output", tmp_path / "records",
    )  # fmt: skip
    assert finished.code == 3
    assert f"promised is {ROW.checkpoint_sha256_prefix}" in finished.out


def test_demo_that_cannot_write_says_so(tmp_path: Path, run_cli: RunCli) -> None:
    (tmp_path / "file").touch()
    finished = run_cli("demo", "--output", tmp_path / "file")
    assert finished.code == 3
    assert "Pass another --output" in finished.err
    assert "Traceback" not in finished.err
