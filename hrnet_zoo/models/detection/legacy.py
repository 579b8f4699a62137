"""What older checkpoints of detectors call things, and which of them cannot be used at all."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from hrnet_zoo.errors import CheckpointError

_RENAMED = re.compile(r"bbox_head\.fcos_(?=(cls|reg|centerness)\.)")
_SECOND_STAGE_AT_TOP = re.compile(
    r"bbox_head\.(\d\.)?(fc_cls|fc_reg|shared_fcs)\.|mask_head\.|semantic_head\."
)


def modern_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the names that this package's detectors give them.

    FCOS files older than mid-2020, to which the documented ones belong, call the head's last
    convolutions otherwise. Nothing else about them changed, so keys are renamed wherever they
    occur; upstream renames only if the file lacks version numbers.

    Raises:
        CheckpointError: the file is a two-stage detector of the 1.x line.

    Source:
        mmdetection 2.3.0, mmdet/models/dense_heads/anchor_free_head.py, _load_from_state_dict;
        tools/upgrade_model_version.py for what else 1.x files would need.
    """
    # Outside of ``roi_head``, where only 1.x put it.
    key = next(filter(_SECOND_STAGE_AT_TOP.match, state), None)
    if key is not None:
        msg = (
            f"The checkpoint is of mmdetection 1.x ({key} is not under roi_head). There, "
            "background is the first class instead of the last, and boxes follow another "
            "coordinate convention, so its weights would give wrong numbers here. Use the v2.0 "
            "file that the row links."
        )
        raise CheckpointError(msg)
    return {
        f"bbox_head.conv_{key[match.end() :]}" if (match := _RENAMED.match(key)) else key: value
        for key, value in state.items()
    }
