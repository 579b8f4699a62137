"""Every option of every command, with values that nobody means: one message, never a traceback."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from hrnet_zoo import cli
from hrnet_zoo.zoo import manifest

ORDER = "\udcff\n::error::x\x1b[2J"
NUMBERS = ["9" * 400, "9" * 5000, "-1", "nan", "inf", "1e999", "0x1", "\u0663" * 400, " ", ORDER]
TEXTS = [
    ORDER,
    "x" * 5000,
    "/dev/zero",
    "~nobody_here/x",
    "scenes=~nobody_here/x",
    "",
    "cuda:" + "9" * 5000,
]
ONLY_PARSED = {
    "demo",
    "doctor",
    "verify",
    "time",
    "explain",
    "predict",
    "memory",
    "html",
    "figures",
}
"""Commands whose work takes seconds."""
ZOO = manifest.load_zoo()
load_zoo = manifest.load_zoo


def commands(group: click.Group, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield (*names, name)


COMMANDS = sorted(commands(cli.command_line("")))


def command_of(names: tuple[str, ...]) -> click.Command:
    command: click.Command = cli.command_line("")
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


def valued(command: click.Command) -> list[click.Parameter]:
    return [
        p
        for p in command.params
        if isinstance(p, click.Argument) or (isinstance(p, click.Option) and not p.is_flag)
    ]


def arguments(command: click.Command, hostile: click.Parameter, value: str) -> list[str]:
    """Return arguments with a hostile one, and what else the command cannot do without."""
    given, positions = [], []
    for parameter in command.params:
        one = value if parameter is hostile else "x"
        if isinstance(parameter, click.Argument):
            if parameter is hostile or parameter.required:
                positions.append(one)
        elif parameter is hostile or (parameter.required and parameter.default is None):
            given += [parameter.opts[0], one if parameter is hostile else "1"]
    return [*given, "--", *positions]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(manifest, "load_zoo", lambda path=None: load_zoo(path) if path else ZOO)


def run(given: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "argv", ["hrnet-zoo", *given])
    monkeypatch.setattr(cli, "_share_processors", lambda **_: None)
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_one_message_or_a_result(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_of(names)
    if names[-1] in ONLY_PARSED:
        monkeypatch.setattr(command, "invoke", lambda _: 0)
    for parameter in valued(command):
        is_number = isinstance(parameter.type, click.types._NumberRangeBase)
        for value in NUMBERS if is_number else TEXTS:
            code = run([*names, *arguments(command, parameter, value)], monkeypatch)
            printed = "".join(capsys.readouterr())
            where = f"{names} {parameter.name} {value[:30]!a}: {printed[-600:]}"
            assert code in ({2} if is_number else {0, 1, 2, 3}), where
            assert code == 0 or printed, where
            assert "Traceback" not in printed, where
            assert not re.search(r"^\s*::|[\x1b\udcff]", printed, re.MULTILINE), where


def test_paths_with_a_nul_are_refused() -> None:
    for names in COMMANDS:
        command = command_of(names)
        for parameter in valued(command):
            if isinstance(parameter.type, click.Path):
                with pytest.raises(click.BadParameter, match="NUL"):
                    parameter.type.convert("a\0b", parameter, None)


def test_pipe_where_a_file_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever opened it would wait for ever."""
    for name in ("pipe.md", "pipe.yml", "pipe.json"):
        os.mkfifo(name)
    for given in (
        ["list", "--zoo", "pipe.yml"],
        ["lint", "pipe.md"],
        ["lint", "pipe.yml"],
        ["readme", "pipe.md"],
        ["import", "pipe.md"],
        ["import", "pipe.yml"],
        ["fps", "pipe.json"],
    ):
        assert run(given, monkeypatch) in (2, 3), given
        assert "not a regular file" in capsys.readouterr().err, given
