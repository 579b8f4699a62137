"""Compare hrnet-zoo with mmpretrain 1.2.0 under the same weights: logits and times of classifiers.

"nox -s parity_classification" installs what is needed and runs this. By hand, bench/ and tools/ on
PYTHONPATH:

    python bench/parity_classification.py [--quick]

Exit codes: 0 all agree, 1 something disagrees, 3 upstream's packages are missing.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classification_fill import filled
from parity import tables
from parity.pairs import Pairs, measure
from parity.stubs import MissingUpstreamError, require_versions
from torch import Tensor

from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

EXPECTED = {"mmpretrain": "1.2.0", "mmcv-lite": "2.1.0", "mmengine": "0.10.7"}
DISAGREES, NO_UPSTREAM = 1, 3

MAX_LOGIT_DIFFERENCE = 4e-4
"""The goldens' tolerance; logits have a standard deviation of 2 to 5. In upstream's layout and
without folding, ours are upstream's to the last bit."""


def main() -> int:
    """Compare the rows of mmpretrain's README, print the results and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one width, few pairs")
    options = parser.parse_args()
    try:
        require_versions(EXPECTED, session="parity_classification")
    except MissingUpstreamError as error:
        print(f"Upstream is missing, nothing was compared: {error}", file=sys.stderr)
        return NO_UPSTREAM
    warnings.simplefilter("ignore")
    # One row for each width, narrow ones first.
    rows = {row.setup.backbone: row for row in load_zoo().select(task="classification")}
    chosen = [rows[name] for name in sorted(rows)][: 1 if options.quick else None]
    pairs, disagreements = [], []
    for row in chosen:
        upstream, ours = _upstream(row), _ours(row)
        image = _image(row)
        difference = _logit_difference(upstream, ours, image)
        print(f"{row.setup.backbone}: logits differ by at most {difference:.1e}", flush=True)
        if not difference <= MAX_LOGIT_DIFFERENCE:
            disagreements.append(row.setup.backbone)
        pairs.append(_forward(row, upstream, ours, image, num_pairs=5 if options.quick else 15))
    print(tables.times(pairs))
    if disagreements:
        print(f"DISAGREES: {', '.join(disagreements)}", file=sys.stderr)
        return DISAGREES
    return 0


def _upstream(row: Row) -> Any:
    """Return upstream's network as its own configuration builds it, with filled weights."""
    import mmpretrain  # noqa: PLC0415 - not installed for those who are told so above
    from mmengine import Config  # noqa: PLC0415
    from mmpretrain.registry import MODELS  # noqa: PLC0415
    from mmpretrain.utils import register_all_modules  # noqa: PLC0415

    register_all_modules()
    width = row.setup.backbone
    configs = Path(mmpretrain.__file__).parent / ".mim" / "configs" / "hrnet"
    config: Any = Config.fromfile(str(configs / f"hrnet-{width}_4xb32_in1k.py"))
    model = MODELS.build(config.model).eval()
    model.load_state_dict(filled(model), strict=True)
    return model


def _ours(row: Row) -> Classifier:
    """Return what we evaluate with, made of the same weights."""
    networks = TASKS[row.task].networks
    with torch.device("meta"):
        model = networks.build(row.setup)
    networks.load_into(model, filled(model))
    network: Classifier = networks.network(model.to(memory_format=torch.channels_last))
    return network


def _image(row: Row) -> Tensor:
    """Return an input [1, 3, 224, 224] as it is prepared, of a picture with edges and slopes."""
    y, x = np.mgrid[: row.setup.test.crop, : row.setup.test.crop]
    picture = np.stack([x, y, (x // 16 + y // 16) % 2 * 255], axis=2).astype(np.uint8)
    return to_network_input(picture, row.setup.normalisation, torch.device("cpu"))


@torch.inference_mode()
def _logit_difference(upstream: Any, ours: Classifier, image: Tensor) -> float:
    theirs = upstream(image.contiguous(), mode="tensor")
    return float((ours(image) - theirs).abs().max())


def _forward(row: Row, upstream: Any, ours: Classifier, image: Tensor, *, num_pairs: int) -> Pairs:
    """Time an image to its logits, each package in its own layout."""
    plain = image.contiguous()

    @torch.no_grad()  # as its test loop has it
    def run_upstream() -> object:
        return upstream(plain, mode="tensor")

    @torch.inference_mode()
    def run_ours() -> object:
        return ours(image)

    crop = row.setup.test.crop
    what = f"forward {crop}x{crop}, {row.setup.backbone}"
    return measure(what, run_upstream, run_ours, num_pairs)


if __name__ == "__main__":
    sys.exit(main())
