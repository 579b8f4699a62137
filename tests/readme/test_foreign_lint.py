"""hrnet-zoo lint on READMEs and metafiles of other projects: what is not theirs to be told."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from fill import DATA
from support.foreign import READMES, truth_about
from support.trees import RunCli

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.lint.checking import check_document
from hrnet_zoo.readme.lint.document import Finding
from hrnet_zoo.readme.lint.renaming import difference
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.readme.names import checkpoint_stem, schedule_in_name
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo()
SEGMENTATION = (DATA / "tables" / "mmsegmentation.md").read_text()
H = "https://h.example/x"


def findings(text: str) -> list[Finding]:
    return check_document(readme_document(text, "README.md", ZOO))


def kinds(text: str) -> dict[str, int]:
    """Return how often each code is found, infos with "info" behind the code."""
    return dict(Counter(f.code + " info" * f.is_info for f in findings(text)))


def table(header: str, *rows: str) -> str:
    columns = header.count("|") - 1
    return "\n".join(["# Zoo", "", header, "|" + "---|" * columns, *rows, ""])


def model(stem: str, digits: str = "0a1b2c3d") -> str:
    """Return links to a published file and its log."""
    file = f"{H}/{stem}/{stem}_20200601_010203-{digits}.pth"
    return f"[model]({file}) &#124; [log]({H}/{stem}/{stem}_20200601_010203.log.json)"


def renamed(text: str) -> str:
    """Return upstream's README with its configurations as they are called since 2022."""
    old = re.compile(r"(fcn_hr\w+?)_(?:4x4_)?(\d+x\d+)_(\d+k)_(\w+)\.py")
    new, count = old.subn(r"\1_4xb2-\3_\4-\2.py", text)
    assert count == 37
    return new


