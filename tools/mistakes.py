"""Mistakes that are easily made in an evaluation, made on purpose, and changes that are none.

Each changes this process while its context lasts. Users of upstream made some; others are of
`mutations.json` in tests/data/detection and tests/data/classification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from hrnet_zoo.datasets import transforms
from hrnet_zoo.models import hrnet, layers
from hrnet_zoo.models.detection import fcos, heads, roi_features, roi_head, rpn, two_stage
from hrnet_zoo.runs.looking import Looking
from hrnet_zoo.runs.references import all_references
from hrnet_zoo.runs.self_test import SelfTest
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import networks
from hrnet_zoo.tasks.classification import evaluation
from hrnet_zoo.tasks.classification import protocol as of_classes
from hrnet_zoo.tasks.detection import protocol as of_detections
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.tasks.segmentation import protocol as of_labels
from hrnet_zoo.timing.observations import LayoutMeasured

Context = AbstractContextManager[object]

WHOLE, WINDOWS, MS_FLIP = "fcn_hrnet, whole", "fcn_hrnet, slide", "fcn_hrnet, ms+flip"
FCOS, FASTER, CASCADE = "fcos_hrnet", "faster_rcnn_hrnet", "cascade_rcnn_hrnet"
HTC = "htc_hrnet"
HARBOUR, TOWER = "hrnet_classifier, harbour", "hrnet_classifier, tower"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of how images are evaluated."""

    name: str
    make: Callable[[], Context]
    on: tuple[str, ...]
    """The references that can tell it."""


def found_with(change: Change, name: str, cache_dir: Path) -> ReferenceAgreement:
    """Return how far upstream's answer on a reference is given with a change.

    Args:
        change: it is undone afterwards.
        name: of the reference.
        cache_dir: an empty folder: what is found must not be taken for the installation's.
    """
    (reference,) = (each for each in all_references() if each.name == name)
    cpu = torch.device("cpu")
    test = SelfTest(device=cpu, engine="torch", graphs=True, cache_dir=cache_dir)
    with change.make():
        (found,) = test.run([reference], Silent())
    return found


def _put(module: Any, name: str, new: object) -> Callable[[], Context]:
    return lambda: mock.patch.object(module, name, new)


def _wrapped(module: Any, name: str, wrap: Callable[..., object]) -> Callable[[], Context]:
    """Return what replaces a function by one that is given the function and what it is given."""
    return lambda: mock.patch.object(module, name, partial(wrap, getattr(module, name)))


def _several(*made: Callable[[], Context]) -> Callable[[], Context]:
    @contextmanager
    def entered() -> Iterator[None]:
        with ExitStack() as stack:
            for make in made:
                stack.enter_context(make())
            yield

    return entered


