"""Every command has help and is documented, and what the documents show is current."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from hrnet_zoo import demo
from hrnet_zoo.cli import command_line
from hrnet_zoo.zoo.manifest import load_zoo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands(group: click.Group, prefix: str) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix} {name}")
        else:
            found[f"{prefix} {name}"] = command
    return found


COMMANDS = commands(command_line(""), "hrnet-zoo")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert not command.get_short_help_str().endswith("..."), "too long for the overview"
    assert name in README
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name


def test_every_option_of_verify_is_in_the_readme() -> None:
    for parameter in COMMANDS["hrnet-zoo verify"].params:
        if isinstance(parameter, click.Option) and parameter.name != "zoo_file":
            assert parameter.opts[0] in README


def test_the_shown_demo_is_the_shipped_one() -> None:
    segmentor, detector, classifier = load_zoo(demo.MANIFEST).rows
    for row in (segmentor, detector, classifier):
        assert f"reports/demo/{row.name}.png" in README
        assert (ROOT / "reports" / "demo" / f"{row.name}.png").is_file()
    assert f"mIoU         {segmentor.text('miou')}" in README
    assert f"box AP         {detector.text('box_ap')}" in README
    assert f"Top-1 (%)          {classifier.text('top1')}" in README


def test_the_set_up_commands_stand_in_the_readme() -> None:
    for command in ("pip install . && hrnet-zoo demo", "pip install nox && nox -s tests"):
        assert f"\n{command}\n" in README
    assert "pip install nox && nox -s tests" in (ROOT / ".ci" / "run").read_text()
