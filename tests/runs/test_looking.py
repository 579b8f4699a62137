"""On a GPU networks get images in the layout that was measured to be faster there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.runs.looking import Look, Looking
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.timing.observations import Layout, LayoutMeasured
from hrnet_zoo.zoo.manifest import load_zoo

CLASSIFIER = load_zoo(MANIFEST).rows[2]


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_images_come_in_the_layout_of_the_network(layout: Layout) -> None:
    look = Look(
        name=CLASSIFIER.name,
        setup=CLASSIFIER.setup,
        metrics=["top1"],
        checkpoint=next((MANIFEST.parent / "checkpoints").glob("hrnet-w2s*.pth")),
        data_folder=DATA_ROOT,
        num_workers=1,
    )
    looking = Looking(look, torch.device("cpu"), Silent())
    assert looking.settings.memory_format == "channels_last"
    assert not looking.settings.cuda_graphs
    # The rest needs no GPU, but is done only on one.
    looking.device, looking._look = torch.device("cuda"), replace(look, graphs=False)
    seen: list[bool] = []

    def network(image: Tensor) -> Tensor:
        seen.append(image.is_contiguous())
        return image

    image = torch.zeros(1, 8, 8, 3).permute(0, 3, 1, 2)
    looking._on_device(network, LayoutMeasured(layout=layout))(image)
    assert seen == [layout == "contiguous"]
