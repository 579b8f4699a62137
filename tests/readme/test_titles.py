"""What columns hold: spellings that mean the same, and titles that leave it open."""

from __future__ import annotations

import pytest

from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.results import titles_of
from hrnet_zoo.readme.titles import columns_of


def columns(*titles: str, above: str = "", cells: tuple[str, ...] = ()) -> dict[str, int]:
    row = cells or ("50.0",) * len(titles)
    text = f"{above}\n\n| {' | '.join(titles)} |\n{'|---' * len(titles)}|\n| {' | '.join(row)} |\n"
    [table] = read_markdown(text).tables
    return columns_of(table, titles_of([]))


SPELLINGS = {
    "miou": "mIoU; MIoU; mIoU (%); mIoU(%); **mIoU**; mIoU\u2191; Mean IoU; mIoU (SS); val mIoU",
    "miou_ms_flip": "mIoU(ms+flip); mIoU (ms+flip); mIoU ms+flip; mIoU<br>(MS/Flip)",
    "box_ap": "box AP; Box MAP; bbox_mAP; AP<sup>box</sup>; box<br/>AP; mAP<sup>box<br>50-95",
    "mask_ap": "mask AP; mask mAP; segm AP; AP<sup>mask</sup>; mask AP (%)",
    "top1": "Top-1 (%); Top-1; top1; Top-1 Acc; Top-1 Acc. (%); Top 1 Accuracy; acc@1; Acc@1 (%)",
    "top5": "Top-5 (%); Top5; acc@5",
    "params_m": "Params (M); #Params; #Param; # Params (M); Param # (M); param_count",
    "flops_g": "Flops (G); FLOPs; GFLOPs; FLOPs(G)",
    "fps": "fps; FPS; Inf time (fps); Speed (FPS)",
    "train_memory_gb": "Mem (GB); train<br/>mem<br/>(GB); Memory (GB)",
}
OTHERS = """\
mIoU (flip); mIoU (MS); mIoU (SS/MS); mIoU / mAcc; \u0394 mIoU; \u2206mIoU; mIoU gain; mIoU (test);
box AP50; AP<sup>box</sup><sub>50</sub>; box AR; box AP (test-dev); VOC mAP; AP<sup>m</sup>;
Boundary AP; kp. AP; top1_err; Top-1 error; Top-1 err; Top-5 err. (%); Top-1 (err);
Top-1 / Top-5; Acc; FPS (TRT); Inf time (ms); Mem; AP; mAP; AR; Cityscapes mIoU"""


@pytest.mark.parametrize("column", SPELLINGS)
def test_spellings(column: str) -> None:
    for title in SPELLINGS[column].split("; "):
        assert columns("Method", title) == {"method": 0, column: 1}, title


@pytest.mark.parametrize("title", OTHERS.replace("\n", " ").split("; "))
def test_titles_that_mean_something_else(title: str) -> None:
    assert columns("Method", title) == {"method": 0}


COCO = "# Detectors\n\nObject detection on COCO"


@pytest.mark.parametrize("title", ["AP", "mAP", "mAP<sup>val<br>50-95", "AP (minival)", "COCO AP"])
def test_ap_alone_is_of_boxes_where_nothing_else_can_be_meant(title: str) -> None:
    assert columns("Method", title, above=COCO) == {"method": 0, "box_ap": 1}
    for above in (
        "Instance segmentation and detection on COCO",
        "COCO, with detected persons",
        "Keypoint detection on COCO",
        "Detection on Pascal VOC",
        "Detection",
        "COCO",
    ):
        assert columns("Method", title, above=above) == {"method": 0}, above
    for other in ("AR", "mask AP@50", "PQ", "AR<sup>50</sup>"):
        assert columns("Method", title, other, above=COCO) == {"method": 0}, other
    assert columns("Method", title, "box AP", above=COCO) == {"method": 0}


def test_two_columns_of_one_metric_say_nothing() -> None:
    assert columns("Method", "mIoU", "mIoU", "fps") == {"method": 0, "fps": 3}
    assert columns("Method", "mIoU", "mIoU (%)") == {"method": 0}


def test_cells_of_another_kind_say_nothing() -> None:
    assert columns("Model", "mIoU", cells=("a", "0.753")) == {"model": 0}
    assert columns("Model", "FLOPs", cells=("a", "180 MMACs")) == {"model": 0}
    assert columns("Name", "mIoU", cells=("COCO-Stuff 10k", "40.1")) == {"miou": 1}
    assert columns("Name", "mIoU", cells=("Cityscapes", "40.1")) == {"miou": 1}
    assert columns("Name", "mIoU", cells=("LipNet", "40.1")) == {"model": 0, "miou": 1}
    # What is wrong in a column of results is for lint to say.
    assert columns("Model", "mIoU", cells=("a", "80,4")) == {"model": 0, "miou": 1}


def test_model_behind_the_results_is_a_link() -> None:
    assert columns("Backbone", "mIoU", "Model") == {"backbone": 0, "miou": 1}
    assert columns("mIoU", "Model") == {"miou": 0, "model": 1}
    assert columns("mIoU", "Backbone", "Method") == {"miou": 0, "backbone": 1, "method": 2}


def test_a_first_column_of_configurations_names_the_models() -> None:
    assert columns("Config", "mIoU") == {"model": 0, "miou": 1}
    assert columns("Config", "Backbone", "mIoU") == {"config": 0, "backbone": 1, "miou": 2}
    assert columns("Weight", "mIoU") == {"model": 0, "miou": 1}
    assert columns("Initialised from", "mIoU", "Weight") == {"miou": 1}