class TestRenamedConfigurations:
    def test_one_info_for_all(self) -> None:
        before, after = kinds(SEGMENTATION), kinds(renamed(SEGMENTATION))
        assert after == before | {"HZ205 info": 1}
        [found] = [f for f in findings(renamed(SEGMENTATION)) if f.code == "HZ205"]
        assert "37 of 37 configurations" in found.message
        assert found.severity == "info"
        assert found.row == ""

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            ("hr18s_4xb2-40k_cityscapes", "hr48_4xb2-40k_cityscapes"),
            ("hr18_4xb2-80k_ade20k", "hr18_4xb2-160k_ade20k"),
            ("hr48_4xb2-20k_voc12aug-512x512", "hr48_4xb2-20k_voc12aug-512x1024"),
            ("hr18_4xb2-80k_potsdam", "hr18_4xb2-80k_vaihingen"),
            ("hr18_4xb2-40k_cityscapes", "hr18s_4xb2-40k_cityscapes"),
        ],
    )
    def test_another_model_s_is_an_error_all_the_same(self, right: str, wrong: str) -> None:
        text = renamed(SEGMENTATION)
        assert f"/fcn_{right}" in text
        after = kinds(text.replace(f"/fcn_{right}", f"/fcn_{wrong}", 1))
        assert (after["HZ205"], after["HZ205 info"]) == (1, 1)

    def test_59_classes_are_not_60(self) -> None:
        old, new = "pascal_context-480x480.py", "pascal_context_59-480x480.py"
        text = renamed(SEGMENTATION)
        assert text.count(f"_{old}") == 2
        after = kinds(text.replace(f"_{old}", f"_{new}"))
        assert (after["HZ205"], after["HZ205 info"]) == (2, 1)

    def test_single_ones_are_errors_if_they_are_no_newer_spelling(self) -> None:
        header = "| Backbone | Loss | box AP | Config | Download |"
        row = "| R-50 | {} | 37.4 | [config](c/faster_rcnn_r50_fpn_1x_coco.py) | {} |"
        own = [row.format("L1", model("faster_rcnn_r50_fpn_1x_coco"))]
        assert kinds(table(header, *own)) == {}
        other = row.format("GIoU", model("faster_rcnn_r50_fpn_giou_1x_coco", "1a1b2c3d"))
        assert kinds(table(header, *own, other)) == {"HZ205": 1}

    def test_two_alike_mistakes_are_no_renaming(self) -> None:
        header = "| Model | mIoU | Config | Download |"
        names = [("pspnet", "deeplab")] * 2 + [("pspnet", "pspnet")] * 6
        rows = [f"| net-{i} | 7{i}.1 | [config]({config}_r{i}_40k.py) "
                f"| {model(f'{file}_r{i}_40k', f'{i}a1b2c3d')} |"
                for i, (file, config) in enumerate(names)]  # fmt: skip
        assert kinds(table(header, *rows)) == {"HZ205": 2}

    @pytest.mark.parametrize("other", ["pspnet", "fcos"])
    def test_another_method_is_no_newer_spelling(self, other: str) -> None:
        text = renamed(SEGMENTATION)
        name = "_hr18s_4xb2-40k_cityscapes-512x1024.py"
        assert text.count(f"/fcn{name}") == 1
        after = kinds(text.replace(f"/fcn{name}", f"/{other}{name}"))
        assert (after["HZ205"], after["HZ205 info"]) == (1, 1)

    def test_methods_that_can_be_told_apart_are_no_renaming(self) -> None:
        header = "| Backbone | Lr schd | box AP | Config | Download |"
        rows = [f"| HRNetV2p-W{w} | 1x | 4{i}.1 | [config](c/faster_rcnn_hrnetv2p_w{w}_1x_coco.py) "
                f"| {model(f'mask_rcnn_hrnetv2p_w{w}_1x_coco', f'{i}a1b2c3d')} |"
                for i, w in enumerate([18, 32, 40])]  # fmt: skip
        assert kinds(table(header, *rows)) == {"HZ205": 3}

    def test_a_newer_spelling_can_begin_with_the_backbone(self) -> None:
        header = "| Backbone | mIoU | Config | Download |"
        config = "[config](beit-base_upernet_extra_8xb2-160k_ade20k-640x640.py)"
        row = f"| BEiT-B | 53.1 | {config} | {model('upernet_beit-base_640x640_160k_ade20k')} |"
        assert kinds(table(header, row)) == {"HZ205 info": 1}

    def test_a_row_that_is_named_after_its_file_shares_a_configuration(self) -> None:
        row = "| `net-t_32xb128-noema_in1k` | 81.9 | [config](net-t_32xb128_in1k.py) | {} |"
        header = "| Model | Top-1 (%) | Config | Download |"
        assert kinds(table(header, row.format(model("net-t_32xb128-noema_in1k")))) == {}
        wrong = row.replace("[config](net-t", "[config](net-b")
        assert kinds(table(header, wrong.format(model("net-t_32xb128-noema_in1k")))) == {"HZ205": 1}

    @pytest.mark.parametrize(
        ("old", "new", "contradicts"),
        [
            ("fcn_hr18_512x1024_40k_cityscapes", "fcn_hr18_4xb2-40k_cityscapes-512x1024", False),
            ("resnet50_b32x8_imagenet", "resnet50_8xb32_in1k", False),
            ("fcos_x_mstrain_640-800_4x4_2x_coco", "fcos_x_ms-640-800-4xb4-2x_coco", False),
            ("mask_rcnn_swin-t_fp16_3x_coco", "mask-rcnn_swin-t_amp-3x_coco", False),
            ("fcn_hr18_40k", "fcn_hr18s_40k", True),
            ("fcn_hr18_pascal_context", "fcn_hr18_pascal_context_59", True),
            ("swin_tiny_x", "swin-small_x", True),
            ("faster_rcnn_r50_1x", "faster_rcnn_r50_2x", True),
            ("faster_rcnn_r50_1x", "mask_rcnn_r50_1x", True),
        ],
    )
    def test_names(self, old: str, new: str, *, contradicts: bool) -> None:
        found = difference(old, new)
        assert (found.contradicts, found.is_spelling) == (contradicts, not contradicts)


