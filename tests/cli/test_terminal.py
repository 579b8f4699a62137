"""What is printed gives no orders to terminals and workflows."""

from __future__ import annotations

import json
import sys
import warnings
from io import StringIO
from pathlib import Path

import click
import pytest
from rich.console import Console

from hrnet_zoo import cli
from hrnet_zoo.cli import progress
from hrnet_zoo.cli.terminal import echo, harmless
from hrnet_zoo.report.text import to_json
from hrnet_zoo.system.github import command

UNSEEN = [*map(chr, (*range(32), *range(0x7F, 0xA0))), *"\u2028\u2029\u202e\u2066\ud800\udcff"]


@pytest.mark.parametrize("character", UNSEEN, ids=lambda c: f"{ord(c):04x}")
def test_only_line_breaks_and_tabs_are_left_of_what_is_not_seen(character: str) -> None:
    printed = harmless(f"a{character}b")
    if character in "\n\t":
        assert printed == f"a{character}b"
    else:
        code = f"{ord(character):x}"
        assert printed in (f"a\\x{code:>02}b", f"a\\u{code:>04}b")


def test_line_ends_of_windows_stay_as_a_patch_needs_them() -> None:
    assert harmless("a\r\nb\rc") == "a\r\nb\\x0dc"


@pytest.mark.parametrize("style", [{"fg": "red"}, {"bold": True}, {"bg": (1, 22, 255)}], ids=str)
def test_styles_of_reports_stay(style: dict[str, object]) -> None:
    styled = click.style("words", **style)  # type: ignore[arg-type]
    assert styled != "words"
    assert harmless(styled) == styled


@pytest.mark.parametrize(
    "order", ["\x1b[2J", "\x1b]0;title\x07", "\x1b[8mhidden", "\x1b[5m", "\x9b31m", "\x1b[31;5m"]
)
def test_other_sequences_are_written_out(order: str) -> None:
    assert not {"\x1b", "\x9b", "\x07"} & set(harmless(order))


@pytest.mark.parametrize(
    "line",
    [
        "::error::all is lost",
        " \t\xa0\u3000::set-output name=a::b",
        "fine\n::add-mask::e",
        "\x1b[31m::error::red",
        "\u2003\x1b[0m ::stop-commands::x",
        "text ##[group]more",
        "##vso[task.setvariable variable=a]b",
        "###[error]",
    ],
)
def test_lines_that_workflows_obey_are_defused(line: str) -> None:
    printed = harmless(line)
    assert "##[" not in printed
    assert "##vso[" not in printed
    # .NET's TrimStart, by which the runner strips blanks, is Python's.
    assert not any(one.strip().startswith("::") for one in printed.splitlines())
    assert not any(one.startswith("\x1b[31m::") for one in printed.splitlines())
    assert harmless(printed) == printed


def test_ordinary_text_stays() -> None:
    text = "a::b http://[::1]/ C++: x::y ## [title] #[a] \xe9\u2192\U0001f600 {#id} 100%"
    assert harmless(text) == text


def test_commands_that_are_meant_are_obeyed_and_hold_no_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = "one\n::error::two\r\n50%\x1b[2J"
    echo(command("notice", message, title="a:b,c\n::d"), are_commands=True)
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("::notice title=a%3Ab%2Cc%0A%3A%3Ad::one%0A::error::two%0D%0A50%25")
    assert line.endswith("\\x1b[2J")


def test_json_is_the_same_data(capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "".join(map(chr, range(0x250))) + "::error::\n##[error]\\##[x]\u2028\u202e\ud800\U0001f600"
    )
    echo(to_json({text: [text, {"::error::": "\n::x"}]}))
    assert json.loads(capsys.readouterr().out) == {text: [text, {"::error::": "\n::x"}]}


def test_time_grows_with_the_text_alone() -> None:
    """A quadratic expression would take minutes."""
    for piece in (" ", "#", "##a", ":", " \n", "\x1b[31m", "\x1b[48;2;1"):
        harmless(piece * 200_000)


def test_mistake_in_usage_shows_the_argument_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hrnet-zoo", "list", "--format", "\x1b[2J\n::error::x\udcff"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    printed = capsys.readouterr().err
    assert left.value.code == 2
    assert "\\x1b[2J" in printed
    assert "\x1b[2J" not in printed
    assert "\n::error" not in printed


def test_our_own_mistake_and_warnings_are_shown_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> int:
        warnings.warn("warned\x1b[2J", stacklevel=1)
        raise ValueError("broken\x1b[2J\n::error::x")

    monkeypatch.setattr(cli, "_run", broken)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.raises(SystemExit) as left:
            cli.main()
    printed = capsys.readouterr().err
    assert left.value.code == 70
    assert "warned\\x1b[2J" in printed
    assert "broken\\x1b[2J" in printed
    assert "\x1b[2J" not in printed
    assert "\n::error" not in printed


def test_bars_show_names_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    monkeypatch.setattr(
        progress,
        "Console",
        lambda **_: Console(file=written, force_terminal=True, width=80, color_system=None),
    )
    bars = progress._Bars()
    bars.begin("x\x1b]0;title\x07[/red]y", 10, "images")
    bars.update(5)
    bars.say("said\x1b]0;title\x07")
    bars.end()
    assert "\x1b]0" not in written.getvalue()
    assert "x\\x1b]0;title\\x07[/red]y" in written.getvalue()
    assert "said\\x1b]0;title\\x07" in written.getvalue()


def test_output_that_cannot_hold_a_character_shows_its_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def said() -> int:
        echo("1 \u2192 2")
        return 0

    with (tmp_path / "out").open("w", encoding="latin-1") as file:
        monkeypatch.setattr(sys, "stdout", file)
        monkeypatch.setattr(cli, "_run", said)
        with pytest.raises(SystemExit) as left:
            cli.main()
    assert left.value.code == 0
    assert (tmp_path / "out").read_text() == "1 \\u2192 2\n"
