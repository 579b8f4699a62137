"""Imports of OpenMMLab's metafiles: what they state is quoted, and the rest is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fill import DATA
from readme.test_import import NOTHING_KNOWN, ZOO, completed, manifest_row, parsed, rows_in, write
from support.trees import RunCli

from hrnet_zoo.readme.importing.from_file import import_file
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTATION_METAFILE = """\
Collections:
- Name: hrnet
  Metadata:
    Training Data:
    - Cityscapes
Models:
- Name: fcn_hr18_512x1024_160k_cityscapes
  In Collection: hrnet
  Metadata:
    backbone: HRNetV2p-W18
    crop size: (512,1024)
    lr schd: 160000
    inference time (ms/im):
    - value: 77.1
      hardware: V100
      backend: PyTorch
      batch size: 1
      mode: FP32
      resolution: (512,1024)
    memory (GB): 2.90
  Results:
    Task: Semantic Segmentation
    Dataset: Cityscapes
    Metrics:
      mIoU: 78.80
      mIoU(ms+flip): 80.74
  Config: configs/hrnet/fcn_hr18_512x1024_160k_cityscapes.py
  Weights: https://h/fcn_hr18_512x1024_160k_cityscapes_20200602_190822-221e4a4f.pth
- Name: fcn_hr18s_4xb4-80k_vaihingen-512x512
  Metadata:
    Batch Size: 16
  Results:
  - Task: Semantic Segmentation
    Dataset: Vaihingen
    Metrics: {mIoU: 71.81}
  Weights: https://h/fcn_hr18s_4x4_512x512_80k_vaihingen_20211231_230909-b23aae02.pth
  Training log: https://h/fcn_hr18s_4x4_512x512_80k_vaihingen_20211231_230909.log.json