def tf32(x: Tensor) -> Tensor:
    """Return a float32 tensor with 10 of its 23 bits of mantissa, rounded to the nearest."""
    return ((x.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


def _in_tf32(function: Any, x: Tensor, weight: Tensor, *rest: Any, **named: Any) -> Tensor:
    found: Tensor = function(tf32(x), tf32(weight), *rest, **named)
    return found


def _pillow(_: Any, image: Any, size: tuple[int, int], **__: Any) -> Any:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def _area(resize: Any, image: Any, size: tuple[int, int], **_: Any) -> Any:
    return resize(image, size, interpolation=cv2.INTER_AREA)


def _cut_off(_: Any, size: tuple[int, int], scale: tuple[int, int]) -> tuple[int, int]:
    factor = min(max(scale) / max(size), min(scale) / min(size))
    return int(size[0] * factor), int(size[1] * factor)


def _reversed_channels(original: Any, image: Any, *rest: Any) -> Tensor:
    return original(np.ascontiguousarray(image[:, :, ::-1]), *rest)  # type: ignore[no-any-return]


def _other_corners(original: Any, x: Tensor, *rest: Any, **named: Any) -> Tensor:
    if named.get("mode") == "bilinear":
        named["align_corners"] = not named.get("align_corners", False)
    return original(x, *rest, **named)  # type: ignore[no-any-return]


def _only_every_second() -> Context:
    """Let logits go from the network's stride to the image's own size in one step."""
    is_first, original = cycle((True, False)), of_labels.resize  # type: ignore[attr-defined]
    return mock.patch.object(
        of_labels, "resize", lambda x, size: x if next(is_first) else original(x, size)
    )


def _mean_of_logits(self: Any, logits: Tensor, *, mirrored: bool) -> None:
    self._passes += 1
    resized = self._resize(logits).clone()
    self._sums[mirrored] = self._sums[mirrored] + resized if mirrored in self._sums else resized


def _mean_of_probabilities(original: Any, network: Any, x: Tensor, **named: Any) -> Tensor:
    return original(lambda part: network(part).softmax(dim=1), x, **named)  # type: ignore[no-any-return]


def _padded_to_128(original: Any, resized: Any, protocol: Any, device: Any) -> Tensor:
    return original(resized, replace(protocol, size_divisor=128), device)  # type: ignore[no-any-return]


def _one_factor(original: Any, *given: Any) -> Any:
    geometry = original(*given)
    return replace(geometry, scale_factors=(geometry.scale_factors[0],) * 2)


def _root(original: Any, boxes: Tensor, scores: Tensor, *rest: Any, **named: Any) -> Any:
    named["factors"] = named["factors"].sqrt()
    named["score_threshold"] **= 0.5
    return original(boxes, scores.sqrt(), *rest, **named)


def _half_a_cell(original: Any, size: Any, stride: int, device: Any) -> Tensor:
    return original(size, stride, device) + stride / 2  # type: ignore[no-any-return]


def _padded_size(original: Any, found: Any, size: tuple[int, int], numbers: Any) -> Any:
    height, width = (-(-side // 32) * 32 for side in size)
    return original(found, (height, width), numbers)


def _with(original: Any, *rest: Any, changed: dict[str, Any], **named: Any) -> Any:
    return original(*rest, **{**named, **changed})


def _with_pillow(image: Any, short: int) -> Any:
    size = of_classes.short_side_size((image.shape[1], image.shape[0]), short)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def _with_opencv(image: Any, short: int) -> Any:
    size = of_classes.short_side_size((image.shape[1], image.shape[0]), short)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _with_torch(image: Any, short: int) -> Any:
    width, height = of_classes.short_side_size((image.shape[1], image.shape[0]), short)
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).contiguous().numpy()


def _resized_by(resize: Callable[[Any, int], Any]) -> Callable[[], Context]:
    """Return what has classifiers' images resized by another function."""

    def cropped(original: Callable[..., Any], image: Any, protocol: Any) -> Any:
        return original(image, replace(protocol, resize=resize))

    return _wrapped(evaluation, "cropped_image", cropped)


def _rounded(_: Any, size: tuple[int, int], short: int) -> tuple[int, int]:
    factor = short / min(size)
    return round(size[0] * factor), round(size[1] * factor)


def _enlarged_in_one_step() -> Context:
    original = hrnet.Fusion.forward

    def forward(self: Any, maps: list[Tensor]) -> Tensor:
        self._upsample = lambda x, _, size: layers.resize(x, size)
        return original(self, maps)

    return mock.patch.object(hrnet.Fusion, "forward", forward)


def _log_of_mean(stages: list[Tensor]) -> Tensor:
    return torch.stack(stages).softmax(dim=-1).mean(dim=0).log()


def _one_lower(original: Any, *given: Any) -> tuple[int, int]:
    top, left = original(*given)
    return top + 1, left


def _with_two_threads() -> Context:
    @contextmanager
    def entered() -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(before + 1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    return entered()


_ALL, _RESIZED = (WHOLE, FCOS, TOWER), (WHOLE, MS_FLIP, FCOS)
_RATIOS = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
_STDS = (*roi_head.STAGE_STDS[:2], (0.033, 0.033, 0.066, 0.066))
_REVERSED = [
    _wrapped(module, "to_network_input", _reversed_channels)
    for module in (of_labels, of_detections, of_classes)
]
_FOLDED = [_put(module, "folded", lambda model: model) for module in (of_labels, networks)]
_CONTIGUOUS = LayoutMeasured(layout="contiguous")

MISTAKES = (
    Change(
        name="TF32, emulated",
        make=_several(_wrapped(F, "conv2d", _in_tf32), _wrapped(F, "linear", _in_tf32)),
        on=(*_ALL, MS_FLIP),
    ),
    Change(name="channels in the other order", make=_several(*_REVERSED), on=_ALL),
    Change(name="BatchNorm eps 1e-3", make=_put(layers, "_NORM_EPS", 1e-3), on=_ALL),
    Change(name="Pillow's resize", make=_wrapped(cv2, "resize", _pillow), on=_RESIZED),
    Change(name="OpenCV's INTER_AREA", make=_wrapped(cv2, "resize", _area), on=_RESIZED),
    Change(
        name="sizes cut off, not rounded",
        make=_wrapped(transforms, "keep_ratio_size", _cut_off),
        on=(WHOLE, MS_FLIP),
    ),
    Change(
        name="corners aligned in resizes of maps",
        make=_wrapped(F, "interpolate", _other_corners),
        on=(WHOLE, FCOS),
    ),
    Change(name="logits resized in one step", make=_only_every_second, on=(WHOLE,)),
    Change(
        name="fused maps enlarged in one step",
        make=_enlarged_in_one_step,
        on=(WHOLE,),
    ),
    Change(
        name="probabilities of windows averaged",
        make=_wrapped(of_labels, "slide", _mean_of_probabilities),
        on=(WINDOWS,),
    ),
    Change(
        name="ratios 0.75 to 2.0 instead of 0.5 to 1.75",
        make=_put(of_labels, "MS_FLIP_RATIOS", _RATIOS),
        on=(MS_FLIP,),
    ),
    Change(
        name="logits of sizes averaged",
        make=_put(of_labels._Mean, "add", _mean_of_logits),
        on=(MS_FLIP,),
    ),
    Change(
        name="padding to 128 instead of 32",
        make=_wrapped(of_detections, "padded_input", _padded_to_128),
        on=(FCOS, FASTER),
    ),
    Change(
        name="one scale factor for both axes",
        make=_wrapped(of_detections, "geometry_of", _one_factor),
        on=(FCOS, FASTER),
    ),
    Change(name="GroupNorm eps 1e-3", make=_put(fcos, "_NORM_EPS", 1e-3), on=(FCOS,)),
    Change(
        name="root of score times centerness",
        make=_wrapped(fcos, "multiclass_nms", _root),
        on=(FCOS,),
    ),
    Change(
        name="maximum instead of mean in the neck",
        make=_put(F, "avg_pool2d", F.max_pool2d),
        on=(FCOS,),
    ),
    Change(
        name="anchors at half a cell",
        make=_wrapped(rpn, "grid_anchors", _half_a_cell),
        on=(FASTER,),
    ),
    Change(
        name="RoIAlign not aligned",
        make=_wrapped(roi_features, "roi_align", partial(_with, changed={"aligned": False})),
        on=(FASTER,),
    ),
    Change(
        name="RoIAlign with two samples",
        make=_wrapped(roi_features, "roi_align", partial(_with, changed={"sampling_ratio": 2})),
        on=(FASTER,),
    ),
    Change(
        name="regions of 64 pixels on the finest level",
        make=_put(roi_features, "_FINEST_SIZE", 64),
        on=(FASTER,),
    ),
    Change(
        name="proposals cut at the padding",
        make=_wrapped(two_stage, "proposals", _padded_size),
        on=(FASTER,),
    ),
    Change(
        name="probabilities of stages averaged",
        make=_put(roi_head, "mean_logits", _log_of_mean),
        on=(CASCADE,),
    ),
    Change(
        name="0.066 for 0.067 in the last stage",
        make=_put(roi_head, "STAGE_STDS", _STDS),
        on=(CASCADE,),
    ),
    Change(
        name="masks of the last stage only",
        make=_put(roi_head, "mean_probabilities", lambda stages: stages[-1].sigmoid()),
        on=(HTC,),
    ),
    Change(
        name="corners not aligned in the semantic branch",
        make=_put(heads, "_resized", partial(F.interpolate, mode="bilinear")),
        on=(HTC,),
    ),
    Change(
        name="Pillow's bicubic",
        make=_resized_by(_with_pillow),
        on=(TOWER,),
    ),
    Change(
        name="OpenCV's bilinear",
        make=_resized_by(_with_opencv),
        on=(TOWER,),
    ),
    Change(
        name="torch's bilinear with antialiasing, in bytes",
        make=_resized_by(_with_torch),
        on=(TOWER,),
    ),
    Change(
        name="longer side rounded, not cut off",
        make=_wrapped(of_classes, "short_side_size", _rounded),
        on=(HARBOUR,),
    ),
    Change(
        name="crop one pixel lower",
        make=_wrapped(of_classes, "centre_corner", _one_lower),
        on=(TOWER,),
    ),
)
"""No evaluation with any of them may be called a match."""

EQUIVALENTS = (
    Change(name="BatchNorm not folded", make=_several(*_FOLDED), on=_ALL),
    Change(
        name="contiguous maps",
        make=_put(Looking, "_faster_layout", lambda *_: _CONTIGUOUS),
        on=_ALL,
    ),
    Change(
        name="without oneDNN",
        make=lambda: torch.backends.mkldnn.flags(enabled=False),
        on=_ALL,
    ),
    Change(name="one thread more", make=_with_two_threads, on=_ALL),
)
"""What may differ from machine to machine."""
