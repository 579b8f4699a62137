"""Random weights with which detectors find varied objects."""

from __future__ import annotations

from hrnet_zoo.tasks.filled import Filling

DETECTION_FILLING = Filling(
    gains=(
        (r"^backbone\..*fuse_layers", 0.6),
        (r"^backbone\.(layer|stage)\d.*conv[23]\.weight", 0.6),
        (r"^backbone", 1.0),
        (r"^neck\.reduction_conv", 0.035),
        (r"^neck\.lateral_convs", 0.35),
        (r"rpn_conv|shared_fcs", 1.4),
        (r"rpn_cls", 3.0),
        (r"rpn_reg", 0.35),
        (r"fc_cls", 9.0),
        (r"fc_reg|conv_centerness", 1.5),
        (r"semantic_head\.conv_logits", 1.0),
        (r"semantic_head\.lateral_convs", 0.7),
        (r"semantic_head", 1.2),
        (r"mask_head.*conv_res", 0.7),
        (r"mask_head.*\.convs\.", 1.7),
        (r"mask_head.*upsample", 2.8),
        (r"mask_head.*conv_logits|conv_cls", 4.0),
        (r"bbox_head\.conv_reg", 0.7),
        (r"", 1.0),
    ),
    # So that scores are spread and boxes have sizes.
    shifts=(
        (r"shared_fcs\.1\.bias", -1.5),
        (r"cls_convs\.3\.gn\.bias", -0.7),
        (r"mask_head.*\.convs\.\d\.conv\.bias", -0.5),
        (r"conv_cls\.bias", -6.0),
        (r"bbox_head\.conv_reg\.bias", 3.5),
    ),
    background="fc_cls.bias",
    # Those of W18.
    usual_inputs={"neck.reduction_conv.conv.weight": 270},
)
