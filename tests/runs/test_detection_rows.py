"""Every detection row that has weights, on a made-up COCO tree: command line to record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from pycocotools.coco import COCO
from support.accuracy import read_record
from support.asked_once import ask_once
from support.coco_tree import make_coco, read_annotations
from support.detection_trees import annotate_as_predicted, small_scale_zoo, write_filled
from support.slow_coco import slow_figures
from support.trees import RunCli

from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = [r for r in load_zoo().rows if r.task == "detection" and r.checkpoint_url is not None]
IMAGES = 2


def kind(row: Row) -> tuple[str, str]:
    """Rows of one kind can share a checkpoint."""
    return row.setup.architecture, row.setup.backbone


KINDS = [key for key, _ in groupby(sorted(ROWS, key=kind), key=kind)]


@pytest.fixture(params=KINDS, ids="-".join, scope="module")
def checkpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[Row], Path]]:
    """A filled checkpoint, deleted afterwards, and the rows that it fits."""
    rows = [row for row in ROWS if kind(row) == request.param]
    path = write_filled(rows[0], tmp_path_factory.mktemp("filled") / "filled.pth")
    yield rows, path
    path.unlink()


def test_rows_of_all_kinds_are_evaluated(
    tmp_path: Path,
    run_cli: RunCli,
    checkpoint: tuple[list[Row], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, path = checkpoint
    # Rows that differ only in their schedule ask the same, and so do the annotations.
    ask_once(monkeypatch, Detector, "forward", {})
    root = make_coco(tmp_path / "data", count=IMAGES)
    zoo = load_zoo(small_scale_zoo(tmp_path))
    predictor = load_predictor(zoo.row(rows[0].name), tmp_path, checkpoint=path, device="cpu")
    assert isinstance(predictor, DetectionPredictor)
    annotate_as_predicted(root, predictor, IMAGES)
    for row in rows:
        finished = run_cli(
            "verify", row.name, "--zoo", zoo.path, "--data-root", tmp_path / "data",
            "--checkpoint", path, "--device", "cpu", "--output", tmp_path / row.name,
            "--save-results", tmp_path / "results.json", "--partial",
        )  # fmt: skip
        assert finished.code == 3, "two images are not the documented data set"
        (record_path,) = (tmp_path / row.name).glob("*/*.json")
        record = read_record(record_path)
        assert record.status == "completed", record.reason
        metrics = [m.metric for m in record.measurements]
        assert metrics == (["box_ap", "mask_ap"] if row.documented("mask_ap") else ["box_ap"])
        results = json.loads((tmp_path / "results.json").read_text())
        assert {"segmentation" in result for result in results} == {len(metrics) == 2}
        truth = read_annotations(root)
        expected = slow_figures(truth, results)
        box_ap = record.measurements[0]
        assert box_ap.figures == pytest.approx(expected, abs=1e-9)
        assert box_ap.value == pytest.approx(expected["ap"], abs=1e-9)
        assert 5 < (box_ap.value or 0) < 95
        reference = COCO()
        reference.dataset = truth
        reference.createIndex()
        assert len(reference.loadRes(results).anns) == len(results)


def test_the_kinds_cover_all_18_rows() -> None:
    assert len(ROWS) == 18
    assert len(KINDS) == 12
