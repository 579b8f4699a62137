"""hrnet-zoo lint: what is found in both READMEs, and what is not."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from support.readme_variants import VARIANTS, original
from support.trees import RunCli

from hrnet_zoo import demo
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.readme.lint.checking import check_document, fix
from hrnet_zoo.readme.lint.document import RULES, Finding
from hrnet_zoo.readme.lint.link_checks import width_of_tensors
from hrnet_zoo.readme.lint.sources import manifest_document, readme_document
from hrnet_zoo.readme.names import Width, checkpoint_stem, log_name, schedule_in_name
from hrnet_zoo.zoo.manifest import default_manifest, load_zoo

TABLES = Path(__file__).parents[1] / "data" / "tables"
DETECTION = (TABLES / "mmdetection.md").read_text()
SEGMENTATION = (TABLES / "mmsegmentation.md").read_text()

RETIRED = "https://open-mmlab.s3.ap-northeast-2.amazonaws.com/"
RETIRED_HOSTS = (
    "open-mmlab.s3.ap-northeast-2.amazonaws.com",
    "s3.ap-northeast-2.amazonaws.com/open-mmlab",
    "openmmlab.oss-accelerate.aliyuncs.com",
)
IN_DETECTION = {
    "HZ102": 12,  # blank rows
    "HZ201": 2,  # W48 that are W40, with files
    "HZ202": 7,  # and without
    "HZ301": 36,  # 18 models and 18 logs on the retired host
    "HZ401": 7,  # FCOS, trained again in December 2020
    "HZ403": 10,  # blank rows that got numbers later
    "HZ404": 11,  # fps, of files that stayed
    "HZ501": 4,  # HRNet-W32 faster than W18 three times, FCOS W40 faster than W32
}
IN_SEGMENTATION = {
    "HZ104": 3,  # 65.5, 78.8 and 73.1
    "HZ302": 4,  # logs of Pascal Context
    "HZ402": 3,  # trained again in August 2021
}


def findings(text: str) -> list[Finding]:
    return check_document(readme_document(text, "README.md", load_zoo()))


def only(text: str, code: str) -> list[Finding]:
    return [finding for finding in findings(text) if finding.code == code]


def line_of(text: str, finding: Finding) -> str:
    return text.splitlines()[finding.spot.line - 1]


def counts(found: list[Finding]) -> dict[str, int]:
    return dict(Counter(finding.code for finding in found))


class TestBothReadmes:
    def test_nothing_else_is_found(self) -> None:
        assert counts(findings(DETECTION)) == IN_DETECTION
        assert counts(findings(SEGMENTATION)) == IN_SEGMENTATION

    def test_the_manifest_has_the_same_errata(self) -> None:
        found = check_document(manifest_document(default_manifest()))
        assert counts(found) == IN_DETECTION | IN_SEGMENTATION
        lines = default_manifest().read_text().splitlines()
        for finding in found:
            line = lines[finding.spot.line - 1]
            if finding.code in ("HZ102", "HZ403"):
                assert line.startswith("  - name: ")
            else:
                assert finding.spot.text in line

    def test_places_are_exact(self) -> None:
        for text in (DETECTION, SEGMENTATION):
            for finding in findings(text):
                spot = finding.spot
                assert spot.start is not None
                assert spot.column is not None
                assert text[spot.start :].startswith(spot.text)
                assert line_of(text, finding)[spot.column - 1 :].startswith(spot.text)

    def test_mislabelled_rows(self) -> None:
        with_files = only(DETECTION, "HZ201")
        assert all("w40" in line_of(DETECTION, finding) for finding in with_files)
        blank = only(DETECTION, "HZ202")
        assert all("HRNetV2p-W48" in line_of(DETECTION, f) for f in with_files + blank)
        assert not any(".pth" in line_of(DETECTION, finding) for finding in blank)
        assert "line " in blank[0].message
        # Segmentation has real W48 networks.
        assert DETECTION.count("W48") == len(with_files) + len(blank)
        assert "W48" in SEGMENTATION

    def test_blank_rows(self) -> None:
        lines = {finding.spot.line for finding in only(DETECTION, "HZ102")}
        blank = {
            number
            for number, line in enumerate(DETECTION.splitlines(), 1)
            if re.search(r"\|\s*\|\s*\|", line)
        }
        assert lines == blank
        assert {finding.spot.line for finding in only(DETECTION, "HZ403")} < lines

    def test_weights_that_were_replaced(self) -> None:
        replaced = only(DETECTION, "HZ401")
        assert all("fcos_" in finding.spot.file_name for finding in replaced)
        assert "box AP 35.3 instead of 35.1" in replaced[0].message
        assert all("2020121" in f.patch.new for f in replaced if f.patch)
        assert all("An earlier README printed" in f.message for f in only(SEGMENTATION, "HZ402"))
        assert {f.spot.file_name[-12:-4] for f in only(SEGMENTATION, "HZ402")} == {
            "6c9382c0", "f1e7c2e7", "0aceadb4",
        }  # fmt: skip

    def test_oddly_named_logs(self) -> None:
        for finding in only(SEGMENTATION, "HZ302"):
            assert re.search(r"-\d{8}_\d{6}\.log\.json$", finding.spot.text)
            assert finding.patch is not None
            assert re.search(r"_\d{8}_\d{6}\.log\.json$", finding.patch.new)
            assert not finding.patch.is_safe


@pytest.mark.parametrize("variant", VARIANTS)
class TestVariants:
    def test_the_same_is_found_however_a_table_is_written(self, variant: str) -> None:
        for source, expected in (
            ("mmdetection", IN_DETECTION),
            ("mmsegmentation", IN_SEGMENTATION),
        ):
            text = VARIANTS[variant](original(source))
            found = findings(text)
            assert counts(found) == expected
            for finding in found:
                assert finding.spot.start is not None
                assert text[finding.spot.start :].startswith(finding.spot.text)

    def test_the_same_is_fixed(self, variant: str) -> None:
        text = VARIANTS[variant](original("mmdetection"))
        fixed, settled = fix(text, findings(text))
        assert len(settled) == 45
        assert fixed == text.replace(RETIRED, "https://download.openmmlab.com/").replace(
            "HRNetV2p-W48", "HRNetV2p-W40"
        )


class TestFix:
    def test_only_safe_patches_are_made(self) -> None:
        fixed, settled = fix(DETECTION, findings(DETECTION))
        assert counts(settled) == {"HZ201": 2, "HZ202": 7, "HZ301": 36}
        expected = DETECTION.replace(RETIRED, "https://download.openmmlab.com/")
        assert fixed == expected.replace("HRNetV2p-W48", "HRNetV2p-W40")

    def test_a_fixed_readme_has_nothing_more_to_fix(self) -> None:
        fixed, _ = fix(DETECTION, findings(DETECTION))
        assert fix(fixed, findings(fixed)) == (fixed, [])
        assert not {"HZ201", "HZ202", "HZ301"} & set(counts(findings(fixed)))

    def test_what_is_fixed_is_still_the_same_rows(self, tmp_path: Path, run_cli: RunCli) -> None:
        path = tmp_path / "README.md"
        path.write_bytes(original("mmdetection").encode())
        assert run_cli("lint", path, "--fix").code == 1
        fixed = path.read_bytes()
        checked = run_cli("readme", path, "--check")
        assert (checked.code, checked.out) == (0, "")
        assert "30 rows in 6 tables; nothing to change" in checked.err
        assert run_cli("readme", path, "--write").code == 0
        assert path.read_bytes() == fixed
        # Blank rows are still known, and so is what was published for them later.
        left = {
            code: n for code, n in IN_DETECTION.items() if code not in ("HZ201", "HZ202", "HZ301")
        }
        assert counts(findings(fixed.decode())) == left

    def test_another_wrong_label_is_put_right_by_readme(
        self, run_cli: RunCli, tmp_path: Path
    ) -> None:
        path = tmp_path / "README.md"
        path.write_text(original("mmdetection").replace("HRNetV2p-W48", "HRNetV2p-W44"))
        checked = run_cli("readme", path, "--check")
        assert checked.code == 1
        assert checked.out.count('"HRNetV2p-W44" becomes "HRNetV2p-W48"') == 2

    def test_segmentation_needs_no_fix(self) -> None:
        assert fix(SEGMENTATION, findings(SEGMENTATION)) == (SEGMENTATION, [])

    @pytest.mark.parametrize("end", ["\r\n", "\n"])
    def test_bytes_that_are_not_fixed_stay(self, tmp_path: Path, run_cli: RunCli, end: str) -> None:
        text = ("\ufeff# Title  \n\n" + DETECTION.rstrip("\n") + "\n\n\ttail").replace("\n", end)
        path = tmp_path / "README.md"
        path.write_bytes(text.encode())
        finished = run_cli("lint", path, "--fix", "--select", "HZ301")
        assert finished.code == 0
        old, new = "open-mmlab.s3.ap-northeast-2.amazonaws.com", "download.openmmlab.com"
        assert path.read_bytes() == text.replace(old, new).encode()
        assert finished.out.count("HZ301 fixed: ") == 36

    @pytest.mark.parametrize("retired", RETIRED_HOSTS)
    def test_each_retired_host_is_fixed(self, retired: str) -> None:
        text = one_row().replace("download.openmmlab.com", retired)
        found = only(text, "HZ301")
        assert [finding.message for finding in found] == 2 * [
            f"{retired} is retired; the same path is at https://download.openmmlab.com"
        ]
        assert fix(text, found)[0] == one_row()
        other = one_row().replace("download.openmmlab.com", "s3.ap-northeast-2.amazonaws.com")
        assert not only(other, "HZ301")

    def test_a_label_is_not_fixed_where_links_disagree(self) -> None:
        text = one_row(label="HRNetV2p-W48", log_stem="faster_rcnn_hrnetv2p_w48_1x_coco")
        patch = only(text, "HZ201")[0].patch
        assert patch is not None
        assert not patch.is_safe

    def test_manifests_are_not_fixed(self, run_cli: RunCli) -> None:
        finished = run_cli("lint", "--fix")
        assert finished.code == 2
        assert "quotes" in finished.err


HEADER = "| Backbone | Lr schd | Inf time (fps) | box AP | Download |\n|---|---|---|---|---|\n"


def one_row(
    *,
    label: str = "HRNetV2p-W40",
    schedule: str = "1x",
    fps: str = "10.5",
    box_ap: str = "41.2",
    stem: str = "faster_rcnn_hrnetv2p_w40_1x_coco",
    end: str = "_20200210-95c1f5ce.pth",
    log_stem: str = "faster_rcnn_hrnetv2p_w40_1x_coco",
    log_end: str = "_20200210_125315.log.json",
) -> str:
    """Return a README with one row, which is faultless unless told otherwise."""
    folder = "https://download.openmmlab.com/x"
    return (
        f"{HEADER}| {label} | {schedule} | {fps} | {box_ap} "
        f"| [model]({folder}/{stem}{end}) [log]({folder}/{log_stem}{log_end}) |\n"
    )


def test_a_faultless_row_has_no_findings() -> None:
    assert findings(one_row()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fps": "", "box_ap": ""}, "HZ103"),
        ({"box_ap": "-"}, "HZ103"),
        ({"fps": "fast"}, "HZ106"),
        ({"box_ap": "412", "end": "_20200210-0123abcd.pth"}, "HZ107"),
        ({"box_ap": "-41.2"}, "HZ107"),
        ({"fps": "\u22129.2"}, "HZ107"),
        ({"label": "HRNetV2p-W32"}, "HZ201"),
        ({"schedule": "2x"}, "HZ203"),
        ({"log_end": "-20200210_125315.log.json"}, "HZ302"),
        ({"log_end": ".log.json"}, "HZ302"),
        ({"log_stem": "faster_rcnn_hrnetv2p_w40_2x_coco"}, "HZ303"),
        ({"end": "_20200210.pth"}, "HZ306"),
        ({"end": "_20200210-95c1f5c.pth"}, "HZ306"),
        ({"end": "_20200210-95c1f5cz.pth"}, "HZ306"),
    ],
    ids=str,
)
def test_each_mistake_has_its_code(changes: dict[str, str], code: str) -> None:
    assert list(counts(findings(one_row(**changes)))) == [code]


def test_a_log_of_another_row_whose_name_says_less() -> None:
    stem, end = "faster_rcnn_hrnetv2p_w40_giou_1x_coco", "_20200211-0123abcd.pth"
    other = one_row(stem=stem, end=end, log_end="_20200211_010203.log.json").splitlines()[-1]
    assert counts(findings(one_row() + other)) == {"HZ105": 1, "HZ303": 1}


@pytest.mark.parametrize("config", ["", "[config](c/fcos_hrnetv2p_w18_gn-head_4x4_2x_coco.py) "])
def test_a_log_of_another_row_of_the_zoo(config: str) -> None:
    stem = "fcos_hrnetv2p_w18_gn-head_mstrain_640-800_4x4_2x_coco"
    log_stem = "fcos_hrnetv2p_w18_gn-head_4x4_2x_coco"
    text = one_row(label="HRNetV2p-W18", schedule="2x", stem=stem, log_stem=log_stem)
    found = counts(findings(text.replace("[model]", f"{config}[model]")))
    assert found == {"HZ303": 1} | ({"HZ205": 1} if config else {})


class TestPlaces:
    """Where a finding is said to be, and which row it is about."""

    SHARED = "<td rowspan=2>HRNetV2p-W18</td>"
    FILES = {18: "a_w18_20200101-0123abcd.pth", 48: "b_w48_20200101-1123abcd.pth"}

    def html(self, *rows: tuple[str, str, int], between: str = "\n") -> str:
        """Return a table, of rows of a name, a cell for the backbone, and the file's width."""
        head = "<tr><th>Model</th><th>Backbone</th><th>box AP</th><th>Download</th></tr>"
        body = [
            f"<tr><td>{name}</td>{backbone}<td>41.2</td>"
            f'<td><a href="https://h.example/{self.FILES[width]}">model</a></td></tr>'
            for name, backbone, width in rows
        ]
        return between.join(["<table>", head, *body, "</table>"]) + "\n"

    def test_a_label_of_two_rows_is_changed_for_neither(self) -> None:
        text = self.html(("a", self.SHARED, 48), ("b", "", 18))
        [found] = findings(text)
        assert (found.code, found.spot.line, found.row) == ("HZ201", 3, "a, HRNetV2p-W18")
        assert fix(text, [found]) == (text, [])

    def test_each_row_is_told_of_the_label_that_they_share(self) -> None:
        [found] = findings(self.html(("a", self.SHARED, 18), ("b", "", 48)))
        assert (found.code, found.spot.line, found.row) == ("HZ201", 4, "b, HRNetV2p-W18")

    def test_of_rows_in_one_line_none_is_named(self) -> None:
        own = "<td>HRNetV2p-W18</td>"
        text = self.html(("a", own, 48), ("b", own, 18), between="")
        [found] = findings(text)
        assert found.row == ""
        assert text[found.spot.start :].startswith("W18")
        assert fix(text, [found])[0] == text.replace("W18", "W48", 1)

    def test_links_by_reference_are_where_they_are_referred_to(self) -> None:
        header = "| Backbone | Lr schd | box AP | Download |\n|---|---|---|---|\n"
        rows = "".join(f"| HRNetV2p-W18 | {n}x | 41.2 | [model][{n}] |\n" for n in (1, 2))
        inline = f"| HRNetV2p-W18 | 3x | 41.2 | [model](https://h.example/{self.FILES[18]}) |\n"
        definitions = "".join(f"[{n}]: https://h.example/{self.FILES[18]}\n" for n in (1, 2))
        found = findings(f"{header}{rows}{inline}\n{definitions}")
        assert [(f.code, f.spot.line) for f in found] == [("HZ305", 4), ("HZ305", 5)]
        assert all("also linked in line 3" in f.message for f in found)
        assert [f.row for f in found] == ["HRNetV2p-W18, 2x", "HRNetV2p-W18, 3x"]

    def test_a_row_is_named_as_it_is_printed_and_not_by_a_file_that_may_be_wrong(self) -> None:
        own = "<td>HRNetV2p-W18</td>"
        [found] = findings(self.html(("a", own, 18), ("b", own, 18)))
        assert (found.code, found.row) == ("HZ305", "b, HRNetV2p-W18")


