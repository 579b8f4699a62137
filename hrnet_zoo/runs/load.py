"""From a row to a predictor with its weights."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.runs.engine import EngineWish, choose_engine
from hrnet_zoo.runs.options import RunOptions
from hrnet_zoo.settings import cache_dir
from hrnet_zoo.system.devices import resolve_device
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.predictor import Predictor
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.row import Row


def load_predictor(
    row: Row,
    manifest_dir: Path,
    *,
    checkpoint: Path | None,
    device: str,
    engine: EngineWish | None = None,
    fetch: FetchOptions | None = None,
    progress: Progress | None = None,
) -> Predictor:
    """Return a predictor with the row's published weights, or those of a given file.

    Args:
        row: a row of the manifest.
        manifest_dir: the manifest's folder, where relative links start.
        checkpoint: a file; None means the published one.
        device: "auto", "cpu", "cuda" or "cuda:N".
        engine: what computes the network, which has to agree with torch first; None means torch.
        fetch: None means the usual cache and the linked servers.
        progress: told about a download and about tensors that were left out; None means nobody is.

    Raises:
        CheckpointError: the file cannot be had, is not what it should be, or does not fit.
        PrerequisiteError: the device does not exist, or the engine cannot be used, or differs.
    """
    progress = progress or Silent()
    chosen = resolve_device(device, progress)
    fetch = fetch or FetchOptions(cache_dir=cache_dir())
    options = RunOptions(fetch=fetch, manifest_dir=manifest_dir, checkpoint=checkpoint)
    file = options.file_for(row, progress)
    task = TASKS[row.task]
    loaded = task.networks.load(row.name, row.setup, file.path, chosen)
    for remark in loaded.taken.remarks:
        progress.say(f"{file.path.name}: {remark}")
    wish = engine or EngineWish()
    compared = wish.readable_images()
    chosen_engine = choose_engine(
        wish.choice, row.name, row.setup, loaded.model, chosen, compared, progress
    )
    return task.networks.predictor(row.name, row.setup, loaded.model, chosen, chosen_engine.network)
