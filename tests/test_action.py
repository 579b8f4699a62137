"""The GitHub action: its scripts are run here as GitHub would run them, on the demo's zoo."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.sealing import recount
from test_docs import COMMANDS, ROOT

from hrnet_zoo.demo import DATA_ROOT, MANIFEST

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW: dict[str, Any] = yaml.safe_load(
    (ROOT / ".github" / "workflows" / "verify.yml").read_text()
)
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step for step in STEPS if "run" in step}
BASELINE = ROOT / "reports" / "demo" / "records"
SEGMENTOR, DETECTOR, CLASSIFIER = sorted(path.name for path in BASELINE.iterdir())
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_COMMAND = re.compile(r"hrnet-zoo ([a-z]+(?: html)?)")

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="runs bash scripts")


def test_every_input_is_used_and_every_used_one_exists() -> None:
    used = re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text())
    assert set(used) == set(ACTION["inputs"])
    for given in ACTION["inputs"].values():
        assert given["description"]
        assert given.get("required") or "default" in given


@needs_bash
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_bash_and_hold_no_user_text(name: str) -> None:
    step = SCRIPTS[name]
    checked = subprocess.run(["bash", "-n"], input=step["run"], text=True, check=False)
    assert checked.returncode == 0
    assert step["shell"] == "bash"
    assert "${{" not in step["run"], "what a user enters would become part of the script"


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_use_options_that_exist(name: str) -> None:
    script = re.sub(r"python -m pip .*", "", SCRIPTS[name]["run"])
    commands = [COMMANDS[f"hrnet-zoo {command}"] for command in _COMMAND.findall(script)]
    known = {
        option
        for command in commands
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    used = set(re.findall(r"(?<![\w-])--[a-z-]+", script))
    assert used <= known


def test_the_projects_own_workflow_gives_what_the_action_takes() -> None:
    (step,) = (s for s in WORKFLOW["jobs"]["demo"]["steps"] if s["uses"] == "./")
    given = step["with"]
    assert set(given) <= set(ACTION["inputs"])
    assert given["rows"].split() == [SEGMENTOR, DETECTOR, CLASSIFIER]
    for name in ("zoo", "data-root", "baseline"):
        assert (ROOT / given[name]).exists()


def test_what_is_installed_is_pinned_by_hashes_and_what_the_package_asks_for() -> None:
    content = (ROOT / "constraints.txt").read_text()
    pinned: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\w)", content.partition("nox -s pin\n")[2]):
        assert "--hash=sha256:" in entry, entry[:60]
        name, version = entry.split()[0].split("==")
        pinned.setdefault(canonicalize_name(name), []).append(version)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    asked = [
        *project["project"]["dependencies"],
        *extras["report"],
        *project["build-system"]["requires"],
    ]
    for requirement in map(Requirement, asked):
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement
    assert "--require-hashes" in SCRIPTS["Install hrnet-zoo"]["run"]


def test_actions_of_others_are_pinned_by_their_commits() -> None:
    used = [step["uses"] for step in (*STEPS, *WORKFLOW["jobs"]["demo"]["steps"]) if "uses" in step]
    others = [each for each in used if each != "./"]
    assert len(others) == 3
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in others)


class Runner:
    """Runs the action's scripts one after the other, like GitHub's runner."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.folder = folder
        defaults = {name: given.get("default", "") for name, given in ACTION["inputs"].items()}
        self.values: dict[str, str] = {
            f"inputs.{name}": value for name, value in (defaults | inputs).items()
        }
        self.text = ""
        program = folder / "bin" / "hrnet-zoo"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hrnet_zoo "$@"\n')
        program.chmod(0o755)

    def run(self) -> dict[str, int]:
        """Return the exit codes of the steps that ran, by name."""
        codes: dict[str, int] = {}
        for name, step in SCRIPTS.items():
            if name == "Install hrnet-zoo" or (any(codes.values()) and "if" not in step):
                continue
            code = self.step(step)
            codes[name] = 0 if step.get("continue-on-error") else code
        return codes

    def step(self, step: dict[str, Any]) -> int:
        outputs = self.folder / "outputs"
        outputs.write_text("")
        own = {name: _EXPRESSION.sub(self.value, text) for name, text in step["env"].items()}
        finished = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                **os.environ,
                **own,
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                # Other orders of summation than those the records were made with.
                "ATEN_CPU_CAPABILITY": "default",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.text += finished.stdout + finished.stderr
        for line in outputs.read_text().splitlines():
            name, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{name}"] = value
        return finished.returncode

    def value(self, match: re.Match[str]) -> str:
        return self.values.get(match[1], "")

    @property
    def junit(self) -> ElementTree.Element:
        return ElementTree.parse(self.folder / "hrnet-zoo-verified" / "junit.xml").getroot()


def on_demo(folder: Path, rows: str, baseline: Path, **inputs: str) -> Runner:
    data = inputs.pop("data_root", str(DATA_ROOT))
    return Runner(
        folder,
        rows=rows,
        baseline=str(baseline),
        zoo=str(MANIFEST),
        arguments="--device cpu",
        **{"data-root": data},
        **inputs,
    )


@needs_bash
def test_the_demo_is_as_committed(tmp_path: Path) -> None:
    """Of one row: "nox -s gate" is about all of them."""
    runner = on_demo(tmp_path, f"  {CLASSIFIER}\n", BASELINE)
    codes = runner.run()
    assert not any(codes.values()), runner.text
    assert "Nothing is known to be worse" in runner.text
    assert runner.junit.attrib["tests"] == "1"
    assert "nothing is worse: 1 same" in (tmp_path / "summary.md").read_text()


def all_right(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the counts of a network that makes no mistake."""
    right = np.zeros_like(counts)
    np.fill_diagonal(right, counts[:-1].sum(axis=1))
    return right


@needs_bash
def test_a_regression_fails_and_says_so(tmp_path: Path) -> None:
    shutil.copytree(BASELINE, tmp_path / "baseline")
    (path,) = (tmp_path / "baseline" / SEGMENTOR).glob("*Z.json")
    recount(path, 36, all_right)
    runner = on_demo(tmp_path, SEGMENTOR, tmp_path / "baseline")
    codes = runner.run()
    assert codes["Judge"] == 1, runner.text
    assert f"::error title={SEGMENTOR} mIoU%3A worse::" in runner.text
    assert runner.junit.attrib["failures"] == "1"
    assert "Draw the report" in codes


@needs_bash
def test_missing_data_are_no_regression(tmp_path: Path) -> None:
    runner = on_demo(tmp_path, SEGMENTOR, BASELINE, data_root=str(tmp_path / "nowhere"))
    codes = runner.run()
    assert (codes["Verify"], codes["Compare"], codes["Judge"]) == (0, 0, 3)
    assert "::error" not in runner.text
    assert f"::warning title={SEGMENTOR} mIoU%3A failed::" in runner.text
    assert (runner.junit.attrib["failures"], runner.junit.attrib["errors"]) == ("0", "1")


@needs_bash
def test_wrong_use_is_no_regression(tmp_path: Path) -> None:
    runner = on_demo(tmp_path, "no_such_row; touch oops", BASELINE)
    codes = runner.run()
    assert codes["Verify"] == 2
    assert "Compare" not in codes
    assert not (tmp_path / "oops").exists()