def test_numbers_without_a_file() -> None:
    assert list(counts(findings(f"{HEADER}| HRNetV2p-W40 | 1x | 9.2 | 41.2 | |\n"))) == ["HZ103"]


def test_a_file_linked_twice() -> None:
    text = one_row()
    twice = text + text.splitlines()[-1].replace("1x |", "2x |") + "\n"
    found = counts(findings(twice))
    assert found == {"HZ203": 1, "HZ304": 1, "HZ305": 1}


def test_a_file_linked_on_two_hosts() -> None:
    line = one_row().splitlines()[-1].replace("1x |", "2x |")
    elsewhere = line.replace("https://download.openmmlab.com/x", "https://mirror.example/y")
    found = [f for f in findings(f"{one_row()}{elsewhere}\n") if f.code in ("HZ304", "HZ305")]
    assert [f.code for f in found] == ["HZ305", "HZ304"]
    assert all("also linked in line 3" in f.message for f in found)


def test_different_files_that_are_all_called_the_same_are_not_shared() -> None:
    first, second = (
        one_row(schedule=f"{n}x", stem="epoch_12", end=".pth", log_stem="run", log_end=".log")
        for n in (1, 2)
    )
    line = second.splitlines()[-1].replace("openmmlab.com/x", "openmmlab.com/y")
    assert not {"HZ304", "HZ305"} & set(counts(findings(f"{first}{line}\n")))


