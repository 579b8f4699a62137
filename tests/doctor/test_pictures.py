from __future__ import annotations

import dataclasses

import cv2
import pytest

from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.pictures import STEPS, check, pixels


def test_the_supported_versions_make_upstreams_pixels() -> None:
    assert {finding.name: finding.state for finding in check()} == dict.fromkeys(STEPS, State.FINE)


def test_a_build_with_another_resize_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resize = cv2.resize
    monkeypatch.setattr(
        cv2, "resize", lambda image, size, **_: resize(image, size, interpolation=cv2.INTER_AREA)
    )
    states = {finding.name: finding.state for finding in check()}
    assert [name for name, state in states.items() if state is State.NOTE] == ["resize"]


def test_what_no_row_needs_is_information() -> None:
    finding = pixels("warp", STEPS["warp"], "of opencv 5")
    assert finding.state is State.FINE
    assert "other pixels than upstream's; no row here is warped" in finding.found
    needed = dataclasses.replace(STEPS["warp"], used_for="pose")
    assert pixels("warp", needed, "of opencv 5").state is State.NOTE