@pytest.mark.parametrize(
    ("label", "stem", "is_wrong"),
    [
        ("HRNetV2-W18-Small-v2", "hrnet_w18_small_v2_cityscapes_512x1024", False),
        ("HRNet-W18-C-Small-v1", "hrnet_w18_small_model_v1", False),
        ("HRNetV2-W18", "hrnet_w18_small_v1_cityscapes", True),
        ("HRNetV2-W48", "hrnet_w18_small_v1_cityscapes", True),
    ],
)
def test_the_authors_small_networks(label: str, stem: str, *, is_wrong: bool) -> None:
    text = table("| Backbone | mIoU | Download |", f"| {label} | 70.3 | {model(stem)} |")
    assert kinds(text) == ({"HZ201": 1} if is_wrong else {})


class TestUnknownColumns:
    def test_rows_that_differ_in_them_are_not_the_same(self) -> None:
        header = "| Backbone | Conv | Lr schd | box AP | Download |"
        rows = [f"| R-50 | {x} | 1x | 4{i}.1 | {model(f'net_{x}_1x', f'{i}a1b2c3d')} |"
                for i, x in enumerate(["dconv", "mdconv"])]  # fmt: skip
        assert kinds(table(header, *rows)) == {}

    def test_rows_that_only_their_files_tell_apart_are_worth_knowing(self) -> None:
        header = "| Backbone | Lr schd | box AP | Download |"
        rows = [f"| R-50 | 1x | 4{i}.1 | {model(f'net_{x}_1x', f'{i}a1b2c3d')} |"
                for i, x in enumerate(["dconv", "mdconv"])]  # fmt: skip
        assert kinds(table(header, *rows)) == {"HZ105 info": 1}

    @pytest.mark.parametrize("title", ["mAP", "AR", "AP<sup>50</sup>", "PQ", "mDice", "bbox_mAP"])
    def test_other_accuracies_are_accuracies(self, title: str) -> None:
        header = f"| Model | fps | {title} | Download |"
        assert kinds(table(header, f"| net | 9.5 | 0.401 | {model('net')} |")) == {}
        assert kinds(table(header, f"| net | 9.5 | - | {model('net')} |")) == {"HZ103": 1}

    def test_a_table_of_speeds_owes_no_accuracy(self) -> None:
        text = table("| Model | fps | Batch | Download |", f"| net | 9.5 | 8 | {model('net')} |")
        assert kinds(text) == {}

    def test_a_row_that_has_only_other_numbers_is_not_blank(self) -> None:
        header = "| Model | mIoU | mDice | Download |"
        assert kinds(table(header, "| net | - | 71.2 | - |")) == {"HZ103": 1}
        assert kinds(table(header, "| net | - | - | - |")) == {"HZ102": 1}

    def test_a_line_that_goes_on_with_the_row_above_is_no_row(self) -> None:
        header = "| Method | Backbone | Proposals | box AP | Download |"
        first = f"| Net | R-50 | 1000 | 37.8 | {model('net_r50')} |"
        again = ["| - | - | 2000 | 37.9 | - |", "| --- | \u2014 | 3000 | 37.9 | n/a |"]
        assert kinds(table(header, first, *again, *again)) == {}

    def test_files_need_not_be_pth(self) -> None:
        header = "| Model | mIoU | Link |"
        rows = ["| net-s | 70.1 | [OneDrive](https://1drv.example/u/s) |",
                "| net-m | 71.1 | <a href='https://h.example/m.pkl'>model</a> |"]  # fmt: skip
        assert not {"HZ102", "HZ103"} & set(kinds(table(header, *rows)))
        config_only = "| net-l | 72.1 | [config](net_l.yaml) |"
        assert kinds(table(header, *rows, config_only))["HZ103"] == 1

    def test_a_table_that_links_nothing_says_so_once(self) -> None:
        rows = [f"| net-{i} | 7{i}.1 | [paper](https://arxiv.example/{i}) |" for i in range(5)]
        text = table("| Model | mIoU | Paper |", *rows)
        assert kinds(text) == {"HZ103 info": 1}
        assert "no row of this table" in findings(text)[0].message