def test_a_row_printed_twice() -> None:
    line = "| HRNetV2p-W40 | 1x | | | |\n"
    assert counts(findings(HEADER + line + line)) == {"HZ102": 2, "HZ105": 1}


@pytest.mark.parametrize(
    "line", ["|", "|x|", "| HRNetV2p-W40 | 1x | 9 |", "| W40 | 1x | 9 | 8 | x | y |"]
)
def test_a_missing_or_merged_cell_is_named(line: str) -> None:
    found = only(one_row() + line + "\n", "HZ101")
    assert [finding.spot.line for finding in found] == [4]
    assert re.match(r"(0 cells|1 cell|[2-9] cells) under a header of 5", found[0].message)


def test_flags_crop_and_configuration() -> None:
    gn = only(DETECTION.replace("| Y       | N       | 1x", "| N       | N       | 1x"), "HZ204")
    assert ["GN is N" in finding.message for finding in gn] == [True, True]
    crop = only(SEGMENTATION.replace("| 896x896   |", "| 512x512   |", 1), "HZ204")
    assert len(crop) == 1
    config = SEGMENTATION.replace("hrnet/fcn_hr18_512x1024_40k_cityscapes.py", "hrnet/fcn.py", 1)
    assert len(only(config, "HZ205")) == 1


