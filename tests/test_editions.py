"""What upstream published later: quoted right, verified as itself, never mixed with the README."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fill import DATA
from trees import RunCli, make_cityscapes

import hrnet_zoo
from hrnet_zoo import verdicts
from hrnet_zoo.errors import ManifestError, UsageError
from hrnet_zoo.fetch import own_checkpoint
from hrnet_zoo.manifest import load_zoo
from hrnet_zoo.progress import Silent
from hrnet_zoo.records import (
    CheckpointUsed,
    DatasetUsed,
    Measurement,
    ProtocolUsed,
    Record,
    now,
    read_record,
)
from hrnet_zoo.report.tables import latest_judgements
from hrnet_zoo.row import EditionName, Row, WholeTest
from hrnet_zoo.verdicts import Judgement, Verdict, judge

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
            assert normalisation != row.reading.normalisation
        else:
            assert normalisation == row.reading.normalisation
            assert normalisation.channel_order == "rgb"


def test_files_are_shared_by_all_linked_rows_but_fcos() -> None:
    promised = {row.name: row.edition_of(sha256_of(row.in_edition("later"))) for row in ZOO.rows
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
    assert later.reading.normalisation.std == (57.375, 57.12, 58.395)
    kept = {"normalisation"}
    assert later.reading.model_dump(exclude=kept) == readme.reading.model_dump(exclude=kept)
    assert readme.reading.normalisation.std == (1.0, 1.0, 1.0)


def test_editions_lead_to_each_other() -> None:
    readme, later = ZOO.row(FCOS), ZOO.row(FCOS, "later")
    assert readme.in_edition("readme") is readme
    assert later.in_edition("later") is later
    assert later.in_edition("readme") is readme
    for row in (readme, later):
        assert row.edition_of(sha256_of(readme)) == ("readme",)
        assert row.edition_of(sha256_of(later)) == ("later",)
        assert row.edition_of("0" * 64) == ()
    assert ZOO.row(BLANK).edition_of(sha256_of(ZOO.row(BLANK, "later"))) == ("later",)


@pytest.mark.parametrize(
    ("name", "edition", "what"),
    [
        (NEVER, "later", f"{NEVER} has no later edition"),
        (SEGMENTATION, "later", "has no later edition"),
        (FCOS, "latest", '"latest" is no edition; there are: readme, later'),
    ],
)
def test_editions_that_do_not_exist(name: str, edition: EditionName, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        ZOO.row(name, edition)
    with pytest.raises(UsageError, match=what):
        hrnet_zoo.load(name, edition=edition)


# --- verdicts


def measured(row: Row, value: float, *, file_of: Row | None = None, **changes: Any) -> Record:
    """Return the record of a complete run of ``row``, with the file of ``file_of``."""
    protocol = ProtocolUsed(
        name="single",
        test=WholeTest(mode="whole", scale=(1, 1)),
        normalisation=row.reading.normalisation,
        ratios=[1.0],
        flip=False,
    ).model_copy(update={"test": row.reading.test})
    complete = Record(
        row=row.name,
        edition=row.edition,
        status="completed",
        started_at=now(),
        checkpoint=CheckpointUsed(
            file_name="x.pth", sha256=sha256_of(file_of or row), size_bytes=1, url=None
        ),
        dataset=DatasetUsed(
            name="coco", num_images=5000, num_images_found=5000, fingerprint="0" * 64
        ),
        measurements=[
            Measurement(
                metric="box_ap", value=value, protocol=protocol, macc=None, aacc=None, classes=[]
            )
        ],
    )
    return complete.model_copy(update=changes)


@pytest.fixture
def judge_box_ap(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(verdicts.PROTOCOL_OF, "box_ap", "single")

    def judged(row: Row, record: Record) -> Judgement:
        return judge(row, record, "box_ap")

    return judged


@pytest.mark.parametrize("name", [FCOS, SHARED])
@pytest.mark.parametrize("edition", ["readme", "later"])
def test_each_edition_is_judged_by_its_own_number(
    name: str, edition: EditionName, judge_box_ap: Any
) -> None:
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
    edition: EditionName, other: EditionName, value: float, judge_box_ap: Any
) -> None:
    row = ZOO.row(FCOS, edition)
    judgement = judge_box_ap(row, measured(row, value, file_of=ZOO.row(FCOS, other)))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    said = f'the file is that of the "{other}" edition; verify it with --edition {other}'
    assert judgement.reason == said
    assert verdicts.exit_code([judgement]) == 3


@pytest.mark.parametrize("name", [FCOS, SHARED])
def test_a_record_is_never_judged_as_the_other_edition(name: str, judge_box_ap: Any) -> None:
    readme, later = ZOO.row(name), ZOO.row(name, "later")
    for row, other in ((readme, later), (later, readme)):
        judgement = judge_box_ap(row, measured(other, 37.7))
        assert judgement.verdict is Verdict.NOT_COMPARABLE
        said = f'a record of the "{other.edition}" edition, not of "{row.edition}"'
        assert said in judgement.reason


def test_the_readmes_preprocessing_does_not_verify_the_later_file(judge_box_ap: Any) -> None:
    readme, later = ZOO.row(FCOS), ZOO.row(FCOS, "later")
    judgement = judge_box_ap(later, measured(readme, 35.3, file_of=later, edition="later"))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert judgement.reason == "another input normalisation than the documented one"


def test_blank_rows_are_not_documented_unless_asked_as_the_later_edition(
    judge_box_ap: Any,
) -> None:
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


@pytest.mark.usefixtures("judge_box_ap")
def test_tables_show_the_readmes_edition_only() -> None:
    records = [measured(ZOO.row(SHARED, edition), 37.7) for edition in ("readme", "later")]
    assert latest_judgements(ZOO, records[:1])[SHARED, "box_ap"].verdict is Verdict.MATCH
    assert not latest_judgements(ZOO, records[1:])


# --- commands


def shown(out: str) -> dict[str, list[str]]:
    """Return the lines of the section "editions": quantity -> the two columns."""
    section = out.partition("\neditions\n")[2].partition("\n\n")[0]
    lines = section.splitlines()
    split = lines[0].index("later")
    return {line[:21].strip(): [line[21:split].strip(), line[split:].strip()] for line in lines}


def test_show_prints_editions_side_by_side(run_cli: RunCli) -> None:
    assert shown(run_cli("show", FCOS).out) == {
        "": ["README", "later"],
        "box AP": ["35.1", "35.3"],
        "Mem (GB)": ["13.0", "13.0"],
        "speed": ["9.9 fps", "77.52 ms"],
        "channel order": ["bgr", "bgr"],
        "mean": ["102.9801, 115.9465, 122.7717", "103.53, 116.28, 123.675"],
        "std": ["1.0, 1.0, 1.0", "57.375, 57.12, 58.395"],
        "checkpoint": [".._20200316-c24bac34.pth", ".._20201212_100710-4ad151de.pth"],
    }
    mask = shown(run_cli("show", SHARED).out)
    assert mask["mask AP"] == ["34.2", "34.2"]
    assert mask["checkpoint"] == [".._20200205-1c3d78ed.pth", "same file"]
    assert "mean" not in mask
    assert "\neditions\n" not in run_cli("show", NEVER).out


def test_show_says_what_a_blank_row_does_not_document(run_cli: RunCli) -> None:
    blank = run_cli("show", BLANK).out
    printed = blank.split("\n\n")[1]
    assert printed.count("(not documented)") == 3  # memory, speed, box AP
    assert shown(blank)["box AP"] == ["not documented", "38.9"]
    assert shown(blank)["checkpoint"][0] == "(none)"


def test_json_has_the_later_edition(run_cli: RunCli) -> None:
    content = json.loads(run_cli("show", FCOS, "--format", "json").out)
    assert content["documented"]["box_ap"] == 35.1
    assert content["later"] == {
        "source": "mmdetection-3.3.0-metafile",
        "documented": {
            "train_memory_gb": 13.0, "box_ap": 35.3, "mask_ap": None, "inference_ms": 77.52,
        },
        "checkpoint_url": METAFILE[FCOS]["checkpoint_url"],
        "checkpoint_sha256_prefix": "4ad151de",
        "normalisation": {
            "channel_order": "bgr",
            "mean": [103.53, 116.28, 123.675],
            "std": [57.375, 57.12, 58.395],
        },
    }  # fmt: skip
    listed = {row["name"]: row for row in json.loads(run_cli("list", "--format", "json").out)}
    assert listed[BLANK]["later"]["documented"]["box_ap"] == 38.9
    assert listed[NEVER]["later"] is None
    assert "later" not in run_cli("list", "--format", "csv").out.splitlines()[0]


@pytest.mark.parametrize(
    "arguments",
    [["fetch", NEVER], ["verify", NEVER], ["verify", SEGMENTATION], ["predict", NEVER, "x.png"]],
)
def test_asking_for_an_edition_that_is_not_there(run_cli: RunCli, arguments: list[str]) -> None:
    finished = run_cli(*arguments, "--edition", "later")
    assert finished.code == 2
    assert "has no later edition" in finished.err
    assert run_cli(*arguments, "--edition", "newest").code == 2


def test_fetch_takes_the_file_of_the_edition(tmp_path: Path, run_cli: RunCli) -> None:
    content = b"weights, retrained" * 1000
    zoo = tmp_path / "zoo.yaml"
    promised = hashlib.sha256(content).hexdigest()[:8]
    zoo.write_text(ZOO.path.read_text().replace("4ad151de", promised))
    url = load_zoo(zoo).row(FCOS, "later").checkpoint_url
    assert url is not None
    path = tmp_path / "mirror" / urlsplit(url).path.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    options = ("--zoo", zoo, "--mirror", tmp_path / "mirror")
    finished = run_cli("fetch", FCOS, "--edition", "later", *options)
    assert finished.code == 0
    assert Path(finished.out.split(": ")[1].strip()).read_bytes() == content
    assert "20200316-c24bac34.pth" in run_cli("fetch", FCOS, *options).err


def test_fetch_all_of_the_later_edition(run_cli: RunCli) -> None:
    finished = run_cli("fetch", "--all", "--edition", "later", "--offline", "--format", "json")
    assert finished.code == 3
    assert {result["name"] for result in json.loads(finished.out)} == METAFILE.keys()
    assert "39 rows have no later edition" in finished.err


def test_a_blank_row_points_to_its_later_file(run_cli: RunCli) -> None:
    assert "or --edition later" in run_cli("fetch", BLANK, "--offline").err
    assert "or --edition later" not in run_cli("fetch", NEVER, "--offline").err


class _Listener(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_file_of_the_other_edition_is_pointed_out_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    promised = hashlib.sha256(b"weights").hexdigest()[:8]
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text(ZOO.path.read_text().replace("4ad151de", promised))
    for edition, said in (("readme", 1), ("later", 0)):
        listener = _Listener()
        own_checkpoint(load_zoo(zoo).row(FCOS, edition), path, listener)  # type: ignore[arg-type]
        assert len(listener.said) == said
        assert not said or "Pass --edition later" in listener.said[0]


# --- from command line to record, with a row that has the two editions


@pytest.fixture
def two_editions(tmp_path: Path, small_checkpoint: Path) -> Path:
    """A manifest in which a small file is the later one of a row that is quickly evaluated."""
    prefix = hashlib.sha256(small_checkpoint.read_bytes()).hexdigest()[:8]
    later = f"""
    later:
      source: mmdetection-3.3.0-metafile
      checkpoint_url: https://localhost/{SEGMENTATION}_20990101-{prefix}.pth
      train_memory_gb: null
      box_ap: null
      mask_ap: null
      inference_ms: null
      normalisation: {{channel_order: bgr, mean: [1.0, 2.0, 3.0], std: [4.0, 5.0, 6.0]}}
