from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import torch
from fill import calibrate, filled_state
from support.fewer import open_every_ninth
from support.precisions import PARTS, precisions
from support.trees import Finished, RunCli
from torch.backends import cudnn

from hrnet_zoo.cli import main
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.runs.references import all_references
from hrnet_zoo.runs.self_test import SelfTest
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.timing import bottlenecks
from hrnet_zoo.verdicts.evidence import Evidence

AT_FIRST = precisions()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `nox -s faults` draw more."""
    parser.addoption("--rounds", type=int, default=0, help="Of each fault, see test_faults.py.")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many hostile inputs of each kind were tried, and how many did harm."""
    reports = [each for key in ("passed", "failed") for each in terminalreporter.getreports(key)]
    for report in reports:
        for line in (text for name, text in report.user_properties if name == "hostile"):
            terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def self_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the installation found about itself, for all tests of all processes."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "self-tests"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tested_installation(self_tests: Path) -> None:
    """For tests that break an evaluation: the demo's segmentor and detector are known to agree."""
    test = SelfTest(
        device=torch.device("cpu"), engine="torch", graphs=True, cache_dir=self_tests.parent
    )
    wanted = ("fcn_hrnet, whole", "fcos_hrnet")
    test.kept([each for each in all_references() if each.name in wanted], Silent())


@pytest.fixture(autouse=True)
def own_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, self_tests: Path
) -> Iterator[None]:
    """No test sees the user's cache or data, or writes into the checkout."""
    cache = tmp_path.with_name(f"{tmp_path.name}-cache")  # tests look at all that is in tmp_path
    monkeypatch.setenv("HRNET_ZOO_CACHE", str(cache))
    monkeypatch.delenv("HRNET_ZOO_DATA", raising=False)
    (tmp_path / "no-settings.toml").touch()
    monkeypatch.setenv("HRNET_ZOO_SETTINGS", str(tmp_path / "no-settings.toml"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    # Links, because copies of what is known before each of five thousand tests take a minute.
    shutil.copytree(self_tests, cache / "self-tests", copy_function=os.link)
    yield
    known = {path.name for path in self_tests.iterdir()}
    for path in (cache / "self-tests").glob("*.json"):
        if path.name in known:
            continue
        found = json.loads(path.read_text())
        if found["num_equal"] >= 0.99 * found["num_compared"]:  # a test may break what is tested
            with suppress(FileExistsError):  # another process may have found it, too
                os.link(path, self_tests / path.name)


@pytest.fixture(autouse=True)
def torch_left_alone() -> Iterator[None]:
    """No test sees how another let torch round; torch raises where its two interfaces disagree."""
    yield
    if precisions() != AT_FIRST:
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32 = True
        for part, value in zip(PARTS, AT_FIRST, strict=True):
            part.fp32_precision = value


@pytest.fixture(scope="session", autouse=True)
def ceilings() -> Iterator[None]:
    """Measure what this machine can do at most once: every run of ``time`` takes seconds for it."""
    with pytest.MonkeyPatch.context() as patch:
        for measure in (bottlenecks.peak_gflops, bottlenecks.copy_gbs):
            patch.setattr(bottlenecks, measure.__name__, cache(measure))
        yield


@pytest.fixture
def fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    open_every_ninth(monkeypatch)


@pytest.fixture(scope="module")
def taken_as_sound() -> Iterator[None]:
    """Take records as borne out by their images: they are made up, and about something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hrnet_zoo.verdicts.evidence.examine", lambda *_: Evidence())
        yield


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs the command line and hands back exit code and output."""

    def run(*arguments: str | Path) -> Finished:
        monkeypatch.setattr(sys, "argv", ["hrnet-zoo", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        gc.unfreeze()  # a command may have frozen all objects of the tests, too
        out, err = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Finished(code, out, err)

    return run


@pytest.fixture
def scored_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let score do its work in this process, which takes a tenth of the time."""

    def here(
        progress: Progress, work: Callable[..., object], *given: object, **_: object
    ) -> object:
        return work(*given, progress)

    monkeypatch.setattr("hrnet_zoo.runs.score.in_new_process", here)


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in upstream's container for the W18-Small Cityscapes rows, filled by key names."""
    model = build_segmentor("fcn_hrnet", backbone="w18_small", num_classes=19)
    state = filled_state({key: tuple(value.shape) for key, value in model.state_dict().items()})
    calibrate(state, "hr18s_cityscapes")
    path = tmp_path_factory.mktemp("checkpoints") / "filled.pth"
    torch.save({"meta": {"CLASSES": ("road",)}, "state_dict": state}, path)
    return path