def test_the_size_in_a_name_need_not_be_the_crop() -> None:
    # The demo's file is named after its images, and trained with the crop that is printed.
    assert check_document(manifest_document(demo.MANIFEST)) == []


def test_values_stated_otherwise_later() -> None:
    text = DETECTION.replace("| 9.3            | 36.9   |", "| 9.3            | 36.8   |")
    found = only(text, "HZ404")
    said = [finding.message for finding in found]
    assert said[:2] == [
        "fps is 9.3, later stated as 13.4 (74.63 ms) for the same file",
        "box AP is 36.8, later stated as 36.9 for the same file",
    ]
    assert [finding.patch.new for finding in found[:2] if finding.patch] == ["13.4", "36.9"]


@pytest.mark.parametrize(("fps", "found"), [("10.5", 0), ("10", 0), ("9.2", 1), ("-", 0)])
def test_fps_are_compared_with_milliseconds(fps: str, found: int) -> None:
    assert len(only(one_row(fps=fps), "HZ404")) == found  # 95.24 ms


@pytest.mark.parametrize(("printed", "wrong"), [("63.5", 0), ("63.53 M", 0), ("41.2", 1)])
def test_parameters(printed: str, wrong: int) -> None:
    lines = one_row().splitlines()
    lines = [f"| Params (M) {lines[0]}", f"|---{lines[1]}", f"| {printed} {lines[2]}"]
    found = only("\n".join(lines), "HZ502")
    assert len(found) == wrong
    assert all(f.patch is not None and f.patch.new == "63.5" for f in found)


