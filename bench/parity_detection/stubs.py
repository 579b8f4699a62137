"""Makes upstream's packages importable, or says what is missing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from unittest import mock

from parity.stubs import require_versions

from parity_detection.operators import compiled_operators

# The goldens were made with these; other versions would be another upstream.
EXPECTED = {"mmdet": "2.3.0", "mmcv": "1.7.2"}

# mmdet 2.3.0 refuses every other one. What it uses of 1.7.2 computes the same, and the operators of
# 1.0.5 do not: its NMS on CPUs drops boxes at the threshold, which that on GPUs keeps.
_MMCV_OF_ITS_TIME = "1.0.5"


def prepare_upstream(folder: Path) -> None:
    """Check upstream's versions, compile its operators and import it.

    Must run before anything of mmdet is imported elsewhere.

    Args:
        folder: for compiled objects.

    Raises:
        MissingUpstreamError: a package or a compiler is missing.
    """
    require_versions(EXPECTED, session="parity_detection")
    sys.modules["mmcv._ext"] = compiled_operators(folder)
    with mock.patch("mmcv.__version__", _MMCV_OF_ITS_TIME):
        importlib.import_module("mmdet")
