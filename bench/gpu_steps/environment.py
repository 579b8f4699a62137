"""Versions, a tiny convolution, and what `hrnet-zoo doctor` finds."""

from __future__ import annotations

import torch

from gpu_steps.notes import Notes, Session, hrnet_zoo
from hrnet_zoo import settings
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import require_usable
from hrnet_zoo.system.environment import describe_environment

PRIVATE = {"folders", "data sets"}
"""What doctor says of these names the user's folders, and nothing that a GPU decides."""


def run(session: Session, notes: Notes) -> None:
    """Describe the machine first: that is worth having even if nothing else works."""
    environment = describe_environment(settings.torch_variables())
    for name, value in environment.model_dump(mode="json").items():
        if isinstance(value, dict):
            found = ", ".join(f"{key} {what}" for key, what in value.items())
        else:
            found = ", ".join(map(str, value)) if isinstance(value, list) else value
        notes.row("Environment", what=name, found=found)
    try:
        require_usable(torch.device(session.device))
    except PrerequisiteError as error:
        notes.expect(False, str(error))
    ran = hrnet_zoo("doctor", "--device", session.device, "--format", "json")
    for finding in ran.answer()["findings"]:
        if finding["area"] not in PRIVATE:
            notes.row("hrnet-zoo doctor", **finding)
    notes.expect(ran.code == 0, "doctor found what cannot work")
