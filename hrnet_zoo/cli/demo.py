"""hrnet-zoo demo: verify the small zoo that ships with the package, from fetch to table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, device_option
from hrnet_zoo.cli.report import measured_in
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.row import Row
    from hrnet_zoo.zoo.zoo import Zoo

_EXAMPLE, _ZOOM = 1, 2  # which image of a row's data set is shown, and how much larger
_NEXT_STEPS = """\
What next:
  hrnet-zoo list                                  the documented rows of three READMEs
  hrnet-zoo show fcn_hr18_512x1024_40k_cityscapes
  hrnet-zoo verify fcn_hr18_512x1024_40k_cityscapes --data-root DIR
                                                  the same check on the real thing; DIR holds
                                                  cityscapes/leftImg8bit and cityscapes/gtFine"""


@click.command()
@click.option(
    "--output",
    type=PATH,
    default=Path("hrnet-zoo-demo"),
    help="Folder for the record, the picture and the table.",
)
@device_option
def demo(output: Path, device: str) -> int:
    """Verify the small zoo that ships along."""
    from hrnet_zoo import settings
    from hrnet_zoo.cli.verify import verify_and_print
    from hrnet_zoo.demo import DATA_ROOT, MANIFEST
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.manifest import load_zoo

    zoo = load_zoo(MANIFEST)
    echo("Three rows: do their checkpoints give the mIoU, AP and Top-1 in the tables?\n")
    options = MeasureOptions(
        fetch=FetchOptions(cache_dir=settings.cache_dir()),
        manifest_dir=MANIFEST.parent,
        data_folders=DataFolders(root=DATA_ROOT),
        device=device,
    )
    asked = [(row, zoo.metrics_of(row, ())) for row in zoo.rows]
    code = verify_and_print(asked, options, output / "records", None, "text")
    for row in zoo.rows:
        _write_picture(zoo, row, output / f"{row.name}.png", device)
    _write_table(zoo, output)
    echo(_NEXT_STEPS)
    return code


def _write_picture(zoo: Zoo, row: Row, path: Path, device: str) -> None:
    from hrnet_zoo.demo import DATA_ROOT
    from hrnet_zoo.runs.load import load_predictor
    from hrnet_zoo.tasks import TASKS

    predictor = load_predictor(row, zoo.path.parent, checkpoint=None, device=device)
    samples = TASKS[row.task].open_data(row.setup, DATA_ROOT)
    predictor.beside_truth(samples, _EXAMPLE, _ZOOM).save(path)
    echo(f"\n{row.name}, input, truth and prediction: {path}")


def _write_table(zoo: Zoo, output: Path) -> None:
    from hrnet_zoo.report.tables import render_tables

    texts = render_tables(zoo, measured_in(zoo, output / "records"))
    markdown = "\n".join(texts.values())
    path = output / "table.md"
    path.write_text(markdown, encoding="utf-8")
    echo(f"{markdown}\n(written to {path})\n")
