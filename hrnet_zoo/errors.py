"""Every mistake a user can cause, as one exception tree below `ZooError`.

A message says what is wrong, where, and what to do next. This file knows no other module.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Base of all errors that are explained to the user in one paragraph."""

    exit_code = 3


class UsageError(ZooError):
    """What was asked for makes no sense: an unknown name, metric or option value."""

    exit_code = 2


class ManifestError(ZooError):
    """The manifest breaks its schema; the message lists every problem with its line."""

    exit_code = 2


class LockError(ZooError):
    """The lock of checkpoints cannot be read, or is damaged."""

    exit_code = 2


class CheckpointError(ZooError):
    """A checkpoint cannot be fetched, is not the promised file, or does not fit its model."""


class DatasetError(ZooError):
    """A data set is missing, incomplete or holds a file that cannot be used."""


class LabelFormatError(DatasetError):
    """A label file is intact, but its pixels are not 8-bit indices."""


class ResultsError(ZooError):
    """A file of detections cannot be read or written, or does not fit its data set."""


class ReadmeError(ZooError):
    """A README or metafile cannot be read or written, or its results are not in proper form."""


class RecordError(ZooError):
    """A record is unreadable, from a newer version, or cannot be written."""


class BundleError(ZooError):
    """A bundle is damaged, forged or not signed as it should be, or cannot be made."""


class PrerequisiteError(ZooError):
    """The machine (no GPU, say) or this version of hrnet-zoo lacks what was asked for."""


def explain_os_error(error: OSError) -> str:
    """Return in one sentence what the operating system refused, and where."""
    reason = error.strerror or str(error) or type(error).__name__
    where = str(error.filename)[:200] if error.filename else "a file or stream"
    return f"{where}: {reason}. Check that it exists, and that you may read and write there."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Close: a, b." for the known names nearest to ``name``, or an empty string."""
    if len(name) > 200:
        return ""  # nothing is close, and looking for it takes long
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower_case), n=3)
    return f" Close: {', '.join(by_lower_case[key] for key in close)}." if close else ""


def explain_yaml_error(error: Exception, file: str) -> str:
    """Return a sentence on why a text cannot be read as YAML, with the file and line."""
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else file
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{where}: not valid YAML: {problem}."