def test_fps_of_one_network_are_taken_together() -> None:
    # FCOS W32 was measured as 9.5, 9.8 and 9.1, W18 as 9.9, 9.7 and 9.7: only W40 stands out.
    assert ["fcos" in line_of(DETECTION, f) for f in only(DETECTION, "HZ501")][-1]
    assert len([f for f in only(DETECTION, "HZ501") if "fcos" in line_of(DETECTION, f)]) == 1


@pytest.mark.parametrize(
    ("file_name", "stem"),
    [
        ("fcn_hr18_40k_20200601_014216-f196fb4e.pth", "fcn_hr18_40k"),
        ("fcn_hr18_40k_20200601-f196fb4e.pth", "fcn_hr18_40k"),
        ("hrnet_w18-8cb57bb9.pth", "hrnet_w18"),
        ("mine.pth", "mine"),
    ],
)
def test_names_of_checkpoints(file_name: str, stem: str) -> None:
    assert checkpoint_stem(file_name) == stem


def test_names_tell_schedules_once() -> None:
    assert schedule_in_name("fcos_hrnetv2p_w18_gn-head_4x4_2x_coco") == "2x"
    assert schedule_in_name("htc_x101_64x4d_fpn_16x1_28e_coco") == "28e"
    assert schedule_in_name("fcn_hr18_480x480_160k_x") == "160000"
    assert schedule_in_name("a_1x_2x") is None
    assert log_name("readme.txt") is None


