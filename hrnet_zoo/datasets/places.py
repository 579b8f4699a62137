"""Where a data set lies below the folder that a user names."""

from __future__ import annotations

from pathlib import Path


def find_root(root: str, data_root: Path, *below: str) -> Path | None:
    """Return the data set's own folder: the first candidate that has one of some entries.

    Args:
        root: name of the data set's own folder.
        data_root: the folder that holds it, or that folder itself.
        below: folders or files in it that tell it from others.
    """
    candidates = (data_root / root, data_root)
    return next((c for c in candidates if any((c / entry).exists() for entry in below)), None)
