"""Passes over a probe's images in which something is otherwise, whatever the task."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.other_resizes import RESIZES, USUAL_RESIZE
from hrnet_zoo.datasets.transforms import Resize, keep_ratio_size
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.causes import Cause, Family, Hypothesis
from hrnet_zoo.tasks.evaluation import Evaluator
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.probe import Probe

KNOWN_EPS = (1e-5, 1e-3)
"""What PyTorch adds to variances, and what TensorFlow and Keras add."""
_COMMON = (
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
)
"""Means and standard deviations that many networks take: bytes as they are, 0 to 1, -1 to 1."""
ALIKE_RESIZES = "another decoder of images, which rounds otherwise, too"
_TF32_DROPPED = 13
"""Bits of a float32's mantissa that TF32 lacks."""


def hypothesis(
    probe: Probe, family: Family, change: str, alike: str = "", **otherwise: Any
) -> Hypothesis:
    """Return the cause that a pass is free from in which something is otherwise; see `look`."""
    return Hypothesis(
        cause=Cause(family=family, change=change, alike=alike),
        reweighted=lambda: probe.reweighted(probe.look(**otherwise)),
    )


def of_inputs(probe: Probe, known: Iterable[Normalisation]) -> Iterator[Hypothesis]:
    """Yield other orders of channels and other normalisations.

    Args:
        probe: what is looked at otherwise.
        known: normalisations that rows have.
    """
    own = probe.setup.normalisation
    order = "bgr" if own.channel_order == "rgb" else "rgb"
    words = f"{order.upper()} for {own.channel_order.upper()}"
    swapped = own.model_copy(update={"channel_order": order})
    turned = _turned(own)
    others = {_said(each): each for each in known}
    for mean, std in _COMMON:
        each = Normalisation(channel_order=own.channel_order, mean=mean, std=std)
        others.setdefault(_said(each), each)
    for each in [*others.values()]:
        if each.channel_order != own.channel_order:
            others.setdefault(_said(_turned(each)), _turned(each))

    def with_normalisation(family: Family, change: str, other: Normalisation) -> Hypothesis:
        setup = probe.setup.model_copy(update={"normalisation": other})
        return hypothesis(probe, family, change, setup=setup)

    yield with_normalisation("channels", words, swapped)
    if turned.mean != own.mean or turned.std != own.std:
        yield with_normalisation("channels", f"{words}, mean and std with them", turned)
    for said, each in others.items():
        if each not in (own, swapped, turned):
            yield with_normalisation("normalisation", said, each)


def _turned(normalisation: Normalisation) -> Normalisation:
    """Return the same for the other order of channels."""
    order: Literal["rgb", "bgr"] = "bgr" if normalisation.channel_order == "rgb" else "rgb"
    mean, std = normalisation.mean[::-1], normalisation.std[::-1]
    return Normalisation(channel_order=order, mean=mean, std=std)


def _said(normalisation: Normalisation) -> str:
    mean, std = (
        ", ".join(f"{value:g}" for value in values)
        for values in (normalisation.mean, normalisation.std)
    )
    return f"{normalisation.channel_order.upper()}, mean {mean}, std {std}"


def of_numerics(probe: Probe) -> Iterator[Hypothesis]:
    """Yield other constants of BatchNorm, and other rounding."""
    norms = [m for m in probe.model.modules() if isinstance(m, nn.BatchNorm2d)]
    for eps in KNOWN_EPS:
        if any(norm.eps != eps for norm in norms):
            change = f"BatchNorm with eps {eps:g}"
            yield _with_model(probe, "normalising layers", change, _with_eps(eps))
    unfolded = probe.task.networks.unfolded(probe.model)
    yield hypothesis(probe, "rounding", "BatchNorm not folded", network=unfolded)
    change, alike = "products rounded to TF32", "other kernels, which round otherwise, too"
    yield Hypothesis(
        cause=Cause(family="rounding", change=change, alike=alike),
        reweighted=lambda: _in_tf32(probe),
    )


