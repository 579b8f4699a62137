"""tools/measure_idle.py: whether a slow decoder shows, at a small size."""

from __future__ import annotations

import time
from dataclasses import replace

import measure_idle
import pytest
from rows import single_protocol

from hrnet_zoo.datasets.label_samples import LabelSamples, Sample
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from hrnet_zoo.zoo.row import Row

SMALL = (128, 64)


@pytest.fixture(autouse=True)
def small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def protocol(row: Row) -> SegmentationProtocol:
        return replace(single_protocol(row), scale=SMALL)

    monkeypatch.setattr(measure_idle, "drawn_size", lambda _row: SMALL)
    monkeypatch.setattr(measure_idle, "single_protocol", protocol)


def test_a_slow_decoder_makes_the_network_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    load = LabelSamples.load

    def slow(self: LabelSamples, index: int) -> Sample:
        time.sleep(1)
        return load(self, index)

    monkeypatch.setattr(LabelSamples, "load", slow)
    seconds = measure_idle.measure(4, num_workers=1)
    assert seconds.waiting > 2
    assert seconds.decode > 4
    stages = seconds.waiting + seconds.forward + seconds.post + seconds.metric
    assert stages == pytest.approx(seconds.wall, rel=0.1)


def test_the_share_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["measure_idle.py", "--images", "2", "--workers", "1"])
    measure_idle.main()
    out = capsys.readouterr().out
    assert out.startswith("waiting for images: ")
    assert "threads: 1" in out