class TestLogs:
    HEADER = "| Backbone | Lr schd | box AP | Download |"
    FILE = "net_r50_1x_coco_20200601_010203-0a1b2c3d.pth"

    def kinds_of(self, log: str, file: str = FILE) -> dict[str, int]:
        links = f"[model]({H}/net_r50_1x_coco/{file}) [log]({H}/{log})"
        return kinds(table(self.HEADER, f"| R-50 | 1x | 37.4 | {links} |"))

    @pytest.mark.parametrize(
        "log",
        [
            "20200601_010203.log.json",
            "20200601_010203.log",
            "train.log",
            "net_r50_1x_coco_20200601_010203-0a1b2c3d.log.json",
            "net_r50_1x_coco_20200601.log.json",
            "net-r50-1x_coco_20200601_010203.log.json",
        ],
    )
    def test_without_the_name_or_with_it_in_another_form(self, log: str) -> None:
        assert self.kinds_of(log) == {}

    @pytest.mark.parametrize(
        "log",
        [
            "net_r101_1x_coco_20200601_010203.log.json",
            "net_r50_2x_coco.log.json",
            "net_r50_dconv_1x_coco_20200601_010203.log.json",
            "other_20200601_010203.log.json",
        ],
    )
    def test_of_another_model(self, log: str) -> None:
        assert self.kinds_of(log) == {"HZ303": 1}

    def test_of_a_file_whose_name_has_its_ap(self) -> None:
        file = "net_r50_1x_coco_bbox_mAP-0.378__segm_mAP-0.35_20200504_180032-c5925ee5.pth"
        assert checkpoint_stem(file) == "net_r50_1x_coco"
        assert self.kinds_of("net_r50_1x_coco_20200504_180032.log.json", file) == {}


class TestOneModelInSeveralRows:
    def test_tested_in_two_ways(self) -> None:
        header = "| Model | Multi-scale | mIoU | Download |"
        rows = [f"| net-w48 | {x} | 8{i}.5 | {model('net_w48')} |"
                for i, x in enumerate(["No", "Yes"])]  # fmt: skip
        assert kinds(table(header, *rows)) == {"HZ304 info": 1, "HZ305 info": 1}

    def test_on_two_data_sets(self) -> None:
        header = "| Model | mIoU | Download |"
        rows = [[f"| net-{w} | {x}.5 | {model(f'net_{w}', f'{w}a1b2c3')} |" for w in (18, 48)]
                for x in (71, 82)]  # fmt: skip
        text = "".join(table(header, *two) for two in rows)
        assert kinds(text) == {"HZ304 info": 2, "HZ305 info": 2}

    def test_listed_again_with_the_same_numbers(self) -> None:
        row = f"| R-50 | 1x | 37.4 | {model('net_r50_1x')} |"
        loss = [f"| R-50 | {x} | 37.{i} | {model(f'net_{x}_1x', f'{i}a1b2c3d')} |"
                for i, x in enumerate(["giou", "diou"])]  # fmt: skip
        baseline = f"| R-50 | L1 | 37.4 | {model('net_r50_1x')} |"
        text = table("| Backbone | Lr schd | box AP | Download |", row) + table(
            "| Backbone | Loss | box AP | Download |", baseline, *loss
        )
        assert kinds(text) == {"HZ304 info": 1, "HZ305 info": 1}
        assert kinds(text.replace("| L1 | 37.4", "| L1 | 38.4")) == {"HZ304": 1, "HZ305": 1}

    def test_another_model_with_its_link_is_an_error(self) -> None:
        header = "| Model | Classes | Flip | mIoU | Download |"
        rows = [f"| net-w48 | {x} | Yes | 5{i}.1 | {model('net_w48')} |"
                for i, x in enumerate([59, 60])]  # fmt: skip
        assert kinds(table(header, *rows)) == {"HZ304": 1, "HZ305": 1}


