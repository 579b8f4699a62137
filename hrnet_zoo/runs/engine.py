"""Which engine computes a run's network: another one than torch only if it agrees with torch.

It is asked on the CPU alone, where OpenVINO is up to a third faster than eager torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.records.accuracy import EngineChoice, EngineUsed
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.setup import Setup
from hrnet_zoo.timing.agreement import combined
from hrnet_zoo.timing.engines import require_possible
from hrnet_zoo.timing.inputs import TimedImage, drawn_image, image_from_file
from hrnet_zoo.timing.observations import Agreement
from hrnet_zoo.timing.variants import Recipe, explained

NUM_COMPARED = 2
"""Images of a run on which another engine has to agree with torch, beside a drawn one."""

_TORCH = Recipe(name="torch", fast=True)
_OPENVINO = Recipe(name="openvino", fast=True, engine="openvino")

_ABSOLUTE, _RELATIVE = 1e-4, 1e-5
"""How far maps may be from torch's: so much, and so much of their largest value. Upstream's goldens
of segmentors are held to the same."""


@dataclass(frozen=True, kw_only=True)
class EngineWish:
    """What is to compute the network that looks at images of the user's own."""

    choice: EngineChoice = "torch"
    images: Sequence[Path] = ()
    """Engines are compared on the first of them."""

    def readable_images(self) -> list[TimedImage]:
        """Return the images to compare on; predicting says what is wrong with others."""
        found: list[TimedImage] = []
        for path in self.images if self.choice != "torch" else ():
            with suppress(DatasetError):
                found.append(image_from_file(path))
            if len(found) == NUM_COMPARED:
                break
        return found


@dataclass(frozen=True, kw_only=True)
class ChosenEngine:
    """A network to evaluate with, and the record's words for what computes it."""

    network: Any
    used: EngineUsed


def choose_engine(
    asked: EngineChoice,
    name: str,
    setup: Setup,
    model: nn.Module,
    device: torch.device,
    images: Sequence[TimedImage],
    progress: Progress,
) -> ChosenEngine:
    """Return what computes a network's maps.

    "auto" is OpenVINO if it can be used and agrees with torch; if not, torch, and that is said.

    Args:
        asked: by the user.
        name: of the row, for messages.
        setup: of the row.
        model: with its weights, on ``device``.
        device: where the run computes.
        images: of the run; on them and on a drawn one, engines have to agree.
        progress: is told why it is not OpenVINO.

    Raises:
        PrerequisiteError: OpenVINO was asked for, and cannot be used or does not agree.
    """
    networks, remark = TASKS[setup.task].networks, None
    if asked != "torch":
        try:
            require_possible(_OPENVINO, networks.timing, device)
            progress.begin("comparing OpenVINO with torch", None, "")
            return _in_openvino(setup, model, device, images)
        except PrerequisiteError as error:
            if asked == "openvino":
                reason = str(error).rstrip(".")
                msg = f"{name}: {reason}. Or compute with torch: pass --engine torch or auto."
                raise PrerequisiteError(msg) from None
            remark = str(error)
            progress.say(f"computing with torch, not with OpenVINO: {remark}")
    return ChosenEngine(network=networks.network(model), used=EngineUsed(remark=remark))


def _in_openvino(
    setup: Setup, model: nn.Module, device: torch.device, images: Sequence[TimedImage]
) -> ChosenEngine:
    task = TASKS[setup.task]
    compared = [drawn_image(task.box(setup)), *images]
    timed = task.networks.timed(setup, model, compared, None, device)
    agreements = []
    for i, image in enumerate(compared):
        with explained(_OPENVINO, timed.network_input, device), torch.inference_mode():
            expected_maps, expected = timed.maps_and_answer(_TORCH, i)
            found_maps, found = timed.maps_and_answer(_OPENVINO, i)
        _require_equal_maps(expected_maps, found_maps, image.name)
        agreements.append(timed.agreement(expected, found))
    agreement = combined(agreements)
    _require_equal_answers(agreement, task.networks.timing.min_agreement, task.answers)
    used = EngineUsed(name="openvino", agreement=agreement)
    return ChosenEngine(network=timed.made(_OPENVINO), used=used)


def _require_equal_maps(
    expected_maps: Sequence[Tensor], found_maps: Sequence[Tensor], name: str
) -> None:
    for expected, found in zip(expected_maps, found_maps, strict=True):
        if found.shape != expected.shape:
            shapes = f"{tuple(found.shape)}, not {tuple(expected.shape)}"
            msg = f"on {name} OpenVINO computes maps of {shapes}"
            raise PrerequisiteError(msg)
        difference = float((found - expected).abs().max())
        allowed = _ABSOLUTE + _RELATIVE * float(expected.abs().max())
        # Written so that what is not a number does not pass.
        if not difference <= allowed:
            what = f"up to {difference:.1e}, more than the {allowed:.1e} allowed"
            msg = f"on {name} OpenVINO's maps differ from torch's by {what}"
            raise PrerequisiteError(msg)


def _require_equal_answers(agreement: Agreement, needed: float, answers: str) -> None:
    if agreement.share < needed:
        msg = (
            f"only {agreement.share:.4%} of {agreement.num_compared} {answers} are as torch has "
            f"them, not {needed:.2%}"
        )
        raise PrerequisiteError(msg)
