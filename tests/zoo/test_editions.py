"""What upstream published later: quoted right, verified as itself, never mixed with the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fill import DATA
from support.detection_trees import complete_record

import hrnet_zoo
from hrnet_zoo.errors import ManifestError, UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.folder import Found
from hrnet_zoo.verdicts.accuracy import Judgement, Verdict, exit_code, judge, latest_judgements
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import EditionName, Row

FCOS = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"  # box AP 35.1, later 35.3 with another file
SHARED = "mask_rcnn_hrnetv2p_w18_1x_coco"  # the later edition links the README's very file
BLANK = "faster_rcnn_hrnetv2p_w18_2x_coco"  # 38.9, in the later edition only
NEVER = "htc_hrnetv2p_w40_28e_coco"  # blank, and nothing later
SEGMENTATION = "fcn_hr18s_512x1024_40k_cityscapes"
ZOO = load_zoo()

# Numbers stay the text they are in the file: 36.0 is not 36.
METAFILE = {
    entry["checkpoint_url"].split("/")[-2]: entry
    for entry in json.loads((DATA / "later_editions.json").read_text(), parse_float=str)
}


def sha256_of(row: Row) -> str:
    assert row.checkpoint_sha256_prefix is not None
    return row.checkpoint_sha256_prefix.ljust(64, "0")


# --- the manifest


def test_every_entry_of_the_metafile_is_quoted() -> None:
    later = {row.name: row.later for row in ZOO.rows if row.later is not None}
    assert len(METAFILE) == 28
    assert later.keys() == METAFILE.keys()
    for name, edition in later.items():
        for quantity in (
            "checkpoint_url", "box_ap", "mask_ap", "train_memory_gb", "inference_ms",
        ):  # fmt: skip
            assert getattr(edition, quantity) == METAFILE[name][quantity], (name, quantity)
        assert "mmdetection/blob/v3.3.0/" in ZOO.sources[edition.source].url


def test_two_detection_rows_have_nothing_later() -> None:
    without = [row.name for row in ZOO.select(task="detection") if row.later is None]
    assert without == [NEVER, "htc_x101_64x4d_fpn_16x1_28e_coco"]
    assert not any(row.later for row in ZOO.select(task="segmentation"))


def test_later_files_go_with_another_normalisation_in_fcos_only() -> None:
    for row in ZOO.select(task="detection"):
        if row.later is None:
            continue
        normalisation = row.later.normalisation
        if row.method == "FCOS":
            assert normalisation.channel_order == "bgr"
            assert normalisation.mean == (103.53, 116.28, 123.675)
            assert normalisation.std == (57.375, 57.12, 58.395)
            assert normalisation != row.setup.normalisation
        else:
            assert normalisation == row.setup.normalisation
            assert normalisation.channel_order == "rgb"


def test_files_are_shared_by_all_linked_rows_but_fcos() -> None:
    promised = {row.name: row.editions_of(sha256_of(row.in_edition("later"))) for row in ZOO.rows
                if row.later is not None}  # fmt: skip
    shared = [name for name, editions in promised.items() if len(editions) == 2]
    linked = [row.name for row in ZOO.select(task="detection") if row.checkpoint_url]
    assert shared == [name for name in linked if not name.startswith("fcos")]
    assert all("later" in editions for editions in promised.values())


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("source: mmdetection-3.3.0-metafile", "source: metafile", "later.source: "),
        ('inference_ms: "74.63"', 'inference_ms: "fast"', "later.inference_ms: "),
        ('inference_ms: "74.63"', "inference_ms: 74.63", "write it in quotes"),
        ('inference_ms: "74.63"', 'inference_ms: "0.0"', "0 milliseconds are impossible"),
        ('box_ap: "38.9"', 'box_ap: "389"', "later.box_ap: 389 percent is impossible"),
        ("-a4ec0611.pth", ".pth", "later.checkpoint_url: "),
    ],
)
def test_mistakes_in_a_later_edition(tmp_path: Path, old: str, new: str, what: str) -> None:
    text = ZOO.path.read_text()
    assert old in text
    path = tmp_path / "zoo.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ManifestError) as error:
        load_zoo(path)
    assert what in str(error.value)


# --- rows


def test_a_later_edition_is_a_row_with_its_own_claims() -> None:
    readme, later = ZOO.row(FCOS), ZOO.row(FCOS, "later")
    assert (readme.edition, later.edition) == ("readme", "later")
    assert (str(readme.documented("box_ap")), str(later.documented("box_ap"))) == ("35.1", "35.3")
    assert later.documented("fps") is None
    assert later.checkpoint_file_name.endswith("_20201212_100710-4ad151de.pth")
    assert later.checkpoint_sha256_prefix == "4ad151de"
    assert later.log_url is None
    assert later.setup.normalisation.std == (57.375, 57.12, 58.395)
    kept = {"normalisation"}
    assert later.setup.model_dump(exclude=kept) == readme.setup.model_dump(exclude=kept)
    assert readme.setup.normalisation.std == (1.0, 1.0, 1.0)


def test_editions_lead_to_each_other() -> None:
    readme, later = ZOO.row(FCOS), ZOO.row(FCOS, "later")
    assert readme.in_edition("readme") is readme
    assert later.in_edition("later") is later
    assert later.in_edition("readme") is readme
    for row in (readme, later):
        assert row.editions_of(sha256_of(readme)) == ("readme",)
        assert row.editions_of(sha256_of(later)) == ("later",)
        assert row.editions_of("0" * 64) == ()
    assert ZOO.row(BLANK).editions_of(sha256_of(ZOO.row(BLANK, "later"))) == ("later",)


@pytest.mark.parametrize(
    ("name", "edition", "what"),
    [
        (NEVER, "later", f"{NEVER} has no later edition"),
        (SEGMENTATION, "later", "has no later edition"),
        (FCOS, "latest", '"latest" is not an edition; there are: readme, later'),
    ],
)
def test_editions_that_do_not_exist(name: str, edition: EditionName, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        ZOO.row(name, edition)
    with pytest.raises(UsageError, match=what):
        hrnet_zoo.load(name, edition=edition)


# --- verdicts


def measured(
    row: Row, value: float, *, file_of: Row | None = None, **changes: Any
) -> AccuracyRecord:
    """Return the record of a complete run of ``row``, with the file of ``file_of``."""
    complete = complete_record(row, {"box_ap": value}, sha256=sha256_of(file_of or row))
    return complete.model_copy(update=changes)


def judge_box_ap(row: Row, record: AccuracyRecord) -> Judgement:
    return judge(row, record, "box_ap")


@pytest.mark.parametrize("name", [FCOS, SHARED])
@pytest.mark.parametrize("edition", ["readme", "later"])
def test_each_edition_is_judged_by_its_own_number(name: str, edition: EditionName) -> None:
    row = ZOO.row(name, edition)
    documented = row.documented("box_ap")
    assert documented is not None
    judgement = judge_box_ap(row, measured(row, float(documented)))
    assert judgement.verdict is Verdict.MATCH
    assert judgement.documented == documented
    assert judge_box_ap(row, measured(row, 30.0)).verdict is Verdict.MISMATCH_WORSE


@pytest.mark.parametrize(
    ("edition", "other", "value"), [("readme", "later", 35.1), ("later", "readme", 35.3)]
)
def test_a_file_is_never_judged_by_the_other_editions_number(
    edition: EditionName, other: EditionName, value: float
) -> None:
    row = ZOO.row(FCOS, edition)
    judgement = judge_box_ap(row, measured(row, value, file_of=ZOO.row(FCOS, other)))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    said = f'the file is that of the "{other}" edition; verify it with --edition {other}'
    assert judgement.reason == said
    assert exit_code([judgement]) == 3


@pytest.mark.parametrize("name", [FCOS, SHARED])
def test_a_record_is_never_judged_as_the_other_edition(name: str) -> None:
    readme, later = ZOO.row(name), ZOO.row(name, "later")
    for row, other in ((readme, later), (later, readme)):
        judgement = judge_box_ap(row, measured(other, 37.7))
        assert judgement.verdict is Verdict.NOT_COMPARABLE
        said = f'a record of the "{other.edition}" edition, not of "{row.edition}"'
        assert said in judgement.reason


def test_the_readmes_preprocessing_does_not_verify_the_later_file() -> None:
    readme, later = ZOO.row(FCOS), ZOO.row(FCOS, "later")
    judgement = judge_box_ap(later, measured(readme, 35.3, file_of=later, edition="later"))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert judgement.reason == "another input normalisation than the documented one"


def test_blank_rows_are_not_documented_unless_asked_as_the_later_edition() -> None:
    blank, later = ZOO.row(BLANK), ZOO.row(BLANK, "later")
    judgement = judge_box_ap(blank, measured(blank, 38.9, file_of=later))
    assert judgement.verdict is Verdict.NOT_DOCUMENTED
    assert "--edition later" in judgement.reason
    assert judge_box_ap(later, measured(later, 38.9)).verdict is Verdict.MATCH
    never = judge_box_ap(ZOO.row(NEVER), measured(ZOO.row(NEVER), 46.0, file_of=later))
    assert never.verdict is Verdict.NOT_DOCUMENTED
    assert never.reason == "the table prints no value"


def test_speed_is_not_documented_in_the_later_edition() -> None:
    later = ZOO.row(FCOS, "later")
    judgement = judge(later, measured(later, 35.3), "fps")
    assert judgement.verdict is Verdict.NOT_DOCUMENTED
    assert judgement.reason == "the later edition states no value"


def test_records_from_before_there_were_editions_are_the_readmes(tmp_path: Path) -> None:
    content = measured(ZOO.row(FCOS), 35.1, measurements=[]).model_dump(mode="json")
    del content["edition"]
    path = tmp_path / "1.json"
    path.write_text(json.dumps(content))
    assert read_record(path).edition == "readme"


@pytest.mark.usefixtures("taken_as_sound")
def test_tables_show_the_readmes_edition_only(tmp_path: Path) -> None:
    records = []
    for edition in ("readme", "later"):
        record = measured(ZOO.row(SHARED, edition), 37.7)
        path = tmp_path / f"{edition}.json"
        path.write_text(record.model_dump_json())
        records.append(Found(record=record, path=path))
    assert latest_judgements(ZOO, records[:1])[SHARED, "box_ap"].verdict is Verdict.MATCH
    assert not latest_judgements(ZOO, records[1:])
