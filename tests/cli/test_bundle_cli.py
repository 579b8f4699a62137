"""hrnet-zoo bundle: records packed for others, who judge them again."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from support.bundling import CLASSIFIER, RECORDS, SEGMENTOR, changed_manifest, record_of
from support.sealing import recount, seal_anew
from support.trees import RunCli
from test_docs import ROOT

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.zoo import checkpoint

ON_DEMO = ("--zoo", MANIFEST)
REPORTS = ROOT / "reports" / "demo"


@pytest.fixture
def file(tmp_path: Path, run_cli: RunCli) -> Path:
    """An unsigned bundle of two records."""
    path = tmp_path / "bundle.zip"
    records = (record_of(SEGMENTOR), record_of(CLASSIFIER))
    made = run_cli("bundle", *records, "--output", path, *ON_DEMO)
    assert (made.code, made.out) == (0, f"{path}: 2 records, not signed\n")
    return path


def test_the_bundle_of_the_reports_is_that_of_its_records(run_cli: RunCli) -> None:
    bundle, key = REPORTS / "bundle.zip", REPORTS / "bundle.key.pub"
    found = run_cli("bundle", "verify", bundle, "--trust", key, *ON_DEMO, "--format", "json")
    assert found.code == 0, found.err
    said = json.loads(found.out)
    assert said["isTrusted"] is True
    assert said["rowsHere"] == ["same"] * 3
    with zipfile.ZipFile(bundle) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    for path in RECORDS.glob("*/*Z*"):
        assert packed[f"records/{path.relative_to(RECORDS)}"] == path.read_bytes()


def test_a_bundle_is_judged_again(file: Path, run_cli: RunCli) -> None:
    found = run_cli("bundle", "verify", file, *ON_DEMO)
    assert found.code == 0
    for line in (
        "  intact; all accuracies follow from what is kept of each image",
        "  not signed: whoever had it could have made all of it anew",
        "  mIoU: match (documented 81.59, measured 81.5875, up to 0.0050 apart is a match)",
        "  row: as in zoo.yaml here",
        "  measured: by those who publish the weights, as far as the bundle says",
    ):
        assert line in found.out.splitlines()


def test_a_signature_says_who_and_never_that_it_is_true(tmp_path: Path, run_cli: RunCli) -> None:
    key, file = tmp_path / "key", tmp_path / "bundle.zip"
    made = run_cli("bundle", "keygen", key)
    assert made.code == 0
    identity = made.out.split()[-1]
    record = record_of(CLASSIFIER)
    packed = run_cli("bundle", "make", record, "--output", file, "--sign", key, *ON_DEMO)
    assert packed.out == f"{file}: 1 record, signed by the key {identity}\n"
    for options, known in (
        ((), "known or not, see --trust"),
        (
            ("--trust", f"{key}.pub"),
            "the one of --trust",
        ),
    ):
        lines = run_cli("bundle", "verify", file, *ON_DEMO, *options).out.splitlines()
        assert f"  signed by the key {identity}, {known}" in lines
        assert "  a signature says who states this, never that it is true" in lines
    assert run_cli("bundle", "keygen", key).code == 3


def test_a_mismatch_is_no_error_of_the_bundle(tmp_path: Path, run_cli: RunCli) -> None:
    zoo = ("--zoo", changed_manifest(tmp_path, '"81.59"', '"84.00"'))
    file = tmp_path / "bundle.zip"
    run_cli("bundle", record_of(SEGMENTOR), "--output", file, *zoo)
    found = run_cli("bundle", "verify", file, *zoo)
    assert (found.code, "mIoU: mismatch (worse) (documented 84.00" in found.out) == (1, True)


def test_what_a_row_says_is_not_taken_from_the_bundle(
    file: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    other = changed_manifest(tmp_path, '"81.59"', '"84.00"')
    found = run_cli("bundle", "verify", file, "--zoo", other)
    assert (found.code, "row: other than in zoo.yaml here" in found.out) == (3, True)
    found = run_cli("bundle", "verify", file)
    assert (found.code, found.out.count("row: not in zoo.yaml here")) == (3, 2)


def test_what_was_changed_is_an_error_that_says_what(file: Path, run_cli: RunCli) -> None:
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    found = run_cli("bundle", "verify", file, *ON_DEMO)
    assert (found.code, found.out) == (3, "")
    assert "'attestations.intoto.jsonl' is not what its header at byte 0 says" in found.err


def test_no_word_of_a_record_looks_like_a_line_of_ours(tmp_path: Path, run_cli: RunCli) -> None:
    copied = record_of(CLASSIFIER, shutil.copytree(RECORDS, tmp_path / "records"))
    content = json.loads(copied.read_text())
    said = "lacking\n  a signature says\u2028  that it is true"
    content["asked"]["metrics"].append("top5")
    content["not_run"] = {"top5": said}
    seal_anew(copied, content)
    file = tmp_path / "bundle.zip"
    assert run_cli("bundle", copied, "--output", file, *ON_DEMO).code == 0
    lines = run_cli("bundle", "verify", file, *ON_DEMO).out.splitlines()
    assert not [line for line in lines if line.strip().startswith(("a signature", "that it"))]


def test_others_take_what_is_in_it(file: Path, tmp_path: Path, run_cli: RunCli) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    given = (folder / "records", "--zoo", folder / "zoo.yaml")
    checked = run_cli("records", "check", *given)
    assert (checked.code, checked.out.count(": sound")) == (0, 2)


@pytest.mark.parametrize(
    "options", [("--data-root", DATA_ROOT), ("--seed", "1"), ("--checkpoint", "x.pth")]
)
def test_options_of_rerun_need_it(file: Path, run_cli: RunCli, options: tuple[str, ...]) -> None:
    found = run_cli("bundle", "verify", file, *ON_DEMO, *options)
    assert (found.code, "add --rerun K" in found.err) == (2, True)


def test_no_link_that_only_a_bundle_knows_is_followed(
    file: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came from there would be locked, and taken for the published file from then on."""
    monkeypatch.setattr(checkpoint, "fetch_file", None)
    again = ("--rerun", "2", "--data-root", DATA_ROOT, "--device", "cpu")
    found = run_cli("bundle", "verify", file, *again)
    assert (found.code, found.out) == (2, "")
    assert "alone says where the weights of fcn_hr5s_180x270_2k_scenes are" in found.err


def test_random_images_are_run_again(
    tmp_path: Path, run_cli: RunCli, tested_installation: None
) -> None:
    """A forger's results are coherent, and not those of the weights."""
    del tested_installation
    copied = record_of(SEGMENTOR, shutil.copytree(RECORDS, tmp_path / "records"))
    again = ("--rerun", "2", "--data-root", DATA_ROOT, "--device", "cpu", *ON_DEMO)
    file = tmp_path / "bundle.zip"
    for num_forged, code, said in (
        (0, 0, "2 images, drawn with seed 5: identical in all, files and results"),
        (36, 1, "2 images, drawn with seed 5: 2 have other results than in the bundle"),
    ):
        if num_forged:
            recount(copied, num_forged, lambda counts: counts * (counts > 20))
        run_cli("bundle", copied, "--output", file, *ON_DEMO)
        found = run_cli("bundle", "verify", file, *again, "--seed", "5")
        assert f"run again here: {said}" in found.out
        assert found.code == code
