"""Whether the parts of an interrupted run were computed alike.

Runs go on only with what was: records of earlier versions may have other parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hrnet_zoo.records.accuracy import Segment, Settings
from hrnet_zoo.system.environment import Environment

_PACKAGES = ("hrnet-zoo", "torch", "torchvision", "numpy", "pillow", "openvino")


def segment_differences(segments: Iterable[Segment]) -> Iterator[str]:
    """Yield in what that can move digits the segments of a run differ.

    Threads, memory layout and CUDA graphs are left out: they only change the order of sums, and
    that is what allowances are for. Another version may resize, decode or count in another way,
    and the value would be of neither.
    """
    said = [
        digits_of(segment.settings, segment.environment)
        for segment in segments
        if segment.num_images
    ]
    for what in said[0] if said else ():
        seen = list(dict.fromkeys(each[what] for each in said))
        if len(seen) > 1:
            yield f"its parts were computed with other {what}: {', then '.join(seen)}"


def digits_of(settings: Settings, environment: Environment) -> dict[str, str]:
    """Return what can move digits, by what it is called."""
    kind = settings.device.partition(":")[0]
    processors = _gpus(settings, environment) if kind == "cuda" else [environment.cpu or "unknown"]
    used = {name: environment.packages.get(name, "none") for name in _PACKAGES}
    on_gpu = {"CUDA": environment.cuda, "cuDNN": environment.cudnn} if kind == "cuda" else {}
    return {
        "devices": kind,
        "processors": ", ".join(dict.fromkeys(processors)),
        "engines": settings.engine.name,
        "precision": "TF32" if settings.tf32 else settings.dtype,
        "OpenCV": str(environment.opencv),
        **used,
        **{name: str(version) for name, version in on_gpu.items()},
    }


def _gpus(settings: Settings, environment: Environment) -> list[str]:
    """Return the names of the GPUs that were used; of all, where it is not known which."""
    names = environment.gpus
    used = [int(number) for number in re.findall(r"cuda:(\d{1,4})", settings.device)]
    return [names[number] for number in used if number < len(names)] or names