class TestSchedules:
    @pytest.mark.parametrize(
        ("printed", "stem", "is_wrong"),
        [
            ("160k", "net_512x512_160k_ade20k", False),
            ("160K", "net_512x512_80k_ade20k", True),
            ("160000", "net_base_1k_224", False),
            ("160000", "net_base_22k_224", False),
            ("20-23-24e", "net_20_23_24e_coco", False),
            ("1x", "net_12e_coco", False),
            ("1x", "net_20e_coco", True),
            ("300", "net_300e_coco", False),
            ("40", "net_40k_cityscapes", True),
            ("160000", "net_50e_coco", False),
        ],
    )
    def test_what_can_be_compared_is(self, printed: str, stem: str, *, is_wrong: bool) -> None:
        header = "| Backbone | Lr schd | mIoU | Download |"
        text = table(header, f"| R-50 | {printed} | 44.1 | {model(stem)} |")
        assert kinds(text) == ({"HZ203": 1} if is_wrong else {})

    def test_imagenet_is_no_schedule(self) -> None:
        assert schedule_in_name("convnext_base_1k_224") is None
        assert schedule_in_name("net_21k") is None
        assert schedule_in_name("net_20k") == "20000"

    def test_the_pretrained_backbone_is_not_the_row_s_file(self) -> None:
        header = "| Backbone | Pretrain | Lr schd | mIoU | Download |"
        pretrained = f"[in22k]({H}/net_hr48_22k-0a1b2c3d.pth)"
        row = f"| HRNet-W18 | {pretrained} | 80k | 44.1 | {model('fcn_hr18_80k')} |"
        text = table(header, row)
        [found] = readme_document(text, "README.md", ZOO).rows
        assert found.stem == "fcn_hr18_80k"
        assert kinds(text) == {}


@pytest.mark.parametrize(
    ("cell", "is_number"),
    [
        ("80.4 \u00b1 0.2", True),
        ("77.698 (22.302)", True),
        ("~80", True),
        ("80.1 / 81.3", True),
        ("80.1 (train) &#124; 80.2 (deploy)", True),
        ("80 .1", False),
        ("41,2", False),
        ("4l.2", False),
        ("41.2.", False),
    ],
)
def test_numbers_with_more_beside_them_are_numbers(cell: str, *, is_number: bool) -> None:
    text = table("| Model | mIoU | Download |", f"| net | {cell} | {model('net')} |")
    assert ("HZ106" in kinds(text)) != is_number


def test_an_accuracy_with_something_raised_in_its_title_is_one() -> None:
    text = table("| Model | AP<sup>car</sup> | mIoU | Download |", f"| a | 55 | - | {model('a')} |")
    assert kinds(text) == {}


