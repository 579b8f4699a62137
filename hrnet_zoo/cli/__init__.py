"""The command line: parse, one call, print, exit code. One file per command.

Exit codes: 0 everything asked for was run and matched; 1 a mismatch; 2 wrong usage or manifest;
3 something asked for could not be run or has nothing to be compared with; 70 a mistake of ours;
130 interrupted; 141 the reader of the output left.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from hrnet_zoo import __version__
from hrnet_zoo.cli.compare import compare
from hrnet_zoo.cli.data import data
from hrnet_zoo.cli.demo import demo
from hrnet_zoo.cli.fetch import fetch
from hrnet_zoo.cli.fps import fps
from hrnet_zoo.cli.import_file import import_rows
from hrnet_zoo.cli.lint import lint
from hrnet_zoo.cli.list import list_rows
from hrnet_zoo.cli.memory import memory
from hrnet_zoo.cli.predict import predict
from hrnet_zoo.cli.readme import readme
from hrnet_zoo.cli.records import records
from hrnet_zoo.cli.report import report
from hrnet_zoo.cli.schema import schema
from hrnet_zoo.cli.score import score
from hrnet_zoo.cli.show import show
from hrnet_zoo.cli.time import time_rows
from hrnet_zoo.cli.verify import verify
from hrnet_zoo.errors import ZooError, explain_os_error

_BUG = 70
_INTERRUPTED = 130
_NOBODY_LISTENS = 141


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="hrnet-zoo")
def cli() -> None:
    """Does this published checkpoint really give the number in the table, on this machine?

    Start with "hrnet-zoo demo"; it needs no data and no network. Exit codes: 0 all asked for was
    run and matched, 1 a mismatch, 2 wrong usage or manifest, 3 something could not be run or has
    nothing to be compared with.
    """


for command in (
    list_rows, show, fetch, verify, time_rows, memory, predict, score, fps, compare, report, readme,
    import_rows, lint, records, data, demo, schema,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (head, less) left; nobody is there to be told anything.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _NOBODY_LISTENS
    except OSError as error:
        _complain(explain_os_error(error))
        code = ZooError.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was fetched or recorded so far is kept", err=True)
        code = _INTERRUPTED
    except Exception:  # noqa: BLE001 - our own mistake: show all of it, and never as "mismatch"
        traceback.print_exc()
        code = _BUG
    sys.exit(code)


def _run() -> int:
    """Run the command; return its exit code, or that of the mistake it explains."""
    try:
        # Not cli.main(), which turns a closed pipe into exit code 1: that is our "mismatch".
        with cli.make_context("hrnet-zoo", sys.argv[1:]) as context:
            return cli.invoke(context) or 0
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except ZooError as error:
        _complain(str(error))
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code


def _complain(message: str) -> None:
    click.echo(f"{click.style('error:', fg='red')} {message}", err=True)
