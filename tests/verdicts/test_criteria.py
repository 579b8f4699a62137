"""What a run is judged by is fixed by a digest before it begins."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from support.accuracy import read_record
from support.trees import RunCli

from hrnet_zoo.runs import verify
from hrnet_zoo.verdicts.criteria import criteria_digest, criteria_of
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "mask_rcnn_hrnetv2p_w18_1x_coco"
ZOO = load_zoo()
ROW = ZOO.row(NAME)
FIXED = criteria_digest(ROW, ["box_ap"], None, "0.1.0")


def test_all_that_decides_counts() -> None:
    setup = ROW.setup.model_copy(update={"num_images": 1})
    others = {
        "another number": criteria_digest(ROW, ["mask_ap"], None, "0.1.0"),
        "a tolerance": criteria_digest(ROW, ["box_ap"], Decimal("0.1"), "0.1.0"),
        "another tolerance": criteria_digest(ROW, ["box_ap"], Decimal("0.2"), "0.1.0"),
        "another version": criteria_digest(ROW, ["box_ap"], None, "0.2.0"),
        "another edition": criteria_digest(ROW.in_edition("later"), ["box_ap"], None, "0.1.0"),
        "another value": criteria_digest(
            ROW.model_copy(update={"printed": ROW.printed | {"box_ap": "99.9"}}),
            ["box_ap"], None, "0.1.0",
        ),
        "another setup": criteria_digest(
            ROW.model_copy(update={"setup": setup}), ["box_ap"], None, "0.1.0"
        ),
    }  # fmt: skip
    assert len({FIXED, *others.values()}) == len(others) + 1
    assert criteria_digest(load_zoo().row(NAME), ["box_ap"], None, "0.1.0") == FIXED


@pytest.mark.parametrize("options", [(), ("--tolerance", "0.20"), ("--edition", "later")])
def test_a_record_has_it_before_anything_is_run(
    tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def died(*_: object) -> None:
        raise SystemExit(9)

    monkeypatch.setattr(verify, "_measure", died)
    # As if it was killed.
    monkeypatch.setattr("hrnet_zoo.records.files.RecordFile.update", lambda *_, **__: None)
    assert run_cli("verify", NAME, *options, "--output", tmp_path / "records").code == 9
    (path,) = (tmp_path / "records").glob("*/*.json")
    record = read_record(path)
    assert record.status == "started"
    assert record.asked.criteria_sha256 == criteria_of(ZOO.row(NAME, record.edition), record)
    if options[:1] == ("--tolerance",):
        assert record.asked.tolerance == Decimal("0.20")
