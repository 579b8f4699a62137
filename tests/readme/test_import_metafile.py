"""Imports of OpenMMLab's metafiles: what they state is quoted, and the rest is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fill import DATA
from readme.test_import import NOTHING_KNOWN, ZOO, completed, manifest_row, parsed, rows_in, write
from support.trees import RunCli

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.importing.from_file import import_file
from hrnet_zoo.readme.importing.from_metafile import read_metafile
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
    assert finished.err.count("c.yml") == 1
    assert f'{path}:5: "model-index.yml" cannot be imported: it was read already' in finished.err


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("mIoU: 78.80", "mIoU: 78,80", '"78,80" is neither a decimal number'),
        ("mIoU(ms+flip): 80.74", "PQ: 1", 'no field for the metric "PQ"'),
        ("lr schd: 160000", "lr schd: [1, 2]", '"lr schd" is not a single value'),
        ("Batch Size: 16", "Batch: 16", 'the key "Batch" of Metadata is not known'),
        ("In Collection: hrnet", "Colection: x", 'the key "Colection" is not known'),
        ("Weights: https://h/fcn_hr18_", "Wights: x/", 'the key "Wights" is not known'),
        ("mIoU(ms+flip): 80.74", "Miou: 80.74", '"Miou" is 80.74 here, and 78.80 before'),
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


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("Weights: https://h/fcn_hr18_", "Other: x/", "checkpoint_url: null"),
        ("-221e4a4f.pth", ".pth", "#? checkpoint_url: https://h/fcn_hr18_512x1024_160k_city"),
        ("Dataset: Cityscapes", "Data: Cityscapes", "table: hrnet"),
        ("h/fcn_hr18_512", "h/ocr_hr18_512", '#? method: ""'),
    ],
)
def test_models_that_lack_something_are_rows_with_marks(
    tmp_path: Path, run_cli: RunCli, old: str, new: str, written: str
) -> None:
    path = write(tmp_path, "metafile.yml", SEGMENTATION_METAFILE.replace(old, new, 1))
    finished = run_cli("import", path)
    assert len(parsed(finished.out)["rows"]) == 2
    assert written in finished.out


PSPNET = """\
Collections: [{Name: PSPNet}, {Name: Other}]
Models:
- Name: pspnet_r50-d8_4xb2-40k_cityscapes-512x1024
  In Collections: PSPNet
  Metadata: {backbone: R-50-D8, crop size: "(512,1024)", inference time (ms/im): None}
  Results:
    Task: Semantic Segmentation
    Dataset: Cityscapes
    Metrics: [{mIoU: 77.10}, {mIoU(ms+flip): 78.2}]
  Config: configs/pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py
  Weights: https://h/pspnet_r50-d8_512x1024_40k_cityscapes_20200605_003338-2966598c.pth
