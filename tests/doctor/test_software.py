from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hrnet_zoo.doctor import software
from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.software import EXTRAS, Requirement, extra, is_older, opencvs, package, python

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
SCIPY = Requirement(package="scipy", at_least="1.11")
EVALUATORS = [
    Requirement(package="faster-coco-eval", at_least="1.8", extra="coco-fast"),
    Requirement(package="hotcoco", at_least="1.3", extra="coco-fast"),
]


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((3, 10, 9), State.BROKEN),
        ((3, 11, 0), State.FINE),
        ((3, 13, 9), State.FINE),
        ((3, 14, 0), State.NOTE),
    ],
)
def test_pythons(version: tuple[int, ...], state: State) -> None:
    assert python(version).state is state


def test_the_tested_pythons_are_those_of_the_project() -> None:
    tail = "Programming Language :: Python :: 3."
    minors = [int(c.removeprefix(tail)) for c in PROJECT["classifiers"] if c.startswith(tail)]
    assert (min(minors), max(minors)) == (
        software.OLDEST_PYTHON[1],
        software.NEWEST_PYTHON[1],
    )


def test_every_extra_with_packages_says_what_it_is_for() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(EXTRAS) == {name for name, packages in extras.items() if packages}


@pytest.mark.parametrize(
    ("version", "lowest", "older"),
    [
        ("2.8.0+cu128", "2.8", False),
        ("2.10.1", "2.8", False),
        ("2.7.1", "2.8", True),
        ("1.9.0.post1", "1.9", False),
        ("2", "2.0.8", True),
    ],
)
def test_versions(version: str, lowest: str, older: bool) -> None:
    assert is_older(version, lowest) is older


@pytest.mark.parametrize(
    ("version", "failure", "state", "said"),
    [
        ("1.11.0", None, State.FINE, "1.11.0"),
        (None, None, State.BROKEN, "not installed"),
        ("1.10.9", None, State.BROKEN, "1.10.9; at least 1.11 is needed"),
        ("1.12", "ImportError: no libgfortran", State.BROKEN, "1.12 cannot be imported: Import"),
    ],
)
def test_packages(version: str | None, failure: str | None, state: State, said: str) -> None:
    finding = package(SCIPY, version, failure)
    assert finding.state is state
    assert finding.found.startswith(said)
    if state is State.BROKEN:
        assert '"scipy>=1.11"' in str(finding.remedy)


def test_a_package_that_breaks_when_it_is_imported_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_another_abi.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    said = software.import_failure("of_another_abi")
    assert said == "ValueError: numpy.dtype size changed"


def test_two_opencvs_are_told() -> None:
    assert opencvs({"opencv-python": "4.11.0.86"}) is None
    both = opencvs({"opencv-python-headless": "5.0.0.93", "opencv-python": "4.11.0.86"})
    assert both is not None
    assert both.state is State.NOTE
    assert "pip uninstall opencv-python-headless opencv-python" in str(both.remedy)


@pytest.mark.parametrize(
    ("versions", "state", "said"),
    [
        ({}, State.FINE, "not installed (COCO AP"),
        (
            {"faster-coco-eval": "1.8.0", "hotcoco": "1.3.0"},
            State.FINE,
            "faster-coco-eval 1.8.0, h",
        ),
        ({"hotcoco": "1.3.0"}, State.NOTE, "hotcoco 1.3.0; lacks faster-coco-eval"),
        ({"faster-coco-eval": "1.8.0", "hotcoco": "1.2"}, State.NOTE, "faster-coco-eval 1.8.0, h"),
    ],
)
def test_an_absent_extra_is_information(versions: dict[str, str], state: State, said: str) -> None:
    finding = extra("coco-fast", EVALUATORS, versions)
    assert finding.state is state
    assert finding.found.startswith(said)
    if state is State.NOTE:
        assert finding.remedy == 'pip install "hrnet-zoo[coco-fast]"'


def test_requirements_are_read_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [
        "numpy>=1.26",
        'openvino>=2025.0; extra == "openvino"',
        "Vl-Convert~=1.9; extra == 'report'",
    ]
    monkeypatch.setattr(software, "requires", lambda _name: written)
    assert [(r.package, r.at_least, r.extra) for r in software.requirements()] == [
        ("numpy", "1.26", None),
        ("openvino", "2025.0", "openvino"),
        ("vl-convert", "1.9", "report"),
    ]
