"""The HTML report as a file: what it says, and that no string becomes part of it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from made_up_zoo import write_zoo
from support.hostile import ATTACKS, write_hostile_zoo
from support.pages import Parsed, parsed
from support.trees import Finished, RunCli

from hrnet_zoo.report.html.gathering import gather
from hrnet_zoo.report.html.page import LARGEST_BYTES, Erratum, page_of, render, render_within
from hrnet_zoo.report.html.vega import vega_runtime
from hrnet_zoo.zoo.manifest import default_manifest, load_zoo

pytestmark = pytest.mark.usefixtures("taken_as_sound")

ROWS = 76
FINDING = Erratum(
    code="E101",
    severity="error",
    meaning="a wrong & odd label",
    line=12,
    message='"W48", but <b>W18</b>',
)


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_up") / "records"
    write_zoo(folder, runs=3)
    return folder


@pytest.fixture(scope="session")
def written_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_up_once") / "records"
    write_zoo(folder, runs=1, pictures=False)
    return folder


@pytest.fixture
def one_run(written_once: Path, tmp_path: Path) -> Path:
    """Records of one run of every row; files may be added, not changed: they are links."""
    return shutil.copytree(written_once, tmp_path / "records", copy_function=os.link)


@pytest.fixture(scope="session")
def page(records: Path) -> Parsed:
    made_at, errata = datetime(2026, 5, 1, tzinfo=UTC), [FINDING]
    content = page_of(gather(load_zoo(), records), made_at=made_at, version="1", errata=errata)
    return parsed(render(content, vega_runtime()))


def written(run_cli: RunCli, tmp_path: Path, *arguments: str | Path) -> tuple[Finished, bytes]:
    output = tmp_path / "some" / "report.html"
    finished = run_cli("report", "html", "--output", output, *arguments)
    return finished, output.read_bytes()


def specs_of(page: Parsed) -> dict[str, Any]:
    blocks = [s for s in page.named("script") if s.attributes.get("type") == "application/json"]
    return {block.attributes["id"]: json.loads(block.text) for block in blocks}


def test_the_page_shows_every_row_and_every_verdict(
    run_cli: RunCli, tmp_path: Path, records: Path
) -> None:
    finished, content = written(run_cli, tmp_path, "--records", records)
    assert finished.code == 0, finished.err
    assert len(content) < LARGEST_BYTES
    page = parsed(content)
    lines = [tr for tr in page.named("tr") if "data-name" in tr.attributes]
    assert len({line.attributes["data-name"].split()[0] for line in lines}) == ROWS
    shown = " ".join(line.attributes["data-verdicts"] for line in lines).split()
    assert set(shown) == {
        "match", "mismatch_better", "mismatch_worse", "inconclusive", "not_comparable",
        "not_documented", "not_run", "error",
    }  # fmt: skip
    # Errata are listed, too; those that begin with a number begin with a decimal one.
    items = [li.text.split() for li in page.named("li")]
    counts = [words for words in items if words and words[0].isdigit()]
    assert {words[1]: int(words[0]) for words in counts}["match"] == shown_matches(page)


def shown_matches(page: Parsed) -> int:
    table = page.by_id("all-rows")
    return len(re.findall(r"\bmatch\b", table.text))


def test_every_link_leads_to_something_on_the_page(page: Parsed) -> None:
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = {a.attributes["href"] for a in page.named("a")}
    inside = {target[1:] for target in targets if target.startswith("#")}
    assert inside <= set(ids)
    assert sum(name.startswith("record-") for name in inside) > ROWS
    assert all(target.startswith(("#", "https://")) for target in targets)


def test_a_record_stands_behind_its_numbers(page: Parsed, records: Path) -> None:
    row = page.by_id("row-fcn_hr18_512x1024_40k_cityscapes")
    paths = sorted((records / "fcn_hr18_512x1024_40k_cityscapes").glob("*.json"))
    latest = json.loads(paths[-1].read_text())
    assert f"{latest['measurements'][0]['value']:.3f}" in row.text
    assert paths[-1].name in row.text
    assert latest["checkpoint"]["sha256"] in row.text
    assert "History of mIoU: 3 runs" in row.text


def test_nothing_is_fetched_and_only_own_scripts_may_run(page: Parsed) -> None:
    for element in page.elements:
        assert element.attributes.get("src", "data:").startswith("data:image/jpeg;base64,") or (
            "src" not in element.attributes
        )
        assert not any(name.startswith("on") for name in element.attributes), element
        assert element.tag not in {"link", "iframe", "object", "embed", "base"}
    (policy,) = [
        meta.attributes["content"]
        for meta in page.named("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    run = [s.text for s in page.named("script") if "type" not in s.attributes]
    assert len(run) == 2
    for script in run:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_charts_have_numbers_and_words_beside_them(page: Parsed, records: Path) -> None:
    specs = specs_of(page)
    assert set(specs) == {"spec-speed", "spec-size", "spec-deltas", "spec-history"}
    captions = [c.text.strip() for c in page.named("figcaption")]
    assert sum(text.startswith(("Filled circles", "Points", "One line")) for text in captions) == 4
    (values,) = specs["spec-speed"]["datasets"].values()
    sources = {value["fps_is"] for value in values}
    assert sources == {"measured here", "documented"}
    of_row = {value["row"]: value for value in values}
    timed = json.loads(next(records.glob("fcn_hr18_512x1024_40k_cityscapes/timings/*")).read_text())
    seconds = sorted(timed["variants"][0]["seconds"])
    median = (seconds[59] + seconds[60]) / 2
    assert of_row["fcn_hr18_512x1024_40k_cityscapes"]["fps"] == pytest.approx(1 / median, rel=1e-3)


def test_pictures_fit_and_what_does_not_is_counted(page: Parsed, records: Path) -> None:
    pictures = page.named("img")
    saved = len(list(records.glob("*/*.worst/*.png")))
    assert sum(len(picture.attributes["src"]) for picture in pictures) <= 700_000
    assert f"{saved - len(pictures)} more pictures" in page.by_id("worst").text
    # The worst image of every row comes before the second worst of any.
    assert len({p.attributes["alt"].split(",")[1] for p in pictures}) == len(
        list(records.glob("*/*.worst"))
    )


def test_a_page_that_would_be_too_large_has_fewer_pictures(records: Path) -> None:
    made_at = datetime(2026, 5, 1, tzinfo=UTC)
    made = page_of(gather(load_zoo(), records), made_at=made_at, version="1")
    whole = render(made, "")
    assert render_within(made, "", largest=len(whole)) == whole
    smaller = render_within(made, "", largest=len(whole) - 100_000)
    assert len(smaller) <= len(whole) - 100_000
    shown = parsed(smaller).named("img")
    assert len(made.pictures) - 8 < len(shown) < len(made.pictures)
    assert all(", place 01" in picture.attributes["alt"] for picture in shown[:1])
    none = parsed(render_within(made, "", largest=10))
    assert none.named("img") == []
    saved = len(list(records.glob("*/*.worst/*.png")))
    assert f"{saved} pictures are beside" in none.by_id("worst").text


def test_findings_on_the_documents_are_shown(page: Parsed) -> None:
    text = page.by_id("errata").text
    for said in (FINDING.code, FINDING.severity, FINDING.meaning, "12", FINDING.message):
        assert said in text


def test_the_errata_of_the_manifest_are_shown_by_kind(run_cli: RunCli, tmp_path: Path) -> None:
    finished, content = written(run_cli, tmp_path)
    assert finished.code == 0
    text = parsed(content).by_id("errata").text
    assert "HZ201 error: the backbone's label contradicts the name of the linked file (2)" in text
    assert "HZ301 error: a link to a host that is retired (36)" in text
    # What is the same in 36 lines is said once.
    assert text.count("open-mmlab.s3.ap-northeast-2.amazonaws.com is retired") == 1
    assert "zoo.yaml" in text
    lines = default_manifest().read_text().splitlines()
    retired = [n for n, line in enumerate(lines, 1) if "url: https://open-mmlab.s3." in line]
    assert ", ".join(map(str, retired)) in text


def test_a_zoo_without_records_is_shown_as_documented(run_cli: RunCli, tmp_path: Path) -> None:
    finished, content = written(run_cli, tmp_path)
    assert finished.code == 0
    page = parsed(content)
    assert "there is no record of it" in page.by_id("rows").text
    assert "None were saved" in page.by_id("worst").text
    assert "No record has values of classes" in page.by_id("classes").text


def test_no_string_of_manifest_or_records_becomes_part_of_the_page(
    run_cli: RunCli, tmp_path: Path
) -> None:
    manifest, records = write_hostile_zoo(tmp_path)
    finished, content = written(run_cli, tmp_path, "--records", records, "--zoo", manifest)
    assert finished.code == 3
    assert "could not be used" in finished.err
    page = parsed(content)
    assert len([s for s in page.named("script") if "type" not in s.attributes]) == 2
    assert all(e.attributes.get("src", "data:").startswith("data:") for e in page.elements)
    assert not any(name.startswith("on") for e in page.elements for name in e.attributes)
    assert not any(a.attributes["href"].startswith(("java", "data")) for a in page.named("a"))
    # They are shown, as text.
    assert ATTACKS[0] in page.by_id("rows").text
    assert ATTACKS[1] in page.by_id("classes").text
    assert ATTACKS[1] in page.by_id("machines").text
    assert ATTACKS[6] in page.by_id("rows").text
    assert "half <script>.json" in page.by_id("problems").text
    assert "03_<script>.png" in page.by_id("problems").text
    assert specs_of(page)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("half.json", '{"row": "fcn', "not a readable record"),
        ("new.json", '{"schema_version": 99}', "newer hrnet-zoo"),
        ("list.json", "[1]", "not a valid record"),
    ],
)
def test_a_file_that_is_not_a_record_is_named_and_the_others_are_shown(
    run_cli: RunCli, tmp_path: Path, one_run: Path, name: str, content: str, said: str
) -> None:
    (one_run / "fcn_hr18_512x1024_40k_cityscapes" / name).write_text(content)
    finished, made = written(run_cli, tmp_path, "--records", one_run)
    assert finished.code == 3
    assert "1 file could not be used" in finished.err
    problems = parsed(made).by_id("problems").text
    assert said in problems
    assert str(tmp_path) not in problems
    assert b"77.2" in made


def test_a_run_in_progress_is_not_a_problem(run_cli: RunCli, tmp_path: Path, one_run: Path) -> None:
    (one_run / "fcn_hr18_512x1024_40k_cityscapes" / "20270101T000000Z.json").touch()
    assert written(run_cli, tmp_path, "--records", one_run)[0].code == 0


def test_without_the_extra_one_sentence_says_what_to_install(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for command in (["html"], ["figures", "--output", tmp_path / "f"]):
        finished = run_cli("report", *command)
        assert finished.code == 3
        assert 'pip install "hrnet-zoo[report]"' in finished.err
    finished = run_cli("report", "export", "--format", "parquet", "--output", tmp_path / "v")
    assert finished.code == 3
    assert "pyarrow" in finished.err
    assert run_cli("report", "export", "--output", tmp_path / "values.csv").code == 0


def test_a_folder_that_is_not_there_is_a_usage_error(run_cli: RunCli, tmp_path: Path) -> None:
    finished = run_cli("report", "html", "--records", tmp_path / "nowhere")
    assert finished.code == 2
    assert "There is no folder" in finished.err
