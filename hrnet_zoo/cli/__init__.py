"""The command line: parse, one call, print, exit code. One file per command.

Exit codes: 0 everything asked for was run and matched; 1 a mismatch; 2 wrong usage or manifest;
3 something asked for could not be run or has nothing to be compared with; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import click

from hrnet_zoo import __version__
from hrnet_zoo.cli.demo import demo
from hrnet_zoo.cli.fetch import fetch
from hrnet_zoo.cli.list import list_rows
from hrnet_zoo.cli.report import report
from hrnet_zoo.cli.schema import schema
from hrnet_zoo.cli.show import show
from hrnet_zoo.cli.verify import verify
from hrnet_zoo.errors import ZooError

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hrnet-zoo")
def cli() -> None:
    """Does this published checkpoint really give the number in the table, on this machine?

    Start with "hrnet-zoo demo"; it needs no data and no network. Exit codes: 0 all asked for was
    run and matched, 1 a mismatch, 2 wrong usage or manifest, 3 something could not be run or has
    nothing to be compared with.
    """


for command in (list_rows, show, fetch, verify, report, demo, schema):
    cli.add_command(command)


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        code = cli.main(standalone_mode=False) or 0
    except ZooError as error:
        click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was fetched or recorded so far is kept", err=True)
        code = _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) left; nothing is wrong, and nobody listens.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
