"""Peak memory of a run does not grow with the number of images."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fill import filled_model
from support.trees import make_cityscapes

from hrnet_zoo.zoo.manifest import default_manifest

NAME = "fcn_hr18s_512x1024_40k_cityscapes"


def peak_kib(arguments: list[str]) -> int:
    """Run a command and return its largest resident memory."""
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(arguments, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 3, "part of the images is not comparable"
    return usage.ru_maxrss


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the peak memory of a single child")
def test_ten_times_the_images_take_no_more_memory(tmp_path: Path) -> None:
    make_cityscapes(tmp_path / "data", size=(32, 64), count=500)
    zoo = tmp_path / "zoo.yaml"
    text = default_manifest().read_text().replace("scale: [2048, 1024]", "scale: [64, 32]")
    zoo.write_text(text)
    checkpoint = tmp_path / "filled.pth"
    torch.save({"state_dict": filled_model("hr18s", 19).state_dict()}, checkpoint)

    def peak(images: int) -> int:
        return peak_kib([
            sys.executable, "-m", "hrnet_zoo", "verify", NAME, "--zoo", str(zoo), "--data-root",
            str(tmp_path / "data"), "--checkpoint", str(checkpoint), "--device", "cpu",
            "--output", str(tmp_path / f"records-{images}"), "--limit", str(images),
        ])  # fmt: skip

    assert peak(499) <= 1.10 * peak(50)