class TestFiles:
    @pytest.fixture
    def w18(self) -> dict[str, torch.Tensor]:
        """As much of a state dict as tells an HRNet's width."""
        keys = [f"backbone.stage4.0.branches.0.{block}.conv1.weight" for block in range(4)]
        return {key: torch.zeros(18, 18, 3, 3) for key in keys}

    @staticmethod
    def save(folder: Path, state: dict[str, torch.Tensor], stem: str) -> str:
        """Write a checkpoint whose name promises its own hash; return the end of its name."""
        folder.mkdir(exist_ok=True)
        path = folder / "new.pth"
        torch.save({"state_dict": state}, path)
        end = f"_20200210-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
        path.rename(folder / f"{stem}{end}")
        return end

    def lint(self, text: str, tmp_path: Path, run_cli: RunCli, code: int) -> list[dict[str, Any]]:
        readme = tmp_path / "README.md"
        readme.write_text(text)
        folder = tmp_path / "files"
        finished = run_cli("lint", readme, "--checkpoints", folder, "--format", "json")
        assert finished.code == code
        found: list[dict[str, Any]] = json.loads(finished.out)["findings"]
        return found

    def test_a_sound_file(
        self, tmp_path: Path, run_cli: RunCli, w18: dict[str, torch.Tensor]
    ) -> None:
        stem = "faster_rcnn_hrnetv2p_w18_1x_coco"
        end = self.save(tmp_path / "files", w18, stem)
        text = one_row(label="HRNetV2p-W18", stem=stem, end=end, log_stem=stem)
        assert self.lint(text, tmp_path, run_cli, 0) == []

    def test_tensors_decide_what_a_label_should_be(
        self, tmp_path: Path, run_cli: RunCli, w18: dict[str, torch.Tensor]
    ) -> None:
        end = self.save(tmp_path / "files", w18, "faster_rcnn_hrnetv2p_w40_1x_coco")
        found = self.lint(one_row(end=end), tmp_path, run_cli, 1)
        assert [finding["code"] for finding in found] == ["HZ602", "HZ602"]
        assert found[0]["patch"] == {"old": "W40", "new": "W18", "safe": True}
        assert "tensors are W18" in found[1]["message"]

    def test_a_patch_that_two_findings_ask_for_is_made_once(
        self, tmp_path: Path, run_cli: RunCli, w18: dict[str, torch.Tensor]
    ) -> None:
        stem = "faster_rcnn_hrnetv2p_w18_1x_coco"
        end = self.save(tmp_path / "files", w18, stem)
        readme = tmp_path / "README.md"
        readme.write_text(one_row(label="HRNetV2p-W32", stem=stem, end=end, log_stem=stem))
        finished = run_cli("lint", readme, "--checkpoints", tmp_path / "files", "--fix")
        assert finished.code == 0
        assert "HZ201 fixed: W32 -> W18" in finished.out
        assert "HZ602 fixed: W32 -> W18" in finished.out
        assert "HRNetV2p-W18 |" in readme.read_text()

    def test_a_label_that_name_and_tensors_would_correct_differently_stays(
        self, tmp_path: Path, run_cli: RunCli, w18: dict[str, torch.Tensor]
    ) -> None:
        end = self.save(tmp_path / "files", w18, "faster_rcnn_hrnetv2p_w40_1x_coco")
        text = one_row(label="HRNetV2p-W48", end=end)
        found = self.lint(text, tmp_path, run_cli, 1)
        asked = {f["code"]: f["patch"] for f in found if f["patch"] is not None}
        assert asked == {
            "HZ201": {"old": "W48", "new": "W40", "safe": False},
            "HZ602": {"old": "W48", "new": "W18", "safe": False},
        }
        readme = tmp_path / "README.md"
        finished = run_cli("lint", readme, "--checkpoints", tmp_path / "files", "--fix")
        assert readme.read_text() == text
        assert finished.out.splitlines()[-1] == "3 errors"

    def test_another_content_than_the_name_promises(
        self, tmp_path: Path, run_cli: RunCli, w18: dict[str, torch.Tensor]
    ) -> None:
        self.save(tmp_path / "files", w18, "x")
        next((tmp_path / "files").iterdir()).rename(
            tmp_path / "files" / "faster_rcnn_hrnetv2p_w40_1x_coco_20200210-95c1f5ce.pth"
        )
        codes = {finding["code"] for finding in self.lint(one_row(), tmp_path, run_cli, 1)}
        assert codes == {"HZ601", "HZ602"}

    def test_a_file_that_is_no_checkpoint(self, tmp_path: Path, run_cli: RunCli) -> None:
        (tmp_path / "files").mkdir()
        name = "faster_rcnn_hrnetv2p_w40_1x_coco_20200210-95c1f5ce.pth"
        (tmp_path / "files" / name).write_bytes(b"no checkpoint")
        codes = [finding["code"] for finding in self.lint(one_row(), tmp_path, run_cli, 1)]
        assert codes == ["HZ601", "HZ603"]

    def test_widths_of_real_networks(self) -> None:
        for backbone, width in (
            ("w18", Width(channels=18, small=False)),
            ("w18_small", Width(channels=18, small=True)),
            ("w48", Width(channels=48, small=False)),
        ):
            with torch.device("meta"):
                model = build_segmentor("fcn_hrnet", backbone=backbone, num_classes=3)
            assert width_of_tensors(model.state_dict()) == width
        assert width_of_tensors({}) is None


