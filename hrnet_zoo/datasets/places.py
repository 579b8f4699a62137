"""Where a data set lies below the folder that a user names."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.errors import DatasetError


def find_root(dataset: DataSet, data_root: Path, *below: str, expected: str) -> Path:
    """Return the data set's own folder: the first candidate that has one of some entries.

    Args:
        dataset: what is looked for.
        data_root: the folder that holds its own folder, or that folder itself.
        below: folders or files in it that tell it from others, beside the folder of its images.
        expected: which files should be where, for the message.

    Raises:
        DatasetError: there is no such folder.
    """
    own = data_root / dataset.root
    for candidate in (own, data_root):
        if any((candidate / entry).exists() for entry in (dataset.image_dir, *below)):
            return candidate
    msg = (
        f"{dataset.title} was not found in {data_root}: there is no folder "
        f"{own / dataset.image_dir}. Expected are {expected}. Pass the folder that holds "
        f"{dataset.root}/ with --data-root, or set HRNET_ZOO_DATA."
    )
    raise DatasetError(msg)
