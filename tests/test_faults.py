"""Commands that something happens to, and what the next one makes of what they left.

The property is always the same: given again, a command ends with what an uninterrupted one ends
with; no record says "completed" without being so, and no finished image is computed twice.
`nox -s faults` draws many more moments and prints how many there were.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.faults import FAULTS, Ended, require_orderly, run, run_with
from support.http_server import FaultyServer
from support.trees import make_cityscapes

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.folder import run_files
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.records.runs import open_store
from hrnet_zoo.verdicts.evidence import examine
from hrnet_zoo.zoo.manifest import load_zoo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SEED = 14
OF_THE_RUN = {
    "started_at", "finished_at", "timings", "segments", "num_images_taken_over", "environment",
    "images_file", "images_sha256", "images_bytes", "remarks", "self_test",
}  # fmt: skip
"""What two runs over the same images may say otherwise."""


class Job(ABC):
    """A command, the folder that it writes into, and what it is to end with."""

    def __init__(self, place: Path) -> None:
        self.place = place

    @property
    @abstractmethod
    def arguments(self) -> list[str]: ...

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables that say where it writes."""
        return {}

    @abstractmethod
    def result(self) -> Any:
        """Return what the command ended with."""

    def check(self, fault: str, ended: Ended) -> int:
        """Check what a fault left, and return how many finished images there are."""
        del fault, ended
        return 0

    def check_again(self, finished_before: int) -> None:
        """Check what the command made of it that was given again."""
        del finished_before


class Verify(Job):
    """A row of the demo, a part of whose images are looked at."""

    row, metrics, images = "", "", 8

    @property
    def arguments(self) -> list[str]:
        return [
            "verify", self.row, "--metrics", self.metrics, "--zoo", str(MANIFEST),
            "--data-root", str(DATA_ROOT), "--limit", str(self.images), "--device", "cpu",
            "--output", str(self.place),
        ]  # fmt: skip

    @property
    def records(self) -> list[tuple[Path, AccuracyRecord]]:
        found = []
        for file in run_files(self.place):
            if not file.is_empty:  # it was ended before it said anything
                record = read_record(file.path)
                assert isinstance(record, AccuracyRecord)
                found.append((file.path, record))
        return found

    def result(self) -> Any:
        newest = self.place / open_store(self.place).newest(self.row).file
        record = read_record(newest)
        assert isinstance(record, AccuracyRecord)
        assert record.status == "completed", record.reason
        images = read_images(record, newest).images
        said = record.model_dump(mode="json", exclude=OF_THE_RUN)
        return said, {name: line.model_dump() for name, line in images.items()}

    def check(self, fault: str, ended: Ended) -> int:
        row, is_completed = load_zoo(MANIFEST).row(self.row), False
        for path, record in self.records:
            if record.status == "completed":
                assert examine(row, record, path).found == []
                is_completed = True
            elif ended.code > 128:
                assert record.status == "interrupted"
                assert fault in (record.reason or "")
            elif ended.code >= 0:
                assert record.status == "not_run" or fault == "full disk"
                assert record.reason or "error:" in ended.printed
        # Between completing its record and deleting its journal, nothing is left to go on with.
        return 0 if is_completed else self._finished()

    def check_again(self, finished_before: int) -> None:
        _, newest = self.records[-1]
        assert newest.num_images_taken_over == finished_before
        assert [r for _, r in self.records if r.status == "completed"][-1] == newest

    def _finished(self) -> int:
        lines = [line for p in self.place.glob("*/.unfinished-*.jsonl") for line in _lines(p)]
        return sum(b'"digest"' in line for line in lines)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


class Segmentation(Verify):
    row, metrics = "fcn_hr5s_180x270_2k_scenes", "miou"


class Detection(Verify):
    row, metrics, images = "fcos_hrnetv2p_w5s_gn-head_360x540_1500_scenes", "box_ap", 5


class Classification(Verify):
    row, metrics = "hrnet-w2s_scenes", "top1"


class Prepare(Job):
    """Label images of Cityscapes that are unpacked."""

    source: Path

    @property
    def arguments(self) -> list[str]:
        given = ["--source", str(self.source), "--data-root", str(self.place)]
        return ["data", "prepare", "cityscapes", *given]

    def result(self) -> Any:
        return {
            path.relative_to(self.place): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.place.rglob("*.png")
        }


