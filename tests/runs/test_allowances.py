"""What is allowed follows from what other kernels and decoders do to some of the images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from hrnet_zoo.datasets.decoders import pillow_decoded
from hrnet_zoo.runs import allowances
from hrnet_zoo.runs.allowances import NUM_IMAGES, measured_allowances
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.classification.top_k import Ranking
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.scored import Allowance

WHOLE = 500
RIGHT, WRONG = Ranking(label=0, best=(0, 1)), Ranking(label=0, best=(1, 0))


@dataclass(frozen=True)
class MadeUpSample:
    image: Any


@dataclass
class MadeUpImages:
    """A data set that knows where its files are."""

    folder: Path
    suffix: str = ".png"

    def __len__(self) -> int:
        return WHOLE

    def path_of(self, index: int) -> Path:
        return self.folder / f"{index}{self.suffix}"

    def load(self, index: int) -> MadeUpSample:
        return MadeUpSample(cv2.imread(str(self.path_of(index))))


@dataclass
class MadeUpLooking:
    """Computes otherwise, and answers otherwise as often as it is told."""

    num_changed: int
    threads: list[int] = field(default_factory=list)
    read: list[Any] = field(default_factory=list)

    def computed_otherwise(self, samples: Any, indices: Iterable[int]) -> Iterator[ImageResult]:
        self.threads.append(torch.get_num_threads())
        self.read.append(samples)
        for i, index in enumerate(indices):
            changed = WRONG if i < self.num_changed else RIGHT
            yield ImageResult(name=str(index), digest="", counted={"single": changed})


def allowed(looking: MadeUpLooking, samples: MadeUpImages) -> list[Allowance]:
    results = {
        str(i): ImageResult(name=str(i), digest="", counted={"single": RIGHT}) for i in range(WHOLE)
    }
    given: Any = (looking, samples, [METRICS["top1"]], results, Silent())
    return measured_allowances(*given)["top1"]


def test_noise_of_some_images_is_that_of_all(tmp_path: Path) -> None:
    """Two of twenty images lost 0.2 points each: of 500, 50 would, with either sign."""
    looking, before = MadeUpLooking(num_changed=2), torch.get_num_threads()
    (noise,) = allowed(looking, MadeUpImages(tmp_path))
    assert (noise.name, noise.num_images, noise.num_changed) == ("numeric noise", NUM_IMAGES, 2)
    assert noise.points == pytest.approx(3 * np.sqrt(50) * 0.2)
    assert looking.threads != [before], "another number of threads"
    assert torch.get_num_threads() == before


def test_what_changes_nothing_allows_nothing(tmp_path: Path) -> None:
    (noise,) = allowed(MadeUpLooking(num_changed=0), MadeUpImages(tmp_path))
    assert noise.points == 0


def test_another_jpeg_decoder_is_an_effect_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowances, "gives_upstreams_pixels", lambda *d: d == (pillow_decoded,))
    samples = MadeUpImages(tmp_path, ".jpg")
    cv2.imwrite(str(samples.path_of(3)), np.full((8, 8, 3), (0, 0, 255), np.uint8))
    looking = MadeUpLooking(num_changed=1)
    noise, decoder = allowed(looking, samples)
    assert (noise.name, decoder.name) == ("numeric noise", "JPEG decoder")
    assert decoder.points == pytest.approx(3 * np.sqrt(25) * 0.2)
    red, _, blue = looking.read[1].load(3).image[0, 0]
    assert red > 200, "RGB, by Pillow"
    assert blue < 50


def test_a_decoder_that_nothing_can_be_said_of_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(allowances, "gives_upstreams_pixels", lambda *_: False)
    monkeypatch.setattr(Silent, "say", lambda _, message: said.append(message))
    (noise,) = allowed(MadeUpLooking(num_changed=0), MadeUpImages(tmp_path, ".jpg"))
    assert noise.name == "numeric noise"
    assert "other pixels than upstream's" in said[0]
    assert "doctor" in said[0]
