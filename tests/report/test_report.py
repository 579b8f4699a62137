from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.detection_trees import complete_record
from support.trees import RunCli
from verdicts.test_verdicts import ROW, measurement, record
from zoo.test_manifest import FIELDS, README_ROWS, links

from hrnet_zoo.records.files import write_record
from hrnet_zoo.zoo.manifest import load_zoo

pytestmark = pytest.mark.usefixtures("taken_as_sound")


def markdown_rows(text: str) -> list[dict[str, Any]]:
    """Parse Markdown tables: one dict per row, with the heading above its table."""
    rows: list[dict[str, Any]] = []
    heading = ""
    titles: list[str] = []
    for line in text.splitlines():
        if line.startswith("### "):
            heading, titles = line.removeprefix("### "), []
        elif line.startswith("|") and not set(line) <= set("|:- "):
            cells = [cell.strip() for cell in line[1:-1].split("|")]
            if titles:
                rows.append({"table": heading, **dict(zip(titles, cells, strict=True))})
            titles = titles or cells
    return rows


def test_without_records_every_cell_equals_the_readmes(run_cli: RunCli) -> None:
    finished = run_cli("report", "tables")
    rows = markdown_rows(finished.out)
    assert finished.code == 0
    assert len(rows) == 76
    for ours, theirs in zip(rows, README_ROWS, strict=True):
        assert list(ours)[1:] == [key for key in theirs if key not in ("task", "table", "position")]
        assert ours["table"] == theirs["table"]
        for title in FIELDS:
            assert ours.get(title) == theirs.get(title)
        for title in ("config", "Config", "download", "Download"):
            assert links(ours.get(title, "")) == links(theirs.get(title, ""))
            assert ours.get(title, "").count("&#124;") == theirs.get(title, "").count("&#124;")


@pytest.mark.parametrize(
    ("value", "measured", "delta"),
    [(77.2049, "77.20", "+0.01"), (77.189, "77.19", "+0.00"), (70.0, "70.00", "-7.19 (!)")],
)
def test_measured_value_and_difference_stand_beside_the_documented(
    tmp_path: Path, run_cli: RunCli, value: float, measured: str, delta: str
) -> None:
    write_record(record(measurement(value)), tmp_path / "records" / ROW.name / "1.json")
    rows = markdown_rows(run_cli("report", "tables", "--records", tmp_path / "records").out)
    row = rows[1]
    assert (row["mIoU"], row["mIoU measured"], row["mIoU delta"]) == ("77.19", measured, delta)
    assert (rows[0]["mIoU"], rows[0]["mIoU measured"], rows[0]["mIoU delta"]) == ("73.86", "", "")
    # Tables without a measurement keep their printed columns.
    assert "mIoU measured" not in rows[9]


@pytest.mark.parametrize("changes", [{"images": 10}, {"sha256": "0"}, {"status": "interrupted"}])
def test_what_is_not_comparable_never_reaches_a_table(
    tmp_path: Path, run_cli: RunCli, changes: dict[str, Any]
) -> None:
    write_record(record(measurement(77.19), **changes), tmp_path / "records" / ROW.name / "1.json")
    assert "measured" not in run_cli("report", "tables", "--records", tmp_path / "records").out


def test_the_latest_comparable_record_counts(tmp_path: Path, run_cli: RunCli) -> None:
    for i, (value, images) in enumerate([(77.30, 500), (77.25, 500), (77.10, 12)]):
        made = record(measurement(value), images=images)
        made = made.model_copy(update={"started_at": made.started_at.replace(year=2020 + i)})
        write_record(made, tmp_path / "records" / ROW.name / f"{i}.json")
    rows = markdown_rows(run_cli("report", "tables", "--records", tmp_path / "records").out)
    assert rows[1]["mIoU measured"] == "77.25"


def test_all_detection_rows_with_weights_are_filled_in(tmp_path: Path, run_cli: RunCli) -> None:
    detection = [row for row in load_zoo().rows if row.task == "detection"]
    accuracies: tuple[str, ...] = ("box_ap", "mask_ap")
    for row in detection:
        documented = {m: row.documented(m) for m in accuracies}
        values = {m: float(value) + 0.04 for m, value in documented.items() if value is not None}
        if values:
            made = complete_record(row, values, sha256=f"{row.checkpoint_sha256_prefix}{'0' * 56}")
            write_record(made, tmp_path / "records" / row.name / "1.json")
    rows = markdown_rows(run_cli("report", "tables", "--records", tmp_path / "records").out)[37:67]
    assert len(rows) == len(detection) == 30
    filled = [cells for cells in rows if cells.get("box AP measured")]
    assert len(filled) == 18
    for cells in filled:
        for title in [t for t in ("box AP", "mask AP") if cells.get(t)]:
            assert (cells[f"{title} measured"], cells[f"{title} delta"]) == (cells[title], "+0.0")
    assert sum(bool(cells.get("mask AP measured")) for cells in rows) == 6


def test_tables_as_files(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("report", "tables", "--output", tmp_path / "out")
    assert finished.code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "mmdetection.md",
        "mmpretrain.md",
        "mmsegmentation.md",
    ]
    text = (tmp_path / "out" / "mmdetection.md").read_text()
    assert re.match(r"### Faster R-CNN\n\n\|", text)
    assert len(markdown_rows(text)) == 30


def test_damaged_record_is_named(tmp_path: Path, run_cli: RunCli) -> None:
    path = tmp_path / "records" / ROW.name / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"row": ')
    finished = run_cli("report", "tables", "--records", tmp_path / "records")
    assert finished.code == 3
    assert "1.json is not a readable record" in finished.err
