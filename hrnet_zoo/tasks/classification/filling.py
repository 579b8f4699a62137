"""Random weights with which classifiers tell images apart."""

from __future__ import annotations

from hrnet_zoo.tasks.filled import Filling

CLASSIFICATION_FILLING = Filling(
    gains=(
        (r"^head\.fc", 1.5),
        (r"^neck", 1.2),
        (r"\.branches\..*conv2\.weight|\.layer1\..*conv3\.weight", 0.6),
        (r"", 1.0),
    ),
    salt="cls-3/",
    spread=0.03,
    is_centred=True,
)
