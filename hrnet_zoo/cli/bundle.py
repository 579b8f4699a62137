"""hrnet-zoo bundle: records with all that it takes to judge them again, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    COUNT,
    PATH,
    SEED,
    data_given_options,
    device_option,
    fetch_options,
    format_option,
    loaded_zoo,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.bundles.reading import Bundle
    from hrnet_zoo.bundles.text import Again
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.zoo import Zoo

_MOST_SEEDS = 2**32


class _OrMake(click.Group):
    """A group whose first command may be left out: "bundle RECORD..." makes one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else ["make", *args])


@click.group(cls=_OrMake)
def bundle() -> None:
    """Pack records for others to judge, verify such packs.

    "bundle RECORD... --output FILE" is short for "bundle make RECORD... --output FILE".
    """


@bundle.command()
@click.argument("records", nargs=-1, required=True, type=PATH, metavar="RECORD...")
@click.option("--output", type=PATH, required=True, metavar="FILE", help="Where to write it.")
@click.option(
    "--sign", type=PATH, metavar="KEY", help="Sign it with a private key, as keygen makes one."
)
@click.option(
    "--third-party",
    is_flag=True,
    help="State that the weights are published by others than those who measured.",
)
@loaded_zoo
def make(
    records: tuple[Path, ...], output: Path, sign: Path | None, third_party: bool, zoo: Zoo
) -> None:
    """Pack records of verify into one file.

    It holds the records, what is kept of each image, their rows and the verdicts: all that it takes
    to score and judge them again without GPU, images or network. Images are never in it.
    """
    from hrnet_zoo.bundles.keys import signer_of
    from hrnet_zoo.bundles.making import bundle_of
    from hrnet_zoo.records.files import now, writing
    from hrnet_zoo.system.whole_file import write_whole

    signer = signer_of(sign) if sign else None
    content = bundle_of(zoo, records, now(), third_party=third_party, signer=signer)
    with writing("bundle", output):
        write_whole(output, content)
    signed = f"signed by the key {signer.public_key.keyid}" if signer else "not signed"
    echo(f"{output}: {len(records)} record{'s' * (len(records) != 1)}, {signed}")


@bundle.command()
@click.argument("private", type=PATH, metavar="FILE")
def keygen(private: Path) -> None:
    """Make a key to sign bundles with.

    FILE gets the private half, which only you can read and nobody else should; FILE.pub gets the
    public half, which is to be passed on. No file is ever overwritten.
    """
    from hrnet_zoo.bundles.keys import generate, public_file

    identity = generate(private)
    echo(f"{private}: private, keep it secret\n{public_file(private)}: public\nkey {identity}")


@bundle.command()
@click.argument("file", type=PATH)
@click.option(
    "--trust",
    type=PATH,
    metavar="PUBLIC",
    help="Demand a signature by the key whose public half is in this file.",
)
@click.option(
    "--rerun",
    type=COUNT,
    metavar="K",
    help="Run K random images of each record again, and compare their files and results.",
)
@click.option(
    "--seed",
    type=SEED,
    help="Which images --rerun draws.  [default: another each time, and it is said]",
)
@data_given_options
@click.option("--checkpoint", type=PATH, help="Weights for --rerun instead of the published ones.")
@device_option
@fetch_options
@format_option("text", "json")
@loaded_zoo
def verify(
    file: Path,
    trust: Path | None,
    rerun: int | None,
    seed: int | None,
    data_root: Path | None,
    data: Mapping[str, Path],
    checkpoint: Path | None,
    device: str,
    fetch: FetchOptions,
    form: str,
    zoo: Zoo,
) -> int:
    """Check a bundle and judge its records again.

    It takes neither GPU, data, weights nor network: signature and digests are checked, numbers are
    computed again from what is kept of each image, and the verdicts from these. Exit code: 0 if all
    holds and every number is a match with a row as it is here, 1 for a mismatch, 3 otherwise.
    """
    import secrets

    from hrnet_zoo import settings
    from hrnet_zoo.bundles.keys import public_key_in
    from hrnet_zoo.bundles.reading import opened
    from hrnet_zoo.bundles.text import as_json, as_text, exit_code
    from hrnet_zoo.bundles.verifying import require_known_links
    from hrnet_zoo.bundles.verifying import verify as verified_with
    from hrnet_zoo.datasets import DATASETS
    from hrnet_zoo.runs.options import MeasureOptions

    given = {"--data-root": data_root, "--data": data, "--seed": seed, "--checkpoint": checkpoint}
    unused = [option for option, value in given.items() if value not in (None, {})]
    if rerun is None and unused:
        msg = f"{unused[0]} is for running images again; add --rerun K, or leave it out."
        raise click.UsageError(msg)
    trusted = public_key_in(trust) if trust else None
    again = None
    with opened(file) as bundle:
        verified = verified_with(bundle, zoo, trusted)
        if rerun is not None:
            if checkpoint is None:
                require_known_links(bundle, zoo)
            options = MeasureOptions(
                fetch=fetch,
                manifest_dir=zoo.path.parent,
                checkpoint=checkpoint,
                device=device,
                data_folders=settings.data_folders(data_root, data, DATASETS),
                limit=rerun,
                seed=secrets.randbelow(_MOST_SEEDS) if seed is None else seed,
            )
            again = _run_again(bundle, options)
    if form == "json":
        echo(as_json(verified, again))
    else:
        echo(as_text(file, verified, again, zoo.path.name))
    return exit_code(verified, again)


def _run_again(bundle: Bundle, options: MeasureOptions) -> Again:
    """Run random images of each record again, and return how they compare."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from hrnet_zoo.bundles.text import Again
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.runs.unchanged import Earlier
    from hrnet_zoo.runs.verify import verify_row
    from hrnet_zoo.system.host_memory import keep_freed_memory
    from hrnet_zoo.tasks import METRICS

    keep_freed_memory()
    records = []
    with TemporaryDirectory(prefix="hrnet-zoo-rerun-") as folder:
        for run in bundle.runs:
            row = bundle.zoo.row(run.record.row, run.record.edition)
            names = [m.metric for m in run.record.measurements if METRICS[m.metric].is_accuracy]
            with show_progress() as progress:
                now = replace(options, earlier=Earlier(run.path, row, names))
                records.append(verify_row(row, names, now, Path(folder), progress).record)
    return Again(seed=options.seed, records=records)
