"""hrnet-zoo doctor: what this machine has and lacks, each line with its remedy."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import data_given_options, device_option, format_option
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.doctor.finding import Finding


@click.command()
@device_option
@data_given_options
@click.option("--network", is_flag=True, help="Also ask the servers of checkpoints for an answer.")
@click.option("--mirror", metavar="URL", help="With --network: ask this server or folder instead.")
@format_option("text", "json")
def doctor(
    device: str,
    data_root: Path | None,
    data: Mapping[str, Path],
    network: bool,
    mirror: str | None,
    form: str,
) -> int:
    """Check this machine, and say what to do.

    Exit codes: 0 what was asked for can work, 3 something cannot.
    """
    from hrnet_zoo.doctor.examination import Asked, examine
    from hrnet_zoo.doctor.finding import is_ready
    from hrnet_zoo.doctor.text import as_json, as_text, conclusion
    from hrnet_zoo.errors import ZooError

    if mirror is not None and not network:
        msg = "--mirror is looked at with --network only; add it."
        raise click.UsageError(msg)
    asked = Asked(device=device, data_root=data_root, data=data, network=network, mirror=mirror)
    findings: list[Finding] = []
    output = sys.stdout
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):  # some print when imported
        warnings.simplefilter("ignore")  # what libraries warn of, the findings say
        for finding in examine(asked):
            if form == "text":
                is_first = not findings or findings[-1].area != finding.area
                with redirect_stdout(output):
                    echo(as_text(finding, heading=is_first))
            findings.append(finding)
    echo(as_json(findings) if form == "json" else conclusion(findings))
    return 0 if is_ready(findings) else ZooError.exit_code