"""


def later_metafile() -> str:
    """Write the later edition's numbers as upstream's metafile does."""
    models = json.loads((DATA / "later_editions.json").read_text(), parse_float=str)
    lines = ["Collections:", "  - Name: HRNet", "Models:"]
    for model in models:
        lines += [f"  - Name: {model['name']}", "    In Collection: Faster R-CNN", "    Metadata:"]
        if model["train_memory_gb"]:
            lines.append(f"      Training Memory (GB): {model['train_memory_gb']}")
        if model["inference_ms"]:
            lines.append("      inference time (ms/im):")
            lines += [f"        - value: {model['inference_ms']}", "          hardware: V100"]
        lines.append("      Epochs: 12\n    Results:")
        for task, metric in (("Object Detection", "box"), ("Instance Segmentation", "mask")):
            if model[f"{metric}_ap"]:
                lines += [f"      - Task: {task}", "        Dataset: COCO", "        Metrics:"]
                lines.append(f"          {metric} AP: {model[f'{metric}_ap']}")
        lines.append(f"    Weights: {model['checkpoint_url']}\n")
    return "\n".join(lines)


def test_a_detection_metafile_gives_what_the_later_editions_quote(tmp_path: Path) -> None:
    path = write(tmp_path, "metafile.yml", later_metafile())
    imported = import_file(path, ZOO)
    assert imported.left_out == ()
    rows = rows_in(imported)
    assert len(rows) == 28
    for row in rows:
        known = ZOO.row(row["name"])
        assert known.later is not None
        for quantity in ("train_memory_gb", "box_ap", "mask_ap"):
            assert (row["printed"].get(quantity) or None) == getattr(known.later, quantity)
        assert row["checkpoint_url"] == known.later.checkpoint_url
        assert row["method"] == row["table"] == known.method
        assert row["setup"].items() <= manifest_row(row["name"])["setup"].items()
        assert {"architecture", "backbone", "neck", "dataset"} <= row["setup"].keys()
        stated = known.later.inference_ms
        noted = [f"value {stated}, hardware V100" in note for note in row.get("notes", [])]
        assert noted == ([True] if stated else [])


def test_its_completed_manifest_is_valid(tmp_path: Path, run_cli: RunCli) -> None:
    path = write(tmp_path, "metafile.yml", later_metafile())
    finished = run_cli("import", path, "--source", "later")
    assert "28 rows imported, 28 of them in the zoo already" in finished.err
    again = load_zoo(write(tmp_path, "zoo.yaml", completed(finished.out)))
    assert len(again.rows) == 28
    mask = again.row("mask_rcnn_hrnetv2p_w40_1x_coco")
    assert (mask.text("box_ap"), mask.text("mask_ap"), mask.position) == ("42.1", "37.5", 4)
    assert mask.text("backbone") == "hrnetv2p_w40"


def test_a_segmentation_metafile_is_quoted_with_its_decimals(tmp_path: Path) -> None:
    imported = import_file(write(tmp_path, "hrnet.yml", SEGMENTATION_METAFILE), NOTHING_KNOWN)
    assert imported.left_out == ()
    first, second = rows_in(imported, NOTHING_KNOWN)
    assert (first["printed"]["miou"], first["printed"]["train_memory_gb"]) == ("78.80", "2.90")
    assert (first["printed"]["crop_size"], first["printed"]["lr_schd"]) == ("(512,1024)", "160000")
    expected = manifest_row(first["name"])["setup"]
    for left_open in ("test", "normalisation", "samples_per_gpu", "gpus"):
        del expected[left_open]
    assert first["setup"] == expected
    [note] = first["notes"]
    assert note.startswith(
        'The metafile states "inference time (ms/im)": value 77.1, hardware V100'
    )
    assert second["name"] == "fcn_hr18s_4x4_512x512_80k_vaihingen"
    assert (second["setup"]["gpus"], second["setup"]["backbone"]) == (4, "w18_small")
    assert second["printed"]["backbone"] == "hr18s"
    assert (
        second["log_url"]
        == "https://h/fcn_hr18s_4x4_512x512_80k_vaihingen_20211231_230909.log.json"
    )
    assert "train_crop" not in second["setup"]
    assert [table.heading for table in imported.tables] == ["Cityscapes", "Vaihingen"]


def test_a_model_index_imports_the_files_it_names(tmp_path: Path, run_cli: RunCli) -> None:
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs", "a.yml", SEGMENTATION_METAFILE)
    write(tmp_path / "configs", "b.yml", later_metafile())
    index = "Import:\n- configs/a.yml\n- configs/b.yml\n- configs/c.yml\n- model-index.yml\n"
    path = write(tmp_path, "model-index.yml", index)
    finished = run_cli("import", path)
    assert finished.code == 3
    assert len(parsed(finished.out)["rows"]) == 30
    assert f'{path}:4: "configs/c.yml" cannot be imported' in finished.err
    assert (
        f'{path}:5: "model-index.yml" cannot be imported: the file imports itself' in finished.err
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("mIoU: 78.80", "mIoU: 78,80", '"78,80" is neither a decimal number'),
        ("mIoU(ms+flip): 80.74", "PQ: 1", 'no field for the metric "PQ"'),
        ("lr schd: 160000", "lr schd: [1, 2]", '"lr schd" is not a single value'),
        ("Batch Size: 16", "Batch: 16", 'the key "Batch" of Metadata is not known'),
        ("In Collection: hrnet", "Colection: x", 'the key "Colection" is not known'),
    ],
)
def test_lines_of_a_metafile_that_are_not_understood(
    tmp_path: Path, run_cli: RunCli, old: str, new: str, why: str
) -> None:
    before, _, after = SEGMENTATION_METAFILE.partition(old)
    path = write(tmp_path, "metafile.yml", before + new + after)
    finished = run_cli("import", path)
    assert finished.code == 3
    line = before.count("\n") + 1
    assert why in next(text for text in finished.err.splitlines() if f"{path}:{line}: " in text)
    assert len(parsed(finished.out)["rows"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Name: fcn_hr18_", "Nam: fcn_hr18_", 'the model has no "Name"'),
        ("Weights: https://h/fcn_hr18_", "Wights: https://h/", 'has no "Weights"'),
        ("-221e4a4f.pth", ".pth", "does not end in the first 8 digits"),
        ("Dataset: Cityscapes", "Data: Cityscapes", "does not state one data set"),
        ("h/fcn_hr18_512", "h/ocr_hr18_512", "no method is known"),
        ("{mIoU: 71.81}", "{}", "states none of: mIoU, "),
    ],
)
def test_models_that_are_left_out(
    tmp_path: Path, run_cli: RunCli, old: str, new: str, why: str
) -> None:
    before, _, after = SEGMENTATION_METAFILE.partition(old)
    path = write(tmp_path, "metafile.yml", before + new + after)
    finished = run_cli("import", path)
    assert finished.code == 3
    models = [m.start() for m in re.finditer("^- Nam?e?: ", before + new + after, re.MULTILINE)][1:]
    begin = max(at for at in models if at <= len(before) + len(new))
    line = (before + new + after)[:begin].count("\n") + 1
    assert f"{path}:{line}: " in finished.err
    assert why in finished.err
    assert len(parsed(finished.out)["rows"]) == 1


def test_files_that_import_each_other_end(tmp_path: Path, run_cli: RunCli) -> None:
    write(tmp_path, "a.yml", "Import: b.yml\n" + SEGMENTATION_METAFILE)
    write(tmp_path, "b.yml", "Import: [a.yml]\n")
    finished = run_cli("import", tmp_path / "a.yml")
    assert finished.code == 3
    assert f'{tmp_path / "b.yml"}:1: "a.yml" cannot be imported: the file imports itself' in (
        finished.err
    )
    assert len(parsed(finished.out)["rows"]) == 2


def test_aliases_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    text = SEGMENTATION_METAFILE.replace("lr schd: 160000", "lr schd: &schd 160000")
    text = text.replace("Batch Size: 16", "lr schd: *schd")
    text = text.replace("hardware: V100", "hardware: &x [*x, *x]")
    imported = import_file(write(tmp_path, "metafile.yml", text), ZOO)
    assert [entry.printed["lr_schd"] for entry in imported.entries] == ["160000", "160000"]
    assert len(imported.entries[0].notes[0]) < 500
