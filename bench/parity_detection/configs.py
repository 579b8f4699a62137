"""mmdetection's own configurations of the rows, in the words of its release 2.3.0.

That release's archive has no configurations. Those here come with the wheel of 2.28.2, the last one
of the 2.x line, under the names the README links.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmcv


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What mmdet 2.3.0 needs to know to build and test a detector."""

    model: Any
    """For `mmdet.models.build_detector`."""
    test: Any
    """Its test settings, which 2.3.0 keeps apart from the network."""
    pipeline: list[Any]
    """From an image file to the network's input."""


def read_configuration(name: str, folder: Path) -> Configuration:
    """Return the configuration of a row.

    What is written in another way, but means the same: test settings stand beside the network,
    initial weights are not part of a module, and the settings of the RPN are flat. What is about
    training is left out.

    Args:
        name: of the row.
        folder: the one with "hrnet", "_base_" and so on.
    """
    config = mmcv.Config.fromfile(str(folder / "hrnet" / f"{name}.py"))
    model = config.model
    test = model.pop("test_cfg")
    model.pop("train_cfg")
    # Upstream would download these, and filled weights replace them anyway.
    model.backbone.pop("init_cfg")
    model.get("roi_head", {}).get("semantic_head", {}).pop("loss_seg", None)
    if "rpn" in test:
        test.rpn = _flat(test.rpn)
    pipeline = config.data.test.pipeline
    if name.startswith("fcos_"):
        _normalise_as_in_2020(pipeline, name)
    return Configuration(model=model, test=test, pipeline=list(pipeline))


def _flat(rpn: mmcv.ConfigDict) -> mmcv.ConfigDict:
    """Return the RPN's settings in the words of 2.3.0.

    Source:
        mmdet 2.3.0, mmdet/models/dense_heads/rpn_head.py, _get_bboxes_single: what it reads.
    """
    return mmcv.ConfigDict(
        nms_across_levels=False,
        nms_pre=rpn.nms_pre,
        nms_post=rpn.max_per_img,
        max_num=rpn.max_per_img,
        nms_thr=rpn.nms.iou_threshold,
        min_bbox_size=rpn.min_bbox_size,
    )


def _normalise_as_in_2020(pipeline: list[Any], name: str) -> None:
    """Put the normalisation of the README's FCOS files in place of that of their successors.

    Not taken from our manifest, or a mistake of ours would be made twice.

    Source:
        mmdetection, pull request 4250 (v2.8.0), which corrects it and replaces all files; before
        it, the rows had that of the configurations they were derived from.
    """
    multi_scale = "_mstrain_" in name
    mean = [103.53, 116.28, 123.675] if multi_scale else [102.9801, 115.9465, 122.7717]
    (step,) = [step for step in pipeline[1]["transforms"] if step["type"] == "Normalize"]
    step.update(mean=mean, std=[1.0, 1.0, 1.0], to_rgb=False)