@pytest.mark.parametrize("junk", ["9", "_bbox_mAP-0.1", "](", "href= ", " ~1 "])
def test_no_cell_takes_long(junk: str) -> None:
    long = junk * (4_800 // len(junk))  # two of them nearly fill a cell
    header = "| Backbone | Lr schd | Loss | mIoU | Download |"
    links = f"[model]({H}/a{long}_40k-0123abcd.pth) [log]({H}/a{long}.log.json)"
    started = time.perf_counter()
    findings(table(header, f"| {long} | {long} | {long} | {long} | {links} |"))
    assert time.perf_counter() - started < 5


def test_a_row_that_was_added_later_is_not_called_trained_again() -> None:
    header = "| Model | Mem (GB) | mIoU | Download |"
    rows = [f"| net-{i} | - | 7{i}.1 | {model(f'net_{i}', f'{i}a1b2c3d')} |" for i in range(4)]
    rows[3] = rows[3].replace("_20200601_", "_20210901_")
    assert kinds(table(header, *rows)) == {}
    rows[3] = rows[3].replace("| - |", "| 4.1 |")
    assert kinds(table(header, *rows)) == {"HZ402 info": 1}


class TestMetafiles:
    @pytest.mark.parametrize(
        "content",
        [
            b"Models:\n- Name: a\n",
            b"Collections:\n- Name: \xe9\n",
            b"- Name: a\n  Config: a.py\n",
            b"  Import:\n  - a.yml\n  Models:\n  - Name: a\n",
            b'{"Models": [{"Name": "a"}]}',
        ],
    )
    def test_are_named_and_not_taken_for_manifests(
        self, content: bytes, tmp_path: Path, run_cli: RunCli
    ) -> None:
        path = tmp_path / "metafile.yml"
        path.write_bytes(content)
        finished = run_cli("lint", path)
        assert finished.code == 3
        assert f"{path} is an OpenMMLab metafile" in finished.err
        assert f"hrnet-zoo import {path}" in finished.err
        assert "manifest" not in finished.err

    def test_broken_manifests_are_none(self, tmp_path: Path, run_cli: RunCli) -> None:
        path = tmp_path / "zoo.yaml"
        for content in ("- name: fcn_hr18\n", "rows:\n- Models: 1\n", "Models: [\n", "- [\n"):
            path.write_text(content)
            finished = run_cli("lint", path)
            assert finished.code == 3
            assert "metafile" not in finished.err
            assert "zoo.yaml" in finished.err


def rows_found(path: Path, text: str) -> list[tuple[str, int, str, str]]:
    """Return code, line where the row begins, severity and message of each finding."""
    try:
        document = readme_document(text, path.name, ZOO)
    except ReadmeError:
        return []  # nothing in it that we measure
    lines = {spot.line: row.place.line for row in document.rows for spot in row.spots}
    found = check_document(document)
    return [(f.code, lines.get(f.spot.line, f.spot.line), f.severity, f.message) for f in found]


class TestForeignReadmes:
    def test_fewer_than_one_finding_in_twenty_is_false(self) -> None:
        false, total = [], 0
        for path in READMES:
            true = truth_about(path).findings
            found = rows_found(path, path.read_text())
            total += len(found)
            false += [(path.name, *one) for one in found if not {one[:2], (one[0], None)} & true]
        assert total > 40
        assert len(false) < total / 20, false

    @pytest.mark.parametrize(
        ("name", "old", "new", "code"),
        [
            ("mmseg_pspnet", "| 512x1024  |   40000 | 9.7", "| 769x769   |   40000 | 9.7", "HZ204"),
            ("mmseg_pspnet", "|   40000 | 9.7 ", "|   80000 | 9.7 ", "HZ203"),
            ("mmseg_pspnet", "./pspnet_r101-d8_4xb2-40k", "./pspnet_r50-d8_4xb2-40k", "HZ205"),
            ("mmseg_pspnet", "_20200612_121314.log", "_r50_20200612_121314.log", "HZ303"),
            ("mmseg_pspnet", "121314-77c1d2e3.pth", "121314.pth", "HZ306"),
            ("mmseg_pspnet", "78.03", "780.3", "HZ107"),
            ("mmseg_pspnet", "78.03", "78,03", "HZ106"),
            ("mmseg_pspnet", "78.03", "78.0", "HZ104"),
            ("mmdet_dcn", "| 20e     | 8.1", "| 1x      | 8.1", "HZ203"),
            ("mmdet_dcn", "| 38.8   |", "|        |", "HZ103"),
            ("mmdet_dcn", "| -             | dpool ", "| dconv(c3-c5)  | -     ", "HZ105"),
            ("mmdet_nuimages", "|IN+COCO-2x|1x|7.2|49.9|40.4|", "|IN+COCO-2x|1x| | | |", "HZ103"),
            ("mmdet_nuimages", "mask_rcnn_r50_fpn_coco-2x_1x_nuim_20201008_195238-b1742a60",
             "mask_rcnn_r50_fpn_1x_nuim_20201008_195238-e99f5182", "HZ305"),
            ("hrnet_author_seg", "hrnet_ocr_cs_8150", "hrnet_cs_8070", "HZ305"),
            ("mmpretrain_conv", "[config](convnext-tiny", "[config](convnext-base", "HZ205"),
        ],
    )  # fmt: skip
    def test_planted_mistakes_are_found(self, name: str, old: str, new: str, code: str) -> None:
        [path] = [path for path in READMES if path.stem == name]
        text = path.read_text()
        assert old in text
        before = Counter(one[::2] for one in rows_found(path, text))
        after = Counter(one[::2] for one in rows_found(path, text.replace(old, new, 1)))
        assert code in {found for found, _ in after - before}
