from __future__ import annotations

import sys

import pytest

from hrnet_zoo.doctor import processors
from hrnet_zoo.doctor.examination import Asked, examine
from hrnet_zoo.doctor.finding import Area, State, is_ready


def test_no_check_keeps_others_from_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ArithmeticError("out of fingers")

    monkeypatch.setattr(processors, "check", fail)
    findings = [*examine(Asked())]
    (failed,) = [finding for finding in findings if finding.area is Area.PROCESSORS]
    assert failed.found == "this check failed itself: ArithmeticError: out of fingers"
    assert {finding.area for finding in findings} == {*Area} - {Area.NETWORK}
    assert not is_ready(findings)


def test_without_torch_there_is_a_line_for_it_and_none_that_failed_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    findings = [*examine(Asked())]
    torch = next(finding for finding in findings if finding.name == "torch")
    assert torch.state is State.BROKEN
    assert "cannot be imported" in torch.found
    assert not [finding for finding in findings if "failed itself" in finding.found]
    assert Area.DEVICES not in {finding.area for finding in findings}
