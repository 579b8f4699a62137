"""The checkpoint file behind a row: the published one, or one the user names; hash-checked.

It knows rows and files, not what is in the files: fetching needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.weights.download import FetchedFile, fetch_file, sha256_of
from hrnet_zoo.weights.file_name import promised_sha256
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """Where checkpoints come from and where they are kept."""

    cache_dir: Path
    mirror: str | None = None
    offline: bool = False


def fetch_row(
    row: Row, manifest_dir: Path, options: FetchOptions, progress: Progress
) -> FetchedFile:
    """Return the row's published checkpoint, from the cache or downloaded; its hash is checked.

    Raises:
        CheckpointError: the row links none, or it cannot be had as promised.
    """
    if row.checkpoint_url is None or row.checkpoint_sha256_prefix is None:
        or_later = ", or --edition later" if row.edition == "readme" and row.later else ""
        msg = (
            f"{row.name}: the table links no checkpoint for this row: there is nothing to fetch. "
            f"Pass a file of your own with --checkpoint{or_later}."
        )
        raise CheckpointError(msg)
    progress.begin(f"checkpoint {row.checkpoint_file_name}", None, "B")
    return fetch_file(
        row.checkpoint_url,
        sha256_prefix=row.checkpoint_sha256_prefix,
        cache_dir=options.cache_dir,
        base_dir=manifest_dir,
        mirror=options.mirror,
        offline=options.offline,
        on_progress=progress.update,
        notify=progress.say,
    )


def own_checkpoint(row: Row, path: Path, progress: Progress) -> FetchedFile:
    """Return a checkpoint named by the user for a row; say so if it is another edition's.

    A hash in its name must be that of its content.

    Raises:
        CheckpointError: the file is missing, or is not what its name promises.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        msg = f"A checkpoint file was expected at {path}, there is {found}. Check --checkpoint."
        raise CheckpointError(msg)
    sha256 = sha256_of(path)
    promised = promised_sha256(path.name)
    if promised is not None and not sha256.startswith(promised):
        msg = (
            f"{path}: its name promises a SHA-256 beginning {promised}, its content has "
            f"{sha256[:8]}. It is damaged or was changed; fetch it again, or rename it if it is "
            "your own."
        )
        raise CheckpointError(msg)
    editions = row.editions_of(sha256)
    if editions and row.edition not in editions:
        progress.say(
            f'{path.name} is the file of the "{editions[0]}" edition of {row.name}, but is used as '
            f'that of "{row.edition}". Pass --edition {editions[0]}.'
        )
    return FetchedFile(path=path, sha256=sha256, size_bytes=path.stat().st_size, from_cache=True)
