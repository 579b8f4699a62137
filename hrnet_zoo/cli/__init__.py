"""The command line: parse, one call, print, exit code. One file per command.

Exit codes: 0 everything asked for was run and matched; 1 a mismatch; 2 wrong usage or manifest;
3 something asked for could not be run or has nothing to be compared with; 70 a mistake of ours;
128 and the number of the signal that ended it: 129 SIGHUP, 130 Ctrl-C, 143 SIGTERM; 141 the reader
of the output left.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import TextIO

import click

from hrnet_zoo import __version__, settings
from hrnet_zoo.cli.terminal import complain, echo, indented
from hrnet_zoo.errors import ZooError, explain_os_error
from hrnet_zoo.system import signals

_BUG = 70
_NOBODY_LISTENS = 141

_COMMANDS = {
    "list": ("list", "list_rows"),
    "show": ("show", "show"),
    "fetch": ("fetch", "fetch"),
    "lock": ("lock", "lock"),
    "verify": ("verify", "verify"),
    "explain": ("explain", "explain"),
    "time": ("time", "time_rows"),
    "memory": ("memory", "memory"),
    "predict": ("predict", "predict"),
    "score": ("score", "score"),
    "fps": ("fps", "fps"),
    "compare": ("compare", "compare"),
    "report": ("report", "report"),
    "readme": ("readme", "readme"),
    "import": ("import_file", "import_rows"),
    "lint": ("lint", "lint"),
    "records": ("records", "records"),
    "bundle": ("bundle", "bundle"),
    "data": ("data", "data"),
    "doctor": ("doctor", "doctor"),
    "demo": ("demo", "demo"),
    "schema": ("schema", "schema"),
}
"""Name -> module and function."""

_COMPUTING = {"verify", "explain", "predict", "demo", "time"}
"""Commands whose threads share the processors with other programs."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="hrnet-zoo")
def cli() -> None:
    """Does this published checkpoint really give the number in the table, on this machine?

    Start with "hrnet-zoo demo"; it needs no data and no network. Exit codes: 0 all asked for was
    run and matched, 1 a mismatch, 2 wrong usage or manifest, 3 something could not be run or has
    nothing to be compared with.
    """


def command_line(first: str) -> click.Group:
    """Return the command line with the command called ``first``, or with all if none is.

    The others are not imported: what their options take is a tenth of the start-up of `list`.
    """
    for name in [first] if first in _COMMANDS else _COMMANDS:
        module, function = _COMMANDS[name]
        cli.add_command(getattr(import_module(f"hrnet_zoo.cli.{module}"), function))
    return cli


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    warnings.showwarning = _warn
    # Looking for plugins of pydantic, of which none are wanted, takes a thirtieth of `list`.
    settings.suggest({"PYDANTIC_DISABLE_PLUGINS": "__all__"})
    if isinstance(sys.stdout, TextIOWrapper):  # as standard error does by itself
        sys.stdout.reconfigure(errors="backslashreplace")
    # Pillow's, of sizes that `datasets/image_header.py` takes, or refuses in a message.
    warnings.filterwarnings("ignore", "Image size .* could be decompression bomb")
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (head, less) left; nobody is there to be told anything.
        _print_nowhere()
        code = _NOBODY_LISTENS
    except OSError as error:
        complain(explain_os_error(error))
        code = ZooError.exit_code
    except (KeyboardInterrupt, click.Abort) as stopped:
        with suppress(OSError):  # the terminal may be what is gone
            echo("interrupted; what was fetched or recorded so far is kept", err=True)
        code = signals.exit_code_of(stopped)
    except Exception:  # noqa: BLE001 - our own mistake: show all of it, and never as "mismatch"
        echo(traceback.format_exc(), err=True, end="")
        code = _BUG
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # Python would try again, and leave with an exit code of its own
        _print_nowhere()
    sys.exit(code)


def _print_nowhere() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # one that is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run() -> int:
    """Run the command; return its exit code, or that of the mistake it explains."""
    try:
        # Not cli.main(), which turns a closed pipe into exit code 1: that is our "mismatch".
        first = next(iter(sys.argv[1:]), "")
        if first in _COMPUTING:
            _share_processors(may_take_fewer=first != "time")
        # Within: what a signal became on its way is not explained as something else.
        with signals.raised():
            program = command_line(first)
            with program.make_context("hrnet-zoo", sys.argv[1:]) as context:
                return program.invoke(context) or 0
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except ZooError as error:
        complain(str(error))
        return error.exit_code
    except click.ClickException as error:
        _show(error)
        return error.exit_code


def _share_processors(*, may_take_fewer: bool) -> None:
    """Settle how threads wait and how many there are, before torch is imported.

    Args:
        may_take_fewer: whether a part of the processors will do where others use them. Latencies
            are those of all of them, and say that the machine was shared.
    """
    from hrnet_zoo.system import processors

    own = settings.torch_variables()
    if not own.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}:
        settings.suggest(processors.SHORT_SPINS)
    if not may_take_fewer or "OMP_NUM_THREADS" in own:
        return
    all_of_them, busy = processors.visible_processors(), processors.busy_processors()
    threads = processors.fair_share(all_of_them, busy)
    if threads is not None and threads < all_of_them:
        settings.suggest({"OMP_NUM_THREADS": str(threads)})
        echo(
            f"other programs keep {busy:.1f} of {all_of_them} processors busy; computing with "
            f"{threads} thread{'s' if threads > 1 else ''} (OMP_NUM_THREADS decides otherwise)",
            err=True,
        )


def _show(error: click.ClickException) -> None:
    # Click prints by itself, arguments included; a file takes it down first.
    said = StringIO()
    error.message = indented(error.message)  # type: ignore[misc]
    error.show(said)
    echo(said.getvalue(), err=True, end="")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the name that Python gives it
    line: str | None = None,
) -> None:
    # What libraries warn of quotes what they read.
    echo(warnings.formatwarning(message, category, filename, lineno, line), err=True, end="")