class Fetch(Job):
    """A checkpoint from a server that takes its time."""

    address: str
    zoo: Path
    row = "fcn_hr18s_512x1024_40k_cityscapes"

    @property
    def arguments(self) -> list[str]:
        return ["fetch", self.row, "--zoo", str(self.zoo), "--mirror", self.address]

    @property
    def variables(self) -> dict[str, str]:
        return {"HRNET_ZOO_CACHE": str(self.place)}

    def result(self) -> Any:
        return {path.name: path.read_bytes() for path in self.place.glob("*.pth")}


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is prepared and fetched."""
    folder = tmp_path_factory.mktemp("downloads")
    root = make_cityscapes(folder / "made", count=12)
    Prepare.source = folder / "download"
    Prepare.source.mkdir()
    with zipfile.ZipFile(Prepare.source / "gtFine_trainvaltest.zip", "w") as packed:
        for path in sorted((root / "gtFine").rglob("*.png")):
            packed.write(path, path.relative_to(root).as_posix())
    content = random.Random(SEED).randbytes(300_000)
    Fetch.zoo = folder / "zoo.yaml"
    digits = hashlib.sha256(content).hexdigest()[:8]
    Fetch.zoo.write_text(load_zoo().path.read_text().replace("93db27d0", digits))
    url = load_zoo(Fetch.zoo).row(Fetch.row).checkpoint_url
    assert url is not None
    with pytest.MonkeyPatch.context() as patch, FaultyServer() as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        server.serve(urlsplit(url).path, content)
        Fetch.address = server.address
        yield


FEW: dict[type[Job], tuple[str, ...]] = {
    Classification: ("SIGTERM", "full disk", "folder deleted", "clock set back"),
    Segmentation: ("SIGKILL",),
    Detection: ("SIGHUP",),
    Prepare: ("SIGINT", "full disk"),
    Fetch: ("SIGTERM", "SIGKILL"),
}
"""What happens to which command in the quick form, once each."""


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.__name__.lower())
def test_whatever_happens_the_next_run_ends_as_one_that_nothing_happened_to(
    kind: type[Job], tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = pytestconfig.getoption("--rounds")
    expected, code, duration_s = _nothing_happens(kind, tmp_path, monkeypatch, 2 if rounds else 1)
    faults = FEW[kind]
    if rounds:
        faults = FAULTS if issubclass(kind, Verify) else FAULTS[:-1]  # only these are dated
    for fault in faults:
        for number in range(rounds or 1):
            rng = random.Random(f"{SEED} {kind.__name__} {fault} {number}")
            job = kind(tmp_path / f"{fault} {number}" / "place")
            job.place.parent.mkdir()
            for name, value in job.variables.items():
                monkeypatch.setenv(name, value)
            # Whether the clock goes back matters to the second run.
            if fault == "clock set back":
                run(job.arguments, job.place.with_name("first.txt"))
                last = run_with(fault, job.arguments, job.place, duration_s, rng)
                finished = 0
            else:
                ended = run_with(fault, job.arguments, job.place, duration_s, rng)
                require_orderly(fault, ended)
                finished = job.check(fault, ended)
                last = run(job.arguments, job.place.with_name("last.txt"))
            assert last.code == code, last.printed
            assert job.result() == expected
            job.check_again(finished)
        if rounds:
            print(f"{kind.__name__.lower()}, {fault}: {rounds} rounds, 0 failures")  # noqa: T201


def _nothing_happens(
    kind: type[Job], folder: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> tuple[Any, int, float]:
    """Return what a command ends with if it is left alone, its exit code and how long it takes."""
    results = []
    for number in range(times):  # the first one tests the installation
        job, began = kind(folder / f"straight {number}"), time.monotonic()
        for name, value in job.variables.items():
            monkeypatch.setenv(name, value)
        code = run(job.arguments, folder / f"straight {number}.txt").code
        duration_s = time.monotonic() - began
        results.append(job.result())
    assert results[0] == results[-1]
    return results[0], code, duration_s
