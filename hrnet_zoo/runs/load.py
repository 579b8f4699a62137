"""From a row to a predictor with its weights."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.settings import cache_dir
from hrnet_zoo.system.devices import resolve_device
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.predictor import Predictor
from hrnet_zoo.zoo.checkpoint import FetchOptions, fetch_row, own_checkpoint
from hrnet_zoo.zoo.row import Row


def load_predictor(
    row: Row,
    manifest_dir: Path,
    *,
    checkpoint: Path | None,
    device: str,
    fetch: FetchOptions | None = None,
    progress: Progress | None = None,
) -> Predictor:
    """Return a predictor with the row's published weights, or those of a given file.

    Args:
        row: a row of the manifest.
        manifest_dir: the manifest's folder, where relative links start.
        checkpoint: a file; None means the published one.
        device: "auto", "cpu", "cuda" or "cuda:N".
        fetch: None means the usual cache and the linked servers.
        progress: told about a download and about tensors that were left out; None means nobody is.

    Raises:
        CheckpointError: the file cannot be had, is not what it should be, or does not fit.
        PrerequisiteError: the device does not exist.
    """
    chosen = resolve_device(device)
    progress = progress or Silent()
    if checkpoint is None:
        fetch = fetch or FetchOptions(cache_dir=cache_dir())
        file = fetch_row(row, manifest_dir, fetch, progress)
    else:
        file = own_checkpoint(row, checkpoint, progress)
    task = TASKS[row.task]
    loaded = task.load(row.name, row.setup, file.path, chosen)
    if loaded.extra_keys:
        progress.say(loaded.describe_extra(file.path))
    return task.predictor(row.name, row.setup, loaded.model, chosen)
