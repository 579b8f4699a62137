"""Where files live on this machine; the only module that reads environment variables.

A command's options win over environment variables, and those over the settings file:

    # settings.toml in the platform's configuration folder, or where HRNET_ZOO_SETTINGS points
    cache = "/big/checkpoints"
    data_root = "/data"

    [data]
    cityscapes = "/mnt/cs"
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.system.opening import read_regular

if TYPE_CHECKING:
    from platformdirs import PlatformDirs

_OF_TORCH = ("OMP_", "GOMP_", "KMP_", "MKL_", "CUBLAS_", "NVIDIA_TF32", "PYTORCH_", "TORCH_ALLOW")
"""Beginnings of names."""

_LARGEST_BYTES = 1024**2
"""Of a settings file."""
_KEYS = {"cache": str, "data_root": str, "data": dict}


@dataclass(frozen=True, kw_only=True)
class DataFolders:
    """Where the data sets are."""

    root: Path | None = None
    """The folder that holds the data sets' own folders."""
    own: Mapping[str, Path] = field(default_factory=dict)
    """Data set name -> its own folder, for those that are elsewhere."""

    def of(self, dataset: str) -> Path | None:
        """Return the folder to look for a data set in, or None if nobody said where it is."""
        return self.own.get(dataset, self.root)


def cache_dir() -> Path:
    """Return the folder of downloaded checkpoints.

    Raises:
        UsageError: the settings file is not valid.
    """
    of_file = _settings_file().get("cache")
    if given := os.environ.get("HRNET_ZOO_CACHE") or of_file:
        return _folder(given)
    try:
        return _folders().user_cache_path
    except RuntimeError:
        msg = "This user has no home folder to keep checkpoints in. Set HRNET_ZOO_CACHE."
        raise UsageError(msg) from None


def user_lock() -> Path:
    """Return this user's lock, for the manifest that an installed package brings along.

    Raises:
        UsageError: this user has no folder to keep it in.
    """
    try:
        return _folders().user_data_path / "zoo.lock"
    except RuntimeError:
        msg = "This user has no home folder to keep a lock of checkpoints in. Name one with --lock."
        raise UsageError(msg) from None


def data_folders(root: Path | None, own: Mapping[str, Path], known: Collection[str]) -> DataFolders:
    """Return where the data sets are: as given, or else as set for this machine.

    Args:
        root: folder of all data sets, from the command line; None: HRNET_ZOO_DATA or the file.
        own: folders of single data sets, from the command line; they are added to the file's.
        known: the names that data sets have; the file may have no other.

    Raises:
        UsageError: the settings file is not valid.
    """
    # Read in any case: what is wrong with it is not to show only once an option is left out.
    settings = _settings_file()
    listed = _listed_folders(settings.get("data", {}), known)
    if root is not None:
        # A root named on the command line speaks for every data set that is not named there too.
        return DataFolders(root=root, own=own)
    from_environment = os.environ.get("HRNET_ZOO_DATA")
    if from_environment:
        return DataFolders(root=_folder(from_environment), own=own)
    common = _folder(settings["data_root"]) if settings.get("data_root") else None
    return DataFolders(root=common, own=listed | dict(own))


def _listed_folders(table: Mapping[str, object], known: Collection[str]) -> dict[str, Path]:
    """Return the folders in the settings file's [data]; what is wrong there is not passed over."""
    for name, folder in table.items():
        if name not in known:
            close = did_you_mean(name, known)
            msg = (
                f'{settings_path()}, [data]: no data set is called "{name}".{close} '
                f"There are: {', '.join(known)}."
            )
            raise UsageError(msg)
        if not (folder and isinstance(folder, str)):
            msg = f"{settings_path()}, [data]: {name} is to be a folder in quotes, not {folder!r}."
            raise UsageError(msg)
    return {name: _folder(folder) for name, folder in table.items()}


def step_summary() -> Path | None:
    """Return the file whose Markdown GitHub shows for the step of a workflow, in one of these."""
    given = os.environ.get("GITHUB_STEP_SUMMARY")
    return Path(given) if given else None


def suggest(variables: Mapping[str, str]) -> None:
    """Set environment variables for what is imported later; what the user has set stays."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def torch_variables() -> dict[str, str]:
    """Return the environment variables that decide how torch computes, in order of name."""
    return variables(*_OF_TORCH)


def variables(*prefixes: str) -> dict[str, str]:
    """Return the environment variables whose names begin so, sorted; other programs read them."""
    return {name: os.environ[name] for name in sorted(os.environ) if name.startswith(prefixes)}


def _folder(text: object) -> Path:
    try:
        return Path(str(text)).expanduser()
    except RuntimeError:
        msg = f'"{text}": there is no such user; write the folder in full.'
        raise UsageError(msg) from None


def settings_path() -> Path:
    """Return where the settings file is, or would be."""
    given = os.environ.get("HRNET_ZOO_SETTINGS")
    if given:
        return _folder(given)
    return _folders().user_config_path / "settings.toml"


def _folders() -> PlatformDirs:
    from platformdirs import PlatformDirs  # noqa: PLC0415 - most commands need no folder

    return PlatformDirs("hrnet-zoo", appauthor=False)


def _settings_file() -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - as above

    try:
        path = settings_path()
    except RuntimeError:  # no home folder to have it in
        return {}
    try:
        settings = tomllib.loads(read_regular(path, _LARGEST_BYTES).decode())
    except FileNotFoundError:
        if not os.environ.get("HRNET_ZOO_SETTINGS"):
            return {}
        close = did_you_mean(path.name, (file.name for file in path.parent.glob("*.toml")))
        msg = f"HRNET_ZOO_SETTINGS names {path}, which does not exist.{close} Correct or unset it."
        raise UsageError(msg) from None
    except (OSError, ValueError, RecursionError) as error:
        msg = f"The settings file {path} cannot be read: {error}. Fix it or delete it."
        raise UsageError(msg) from None
    for key, value in settings.items():
        if key not in _KEYS:
            close = did_you_mean(key, _KEYS)
            msg = (
                f'{path}: "{key}" is not a setting.{close} '
                "There are cache, data_root and the table [data]."
            )
            raise UsageError(msg)
        if not isinstance(value, _KEYS[key]) or value == "":
            kind = "a table, [data]" if _KEYS[key] is dict else "a folder in quotes"
            msg = f"{path}: {key} is to be {kind}, not {value!r}."
            raise UsageError(msg)
    return settings
