"""Where files live on this machine; the only module that reads environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """Return the folder of downloaded checkpoints: HRNET_ZOO_CACHE, or the platform's own."""
    override = os.environ.get("HRNET_ZOO_CACHE")
    if override:
        return Path(override).expanduser()
    return platformdirs.user_cache_path("hrnet-zoo", appauthor=False)


def data_root(given: Path | None) -> Path | None:
    """Return the folder that holds the data sets: ``given``, else HRNET_ZOO_DATA, else None."""
    if given is not None:
        return given
    override = os.environ.get("HRNET_ZOO_DATA")
    return Path(override).expanduser() if override else None
