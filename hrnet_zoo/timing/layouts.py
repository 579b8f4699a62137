"""Which memory layout of its maps a network is faster in, on the device it is on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from hrnet_zoo.system.devices import synchronised_time
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import Layout, LayoutMeasured
from hrnet_zoo.timing.sampling import Clock

FORMATS: dict[Layout, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}

_TURNS = 5
"""Counted ones; one more comes first, in which kernels are chosen."""


def has_to_be_measured(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether it is not known beforehand which layout is faster.

    On CPUs channels-last is, as measured long ago, and tensor cores want it for half precision. In
    float32 on a GPU it depends on the network, the GPU and the version of cuDNN: kernels for
    channels-last may be missing, those of grouped convolutions among them (pytorch#44943, #34977).
    """
    return device.type == "cuda" and dtype == torch.float32


def faster_layout(
    network: nn.Module,
    compute: Callable[[Tensor], object],
    example: Tensor,
    *,
    clock: Clock | None = None,
) -> LayoutMeasured:
    """Return the layout that a network is faster in, and leave the network in it.

    Kernels are chosen as the caller has set (TF32, cudnn.benchmark). Called outside inference mode,
    which would make weights of its own kind of those that change their layout.

    Args:
        network: on its device, in eval mode.
        compute: what is done with an input, by the network.
        example: an input [N, 3, H, W] on the network's device.
        clock: seconds, once the device has done its work.

    Returns:
        Channels-last and no seconds, unless it has to be measured.
    """
    device, dtype = example.device, next(network.parameters()).dtype
    if not has_to_be_measured(device, dtype):
        network.to(memory_format=torch.channels_last)
        return LayoutMeasured(layout="channels_last")
    clock = clock or partial(synchronised_time, device)
    seconds: dict[Layout, list[float]] = {layout: [] for layout in FORMATS}
    for _ in range(1 + _TURNS):
        for layout, form in FORMATS.items():
            network.to(memory_format=form)
            image = example.contiguous(memory_format=form)
            with torch.inference_mode():
                begin = clock()
                compute(image)
                seconds[layout].append(clock() - begin)
    medians = {layout: round(median(taken[1:]), 7) for layout, taken in seconds.items()}
    faster = min(medians, key=medians.__getitem__)
    network.to(memory_format=FORMATS[faster])
    return LayoutMeasured(
        layout=faster,
        contiguous_s=medians["contiguous"],
        channels_last_s=medians["channels_last"],
    )