class TestCommand:
    @pytest.fixture
    def readme(self, tmp_path: Path) -> Path:
        path = tmp_path / "README.md"
        path.write_text(DETECTION)
        return path

    def test_text(self, readme: Path, run_cli: RunCli) -> None:
        finished = run_cli("lint", readme)
        assert finished.code == 1
        lines = finished.out.splitlines()
        assert lines[-1] == "45 errors, 30 warnings, 14 info; --fix settles 45"
        # The file is named once, and so is what a code means; every row has its name.
        assert lines[0] == str(readme)
        assert finished.out.count("README.md") == 1
        assert (
            lines.count("HZ201 error: the backbone's label contradicts the name of the linked file")
            == 1
        )
        name = "faster_rcnn_hrnetv2p_w40_1x_coco"
        assert re.search(
            rf"^ +9:14  {name}: the label says .* \[--fix: W48 -> W40\]$", finished.out, re.M
        )

    def test_what_is_said_of_many_rows_is_said_once(self, readme: Path, run_cli: RunCli) -> None:
        out = run_cli("lint", readme, "--select", "HZ301,HZ102").out
        assert out.count("open-mmlab.s3.ap-northeast-2.amazonaws.com is retired") == 1
        assert len(re.findall(r"^ +\d+:\d+  [a-z][\w-]+_coco$", out, re.M)) == 12 + 36

    def test_without_a_file_the_manifest_is_checked(self, run_cli: RunCli) -> None:
        finished = run_cli("lint")
        assert finished.code == 1
        assert finished.out.count("zoo.yaml") == 1
        assert "[should be: W48 -> W40]" in finished.out
        rows = {row.name for row in load_zoo().rows}
        named = re.findall(r"^ +\d+  (\w[\w-]*)", finished.out, re.M)
        assert len(named) == sum((IN_DETECTION | IN_SEGMENTATION).values())
        assert set(named) <= rows

    def test_infos_are_no_failure(self, readme: Path, run_cli: RunCli) -> None:
        finished = run_cli("lint", readme, "--select", "HZ5,hz403")
        assert finished.code == 0
        assert finished.out.splitlines()[-1] == "14 info"

    def test_ignored_codes(self, readme: Path, run_cli: RunCli) -> None:
        finished = run_cli("lint", readme, "--ignore", "HZ1,HZ2,HZ3", "--ignore", "HZ4,HZ5")
        assert (finished.code, finished.out) == (0, "nothing found\n")

    def test_json(self, readme: Path, run_cli: RunCli) -> None:
        content = json.loads(run_cli("lint", readme, "--fix", "--format", "json").out)
        assert len(content["fixed"]) == 45
        assert {finding["code"] for finding in content["findings"]} == {
            "HZ102", "HZ401", "HZ403", "HZ404", "HZ501",
        }  # fmt: skip
        assert set(content["fixed"][0]) == {
            "file", "line", "column", "code", "severity", "message", "patch",
        }  # fmt: skip

    def test_github(self, tmp_path: Path, run_cli: RunCli) -> None:
        path = tmp_path / "a,b.md"
        path.write_text(one_row(box_ap="412", end="_20200210-0123abcd.pth"))
        out = run_cli("lint", path, "--format", "github").out
        name = str(path).replace(",", "%2C")
        places = f"title=HZ107,file={name},line=3,col=30"
        assert out == f"::error {places}::412 percent is impossible\n"

    def test_unreadable_files_do_not_hide_the_others(
        self, readme: Path, tmp_path: Path, run_cli: RunCli
    ) -> None:
        (tmp_path / "empty.md").write_text("# No tables\n")
        finished = run_cli("lint", tmp_path / "nowhere.md", tmp_path / "empty.md", readme)
        assert finished.code == 3
        assert "nowhere.md" in finished.err
        assert "no results table" in finished.err
        assert "HZ201" in finished.out

    def test_an_unreadable_manifest_does_not_either(
        self, readme: Path, tmp_path: Path, run_cli: RunCli
    ) -> None:
        (tmp_path / "bad.yaml").write_text("rows: 5\n")
        (tmp_path / "latin.yaml").write_bytes(b"\xe9: 1\n")
        (tmp_path / "empty.yml").write_text("")
        names = ("bad.yaml", "latin.yaml", "empty.yml", "nosuch.yaml")
        finished = run_cli("lint", *(tmp_path / name for name in names), readme)
        assert finished.code == 3
        assert all(name in finished.err for name in names)
        assert finished.err.count("error:") == 4
        assert "--zoo" not in finished.err
        assert "HZ201" in finished.out

    def test_after_a_fix_findings_are_those_of_the_fixed_file(
        self, readme: Path, run_cli: RunCli
    ) -> None:
        after_fix = json.loads(run_cli("lint", readme, "--fix", "--format", "json").out)
        again = json.loads(run_cli("lint", readme, "--format", "json").out)
        assert after_fix["findings"] == again["findings"]
        for finding in again["findings"]:
            assert "W48" not in finding["message"]
        before = readme.read_text()
        once_more = json.loads(run_cli("lint", readme, "--fix", "--format", "json").out)
        assert once_more["fixed"] == []
        assert readme.read_text() == before

    def test_unknown_codes(self, run_cli: RunCli) -> None:
        for option in ("--select", "--ignore"):
            finished = run_cli("lint", option, "HZ999")
            assert finished.code == 2
            assert "--list-codes" in finished.err

    def test_all_codes_are_listed(self, run_cli: RunCli) -> None:
        out = run_cli("lint", "--list-codes").out
        assert all(f"{code}  " in out for code in RULES)
