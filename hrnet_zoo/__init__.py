"""hrnet-zoo: does this published checkpoint really give the number in the table?

    zoo = hrnet_zoo.load_zoo()
    predictor = hrnet_zoo.load("fcn_hr18_512x1024_40k_cityscapes")
    labels = predictor.predict("street.png").labels

A detector's result has ``boxes``, ``scores``, ``labels`` and ``masks`` instead, a classifier's has
``logits``, ``scores`` and ``top(k)``.

    measured = hrnet_zoo.results("reports/records")
    measured[measured.counts].pivot(index="row", columns="metric", values="delta")

Importing the package alone imports neither torch nor pandas.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.errors import ZooError

# Imports stand inside the functions: every command starts here, and most need none of this.
if TYPE_CHECKING:
    import pandas
    import torch
    from torch import nn

    from hrnet_zoo.tasks.predictor import Predictor
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo

__all__ = ["ZooError", "__version__", "build", "load", "load_zoo", "results"]

__version__ = "0.1.0"


def load_zoo(path: str | Path | None = None) -> Zoo:
    """Return all rows of a manifest.

    Args:
        path: a manifest file; None means the one that ships with hrnet-zoo.

    Raises:
        ManifestError: the file is missing or breaks the schema; all problems are listed.
    """
    from hrnet_zoo.zoo import manifest

    return manifest.load_zoo(None if path is None else Path(path))


def build(name: str) -> nn.Module:
    """Return the network of the row called ``name``: untrained, float32, eval mode, on the CPU.

    Raises:
        UsageError: there is no such row.
        PrerequisiteError: this version cannot build its network.
    """
    from hrnet_zoo.tasks import TASKS

    row = load_zoo().row(name)
    return TASKS[row.task].networks.build(row.setup)


def load(
    name: str,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    *,
    edition: EditionName = "readme",
) -> Predictor:
    """Return a predictor for the row called ``name``.

    Args:
        name: a row of the manifest.
        checkpoint: a weights file; None fetches the published one into the cache.
        device: "cpu", "cuda", "cuda:N" or "auto".
        edition: "readme", or "later" for the file and preprocessing that upstream published later.

    Raises:
        UsageError: there is no such row, edition or device name.
        CheckpointError: the weights cannot be had, are not the promised ones, or do not fit.
        PrerequisiteError: the device does not exist, or this version cannot build the network.
    """
    from hrnet_zoo.runs.load import load_predictor

    zoo = load_zoo()
    path = None if checkpoint is None else Path(checkpoint)
    row = zoo.row(name, edition)
    return load_predictor(row, zoo.path.parent, checkpoint=path, device=str(device))


def results(records: str | Path, zoo: Zoo | None = None) -> pandas.DataFrame:
    """Return what records say about documented numbers, one line for each number and run.

    The lines are those of ``hrnet-zoo report export`` that have a run, in the order of the
    manifest, runs oldest first; then the fps of rows that were timed, of the last usable run each.
    A number that a run was to measure and did not has a line as well. What is absent is missing, as
    pandas understands it. Files that cannot be used are left out, with a warning that names them.

    Columns:
        row, edition: the row's name; "readme" or "later".
        task, dataset, method, backbone: of the row, as in the manifest.
        parameters, multiply_adds: of its network, for an image of the documented size.
        metric: by its name in manifests, such as "miou" or "fps".
        protocol: the pass it comes from, "single", "ms_flip" or "size"; missing for fps.
        documented, documented_printed: the number in the README; the text has all its decimals.
        measured: in the unit of the metric: percent, millions, 10^9 Flops or images per second.
        delta: measured - documented; missing for fps, which are of another machine.
        verdict, reason: as ``verify`` gives them; missing for fps.
        interval_low, interval_high: 95 % interval of the measured value, by the jackknife.
        counts: whether this run is the one that counts of its number.
        record: path of the record below ``records``.
        started_at: when the run began, UTC.
        device: what it ran on.

    Args:
        records: the folder that ``verify`` and ``time`` wrote to.
        zoo: says what is documented; None means the manifest that ships with hrnet-zoo.

    Raises:
        UsageError: there is no such folder.
    """
    import warnings

    from hrnet_zoo.errors import UsageError
    from hrnet_zoo.report.export import table_of, values_of
    from hrnet_zoo.report.html.gathering import gather

    folder = Path(records)
    if not folder.is_dir():
        msg = f"There is no folder {folder}; it should be the one that verify and time wrote to."
        raise UsageError(msg)
    gathered = gather(load_zoo() if zoo is None else zoo, folder)
    if gathered.problems:
        named = "; ".join(f"{problem.path}: {problem.reason}" for problem in gathered.problems)
        warnings.warn(f"left out: {named}", stacklevel=2)
    return table_of(value for value in values_of(gathered) if value.record is not None)
