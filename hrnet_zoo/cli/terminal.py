"""The one way from here to a terminal, a pipe or a CI log, past which no foreign text gives orders.

Texts hold names of files, keys of checkpoints, cells of READMEs: whatever their authors put there.
Terminals obey escape sequences, and services that run workflows obey lines such as "::error".
"""

from __future__ import annotations

import re
from contextlib import suppress

import click

from hrnet_zoo.system.foreign import UNSEEN, escape

# Patterns, compiled where a text needs them: most texts do not, and every command starts with this.
# What `click.style` makes of the colours and the bold type that reports use.
_STYLE = r"\x1b\[(?:[01]|3[0-7]|48;2(?:;\d{1,3}){3})m"
_HARMLESS = "\n\t"
_UNSEEN = rf"{_STYLE}|\r\n|{UNSEEN.pattern}"
# GitHub obeys "::" at the beginning of a line, after blanks, and "##[" anywhere in one, as Azure
# obeys "##vso[" and TeamCity "##teamcity[".
# Source: actions/runner, src/Runner.Common/ActionCommand.cs, TryParseV2 and TryParse.
_ORDER = rf"^((?:[^\S\n]|{_STYLE})*+):(?=:)|##(?=\w*\[)"

_FURTHER_LINE = r"(?<=\n)(?=\S)"


def echo(text: str = "", *, err: bool = False, end: str = "\n", are_commands: bool = False) -> None:
    """Print a text, to standard error if it is no result.

    Args:
        text: the text; what it would have done to a terminal or a workflow is written out instead.
        err: whether it goes to standard error.
        end: what follows it.
        are_commands: whether lines are meant for the service that runs a workflow.
    """
    click.echo(harmless(text, are_commands=are_commands) + end, err=err, nl=False)


def complain(message: str) -> None:
    """Print an error; all but its first line is indented, so that none passes for another's."""
    with suppress(OSError):  # what it is printed to may be what is full
        echo(f"{click.style('error:', fg='red')} {indented(message)}", err=True)


def indented(message: str) -> str:
    """Return a message whose further lines begin with a blank at least."""
    return re.sub(_FURTHER_LINE, "  ", message)


def harmless(text: str, *, are_commands: bool = False) -> str:
    """Return a text without orders to terminals, or to workflows unless they are meant.

    JSON stays the same as data: escapes in it are its own, and none of its lines begin with "::".
    """
    # Most texts hold nothing of the kind, and to look at each of their characters takes longer.
    if not text.replace("\n", "").isprintable():
        text = re.sub(_UNSEEN, _written_out, text)
    if are_commands or not ("::" in text or "##" in text):
        return text
    return re.sub(_ORDER, _defused, text, flags=re.MULTILINE)


def _written_out(found: re.Match[str]) -> str:
    seen = found[0]
    return seen if len(seen) > 1 or seen in _HARMLESS else escape(seen)


def _defused(found: re.Match[str]) -> str:
    return r"#\u0023" if found[0] == "##" else rf"{found[1]}\u003a"
