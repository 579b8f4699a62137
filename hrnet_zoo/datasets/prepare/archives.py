"""The files of a download, read alike from folders and from the zip files they came in."""

from __future__ import annotations

import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hrnet_zoo.datasets.images import LARGEST_IMAGE, LARGEST_JSON, read_bytes
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.opening import open_regular
from hrnet_zoo.system.wording import and_more

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of official downloads; Python undoes others all at once, however much comes out."""
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of the download."""

    path: str
    """Name of the source folder, then the path below it; a zip file counts as a folder."""
    location: Path
    """Where it is, for messages."""
    size: int
    """Uncompressed bytes."""
    read: Callable[[], bytes]
    """Returns the content; raises DatasetError if it is damaged. Safe in several threads."""


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """Everything below a folder: loose files, and what is inside the zip files asked for."""

    root: Path
    members: list[Member]
    """Of a file that is there twice, the zip's comes first: it carries a checksum."""
    unopened: list[str]
    """Paths of archives that were not looked into."""

    def select(self, pattern: str, what: str = "") -> dict[tuple[str, ...], Member]:
        """Return the members whose path matches, by the groups of the expression, sorted.

        Args:
            pattern: a regular expression.
            what: what should be there, for the message; empty: there may be none.

        Raises:
            DatasetError: there is none.
        """
        expression = re.compile(pattern)
        found: dict[tuple[str, ...], Member] = {}
        for member in self.members:
            match = expression.search(member.path)
            if match is not None:
                found.setdefault(match.groups(), member)
        if what and not found:
            raise self.lacks(what)
        return dict(sorted(found.items()))

    def of_split(self, pattern: str, split: str, what: str) -> dict[str, Member]:
        """Return the members of one split by their names.

        Args:
            pattern: expression whose first group is the split and whose last one the name.
            split: as the paths have it.
            what: what should be there, for the message.

        Raises:
            DatasetError: there is none.
        """
        members = self.select(pattern).items()
        found = {groups[-1]: member for groups, member in members if groups[0] == split}
        if not found:
            raise self.lacks(what)
        return found

    def lacks(self, what: str) -> DatasetError:
        """Return the error that says what was not found, and which archives may hide it."""
        inner = [m.path for m in self.members if m.path.endswith(_ARCHIVE_SUFFIXES)]
        packed = and_more([*self.unopened, *inner], _SHOWN)
        hint = f" These archives were not looked into: {packed}. Unpack what is needed."
        return DatasetError(
            f"{self.root} lacks {what}.{hint if packed else ''} "
            "See hrnet-zoo data show for what is expected."
        )


@contextmanager
def open_source(root: Path, zips: str) -> Iterator[Downloaded]:
    """Open a download; what is in its zip files can be read until the context is left.

    Args:
        root: a folder, or a single zip file.
        zips: expression that the path of a zip file must match to be opened; others may be
            large and of no concern.

    Raises:
        DatasetError: there is no such folder, or a zip file is damaged.
    """
    if not root.exists():
        msg = f"There is no folder {root}. Pass the folder of the download with --source."
        raise DatasetError(msg)
    zipped: list[Member] = []
    loose: list[Member] = []
    unopened: list[str] = []
    with ExitStack() as archives:
        for path, location in _walk(root):
            if path.endswith(".zip") and (location == root or re.fullmatch(zips, path)):
                archive = archives.enter_context(_opened(location, archives))
                zipped += _members(archive, path, location)
            elif path.endswith(_ARCHIVE_SUFFIXES):
                unopened.append(path)
            else:
                size = location.stat().st_size if location.exists() else 0
                read = partial(read_bytes, location, _most_bytes(location.name))
                loose.append(Member(path=path, location=location, size=size, read=read))
        yield Downloaded(root=root, members=zipped + loose, unopened=unopened)


def paired(
    images: dict[str, Member], labels: dict[str, Member], where: Path
) -> list[tuple[str, Member, Member]]:
    """Return (name, image, label) for all, or raise DatasetError that lists the widows."""
    problems = [
        f"{len(widows)} {what} ({and_more(widows, _SHOWN)})"
        for one, other, what in (
            (images, labels, "images have no annotation"),
            (labels, images, "annotations have no image"),
        )
        if (widows := [name for name in one if name not in other])
    ]
    if problems:
        msg = f"{where} is incomplete: {'; '.join(problems)}. Download them too."
        raise DatasetError(msg)
    return [(name, images[name], labels[name]) for name in sorted(images)]


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path that begins with the root's name, file); linked folders are entered once."""
    name = root.resolve().name
    if root.is_file():
        yield name, root
        return
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if not _is_clutter(f"{f}/file"))
        if here.resolve() in seen:
            folders.clear()
            continue
        seen.add(here.resolve())
        prefix = (Path(name) / here.relative_to(root)).as_posix()
        for file in sorted(files):
            if not _is_clutter(file):
                yield f"{prefix}/{file}", here / file


def _is_clutter(name: str) -> bool:
    """Whether a name is of what operating systems add to folders and archives."""
    *folders, file = name.split("/")
    return "__MACOSX" in folders or file.startswith(".")


def _opened(location: Path, archives: ExitStack) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(archives.enter_context(open_regular(location)))
        if not all(info.filename for info in archive.infolist()):
            raise ValueError("an entry has no name")
    except OSError as error:
        msg = f"{location} cannot be read: {error.strerror or error}."
        raise DatasetError(msg) from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile fail in any way
        raise _damaged(location, error) from None
    return archive


def _members(archive: zipfile.ZipFile, path: str, location: Path) -> Iterator[Member]:
    lock = threading.Lock()
    for info in archive.infolist():
        if not info.is_dir() and not _is_clutter(info.filename):
            yield Member(
                path=f"{path}/{info.filename}",
                location=location / info.filename,
                size=info.file_size,
                read=partial(_unzip, archive, info, location, lock),
            )


def _most_bytes(name: str) -> int:
    """Return how many bytes a file of a download may have, by its name."""
    return LARGEST_JSON if name.endswith(".json") else LARGEST_IMAGE


def _unzip(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, location: Path, lock: threading.Lock
) -> bytes:
    fault, most = "", _most_bytes(info.filename)
    if info.compress_type not in _METHODS:
        fault = f"is compressed by method {info.compress_type}; only 0 and 8 (deflate) are undone"
    elif info.file_size > most:
        fault = f"would have {info.file_size} bytes, and no such file needs more than {most}"
    if fault:
        msg = f"{location / info.filename} {fault}. Download the zip file again from its source."
        raise DatasetError(msg)
    try:
        # Opening and closing count references without a lock of their own; reading has one.
        with lock:
            stream = archive.open(info)
        try:
            # Never more than is declared; read() without a number undoes all there is at once.
            content = stream.read(info.file_size + 1)
        finally:
            with lock:
                stream.close()
    except Exception as error:  # noqa: BLE001 - damaged bytes make zipfile fail in any way
        raise _damaged(location, error) from None
    if len(content) != info.file_size:
        raise _damaged(location, EOFError(f"{info.filename} ends early"))
    return content


def _damaged(location: Path, error: Exception) -> DatasetError:
    reason = str(error) or type(error).__name__
    return DatasetError(
        f"{location} is not an intact zip file ({reason}). It was probably cut short: compare its "
        "size with the download page, and download it again."
    )
