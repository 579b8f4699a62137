"""Stands in for `system.devices.require_usable` until that computes, too."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from hrnet_zoo.errors import PrerequisiteError


def require_usable(device: torch.device) -> None:
    """Compute a small convolution on a device and read the result back.

    Raises:
        PrerequisiteError: that does not work; the message says what the GPU and this torch are for.
    """
    try:
        image = torch.ones(1, 3, 8, 8, device=device)
        result = F.conv2d(image, torch.ones(1, 3, 3, 3, device=device)).cpu()
    except RuntimeError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
    else:
        if bool((result == 27).all()):
            return
        reason = f"a sum of 27 ones is {result[0, 0, 0, 0]:g}"
    major, minor = torch.cuda.get_device_capability(device)
    msg = (
        f"The device {device} cannot be used: {reason}. It has capability {major}.{minor}, and "
        f"this torch is built for {', '.join(torch.cuda.get_arch_list())}."
    )
    raise PrerequisiteError(msg)