- {Name: Any, In Collection: PSPNet, Metadata: {Architecture: [R-18, PSPNet]},
   Config: configs/pspnet/pspnet_R50-D8_x.py,
   Results: [{Dataset: ADE20K, Metrics: {mIoU: 41.1}}, {Dataset: LoveDA, Metrics: {mIoU: 50.2}}],
   Weights: https://h/PSPNet_X_20200605_003338-2966598c.pth}
"""


def test_a_metafile_of_another_method(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("import", write(tmp_path, "metafile.yml", PSPNET))
    assert finished.code == 0
    content = parsed(finished.out)
    first, second, third = content["rows"]
    assert first["name"] == "pspnet_r50-d8_512x1024_40k_cityscapes"
    assert (first["method"], first["table"]) == ("PSPNet", "Cityscapes")
    assert first["printed"] == {
        "backbone": "R-50-D8", "crop_size": "(512,1024)", "miou": "77.10", "miou_ms_flip": "78.2"
    }  # fmt: skip
    assert first["setup"] == {
        "num_classes": 19, "dataset": "cityscapes", "num_images": 500, "train_crop": [512, 1024],
        "samples_per_gpu": 2, "gpus": 4,
    }  # fmt: skip
    assert '#? architecture:  # hrnet-zoo cannot build "PSPNet" on "R-50-D8"' in finished.out
    assert "3 rows of networks that hrnet-zoo cannot build" in finished.err
    # The file's name has capitals, and so has the configuration's; both rows are of both.
    assert (second["name"], second["table"], second["printed"]["miou"]) == (
        "pspnet_x", "ADE20K", "41.1"
    )  # fmt: skip
    assert second["printed"]["backbone"] == "R-18"
    assert (third["name"], third["table"]) == ("pspnet_r50-d8_x", "LoveDA")
    assert [table["heading"] for table in content["tables"]] == ["Cityscapes", "ADE20K", "LoveDA"]


@pytest.mark.parametrize(
    ("result", "dataset"),
    [
        ("{Task: Object Detection, Dataset: nuImages, Metrics: {box AP: 49.7}}", None),
        ("{Task: Object Detection, Dataset: Cityscapes, Metrics: {box AP: 40.6}}", None),
        ("{Dataset: COCO, Metrics: {Box AP: 40.6}}", "coco"),
        ("{Dataset: [COCO, LVIS], Metrics: {Box AP: 40.6}}", None),
    ],
)
def test_a_data_set_is_the_one_that_is_stated(
    tmp_path: Path, result: str, dataset: str | None
) -> None:
    name = "mask_rcnn_hrnetv2p_w18_coco-2x_1x_nuim"
    text = f"- {{Name: {name}, In Collection: Mask R-CNN, Results: {result}}}\n"
    imported = import_file(write(tmp_path, "metafile.yml", text), NOTHING_KNOWN)
    assert imported.left_out == ()
    [row] = rows_in(imported, NOTHING_KNOWN)
    assert (row["name"], row["setup"].get("dataset")) == (name, dataset)
    assert row["setup"].get("num_classes") == (80 if dataset else None)


def test_numbers_of_other_tasks_are_other_numbers(tmp_path: Path, run_cli: RunCli) -> None:
    result = "{Task: Action Recognition, Dataset: Kinetics-400, Metrics: {Top 1 Accuracy: 70.1}}"
    pose = "{Task: Body 2D Keypoint, Dataset: COCO, Metrics: {AP: 0.746}}"
    text = f"Models: [{{Name: a, Results: {result}}}, {{Name: b, Results: {pose}}}]"
    finished = run_cli("import", write(tmp_path, "metafile.yml", text))
    assert finished.code == 3
    assert finished.err.count("states none of: mIoU, ") == 2
    assert parsed(finished.out)["rows"] is None


def test_parts_of_a_name_that_may_be_other_layers_leave_the_architecture_open(
    tmp_path: Path,
) -> None:
    name = "htc_x101_64x4d_fpn_dconv_c3-c5_16x1_20e_coco"
    text = f"Models: [{{Name: {name}, In Collection: HTC, Config: {name}.py,\n"
    text += "  Results: {Dataset: COCO, Metrics: {box AP: 50.4}}}]"
    [row] = rows_in(import_file(write(tmp_path, "metafile.yml", text), ZOO))
    assert {"architecture", "neck"}.isdisjoint(row["setup"])
    plain = text.replace("dconv_c3-c5_", "")
    [row] = rows_in(import_file(write(tmp_path, "metafile.yml", plain), ZOO))
    assert (row["setup"]["architecture"], row["setup"]["neck"]) == ("htc_x101", "fpn")


def test_collections_alone_are_no_models(tmp_path: Path, run_cli: RunCli) -> None:
    write(tmp_path, "collections.yml", "Collections:\n- Name: PSPNet\n")
    alone = run_cli("import", tmp_path / "collections.yml")
    assert (alone.code, "collections.yml lists no models" in alone.err) == (3, True)
    write(tmp_path, "metafile.yml", PSPNET)
    index = write(tmp_path, "index.yml", "Import: [collections.yml, metafile.yml]")
    finished = run_cli("import", index)
    assert finished.code == 0
    assert len(parsed(finished.out)["rows"]) == 3


def test_files_that_import_each_other_end(tmp_path: Path, run_cli: RunCli) -> None:
    write(tmp_path, "a.yml", "Import: b.yml\n" + SEGMENTATION_METAFILE)
    write(tmp_path, "b.yml", "Import: [a.yml]\n")
    finished = run_cli("import", tmp_path / "a.yml")
    assert finished.code == 3
    assert f'{tmp_path / "b.yml"}:1: "a.yml" cannot be imported: it was read already' in (
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


def imported(path: Path) -> list[object]:
    return list(read_metafile(path, "source"))


def test_each_file_is_imported_once(tmp_path: Path) -> None:
    """Two that import each other and themselves ten times would be read without an end."""
    for name, other in (("a", "b"), ("b", "a")):
        lines = [f"  - {one}.yml\n" for one in (name, other) * 10]
        (tmp_path / f"{name}.yml").write_text("Import:\n" + "".join(lines))
    found = imported(tmp_path / "a.yml")
    assert len(found) == 39
    assert all("it was read already" in str(one) for one in found)


def test_imports_have_an_end(tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.yml").write_text(f"Import:\n  - {i + 1}.yml\n")
    [found] = imported(tmp_path / "0.yml")
    assert "20 one within the other" in str(found)
    (tmp_path / "index.yml").write_text("Import:\n" + "  - /dev/zero\n  - 'a\\0b'\n  - \"a\\0b\"\n")
    assert [
        why for one, why in zip(imported(tmp_path / "index.yml"),
                                ["not a regular file", "No such file", "no file is called so"],
                                strict=True) if why in str(one)
    ] == ["not a regular file", "No such file", "no file is called so"]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
        + "Models: *a11\n",
        "Models: &a [" + "*a, " * 20 + "]\n",
        "Models: &m\n" + "  - Name: x\n" * 1000 + "Collections: [" + "*m, " * 400 + "]\n",
    ],
    ids=["laughs", "itself", "products"],
)
def test_aliases_are_counted_as_often_as_they_are_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "metafile.yml").write_text(text)
    with pytest.raises(ReadmeError, match="more than 200000 values"):
        imported(tmp_path / "metafile.yml")