def of_resizes(
    probe: Probe, to_change: Callable[[Resize], Callable[[Any], Evaluator[Any]]]
) -> Iterator[Hypothesis]:
    """Yield other ways to bring images into a box; see `only_if_shown`.

    Args:
        probe: what is looked at otherwise.
        to_change: from a resize to the change of an evaluator that resizes so.
    """

    def keeping_ratio(resize: Resize) -> Resize:
        return lambda image, box: resize(image, keep_ratio_size(image.shape[1::-1], box))

    usual = RESIZES[USUAL_RESIZE]
    yield only_if_shown(probe, "size", "images not resized", to_change(lambda image, _: image))
    yield only_if_shown(probe, "size", "ratio of sides not kept", to_change(usual))
    for name, resize in RESIZES.items():
        if name != USUAL_RESIZE:
            change = to_change(keeping_ratio(resize))
            yield only_if_shown(probe, "resize", f"resized by {name}", change, ALIKE_RESIZES)


def only_if_shown(
    probe: Probe,
    family: Family,
    change: str,
    to: Callable[[Any], Evaluator[Any]],
    alike: str = "",
) -> Hypothesis:
    """Return a cause in what the network sees; where it sees the same, no pass is made."""

    def without() -> Reweighted:
        results = probe.look(change=to) if probe.shows_otherwise(to) else probe.usual
        return probe.reweighted(results)

    return Hypothesis(cause=Cause(family=family, change=change, alike=alike), reweighted=without)


def _with_model(
    probe: Probe, family: Family, change: str, alter: Callable[[Any], Any], alike: str = ""
) -> Hypothesis:
    def without() -> Reweighted:
        network = probe.task.networks.network(alter(probe.model))
        return probe.reweighted(probe.look(network=network))

    return Hypothesis(cause=Cause(family=family, change=change, alike=alike), reweighted=without)


def _with_eps(eps: float) -> Callable[[nn.Module], nn.Module]:
    def alter(model: nn.Module) -> nn.Module:
        model = copy.deepcopy(model)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = eps
        return model

    return alter


def _in_tf32(probe: Probe) -> Reweighted:
    """Return what a pass amounts to whose convolutions get numbers that are rounded as on GPUs.

    Emulated, so that every machine can tell; the sums are exact to float32 on GPUs, too.
    """
    model = folded(probe.model)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data = _rounded_to_tf32(module.weight.data)
            module.register_forward_pre_hook(lambda _, given: (_rounded_to_tf32(given[0]),))
    network = probe.task.networks.unfolded(model)
    return probe.reweighted(probe.look(network=network))


def _rounded_to_tf32(values: Tensor) -> Tensor:
    """Return float32 numbers of any layout with 10 bits of mantissa, rounded to nearest."""
    half = 1 << (_TF32_DROPPED - 1)
    bits = (values.view(torch.int32) + half) & ~((1 << _TF32_DROPPED) - 1)
    return bits.view(torch.float32)


@dataclass(frozen=True, kw_only=True)
class OtherWeights:
    """Weights that are at hand beside those that were evaluated."""

    says: str
    """Which they are, in words."""
    setup: Any
    """As their row sets them up."""
    path: Path
    container: str | None = None
    """Key of the file that they are under; None: the usual one."""


def of_weights(probe: Probe, name: str, others: Iterable[OtherWeights]) -> Iterator[Hypothesis]:
    """Yield other weights.

    Args:
        probe: what is looked at otherwise.
        name: of the row, for messages.
        others: that can be had.
    """
    alike = "inputs that are slightly wrong, for weights of one kind are nearly as good"

    def with_weights(other: OtherWeights) -> Hypothesis:
        def without() -> Reweighted:
            given = (name, other.setup, other.path, probe.device, other.container)
            network = probe.task.networks.network(probe.task.networks.load(*given).model)
            results = probe.look(setup=other.setup, network=network)
            return probe.reweighted(results)

        cause = Cause(family="weights", change=other.says, alike=alike)
        return Hypothesis(cause=cause, reweighted=without)

    yield from map(with_weights, others)
