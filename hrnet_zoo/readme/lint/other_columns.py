"""What the titles of columns tell that no table of ours has.

Nothing is read from such columns; but what stands there keeps rows from being called blank, without
an accuracy, or the same.
"""

from __future__ import annotations

import re

from hrnet_zoo.readme.html_tables import plain_text

_ACCURACY = re.compile(
    r"(?<![a-z])(box|mask|bbox|segm?)?[ _-]?m?a(p|r|ph)(?![a-z])|(?<![a-z])[psr]q(?![a-z])|iou"
    r"|acc|dice|top[ _-]?\d|f1|f-?score|pck|auc|epe|nds|mot[ap]|hota|recall|precision|score|error"
    r"|nme|mae|psnr|ssim|jaccard|kappa|rmse"
)
_EVALUATION = re.compile(
    r"(?<![a-z])(test|eval|val)|data ?set|split|flip|scale|tta|proposal|detector"
)


def is_accuracy(title: str) -> bool:
    """Whether a column's title, in lower case, names a measure of how right a model is."""
    return _ACCURACY.search(plain_text(title)) is not None


def is_evaluation(title: str) -> bool:
    """Whether a column's title, in lower case, is about how or on what a model was tested."""
    return _EVALUATION.search(title) is not None