"""
    head, tail = ZOO.path.read_text().split(f"  - name: {SEGMENTATION}\n")
    tail = tail.replace("      gpus: 4\n", f"      gpus: 4{later}", 1)
    path = tmp_path / "zoo.yaml"
    text = f"{head}  - name: {SEGMENTATION}\n{tail}"
    path.write_text(text.replace("scale: [2048, 1024]", "scale: [128, 64]"))
    return path


def test_verify_names_the_edition_of_a_file(
    tmp_path: Path, two_editions: Path, small_checkpoint: Path, run_cli: RunCli
) -> None:
    make_cityscapes(tmp_path / "data", count=1)
    options = (
        "--zoo", two_editions, "--data-root", tmp_path / "data", "--device", "cpu",
        "--checkpoint", small_checkpoint, "--output",
    )  # fmt: skip
    finished = run_cli("verify", SEGMENTATION, *options, tmp_path / "as_readme")
    assert finished.code == 3
    assert 'is the file of the "later" edition' in finished.err
    assert 'the file is that of the "later" edition; verify it with --edition' in finished.out
    assert 'filled.pth, the file of the "later" edition' in finished.out

    finished = run_cli(
        "verify", SEGMENTATION, "--edition", "later", *options, tmp_path / "as_later"
    )
    assert finished.code == 3
    assert f"{SEGMENTATION} (edition later, mmdetection-3.3.0-metafile)" in finished.out
    assert "the later edition states no value" in finished.out
    (path,) = (tmp_path / "as_later").glob("*/*.json")
    record = read_record(path)
    assert record.edition == "later"
    assert record.measurements[0].protocol.normalisation.mean == (1.0, 2.0, 3.0)

    finished = run_cli(
        "verify",
        SEGMENTATION,
        "--edition",
        "later",
        "--format",
        "json",
        *options,
        tmp_path / "json",
    )
    (result,) = json.loads(finished.out)
    assert (result["edition"], result["checkpoint_editions"]) == ("later", ["later"])
