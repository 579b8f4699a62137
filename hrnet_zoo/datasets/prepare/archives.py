"""The files of a download, read alike from folders and from the zip files they came in."""

from __future__ import annotations

import os
import re
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.errors import DatasetError

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")


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


class Source:
    """Everything below a folder: loose files, and what is inside the zip files asked for.

    Args:
        root: a folder, or a single zip file.
        zips: expression that the path of a zip file must match to be opened; others may be
            large and of no concern.

    Raises:
        DatasetError: there is no such folder, or a zip file is damaged.
    """

    def __init__(self, root: Path, zips: str) -> None:
        if not root.exists():
            msg = f"There is no folder {root}. Pass the folder of the download with --source."
            raise DatasetError(msg)
        self.root = root
        self.unopened: list[str] = []
        self.members: list[Member] = []
        self._archives: list[zipfile.ZipFile] = []
        loose = []
        try:
            for path, location in _walk(root):
                if path.endswith(".zip") and (location == root or re.fullmatch(zips, path)):
                    self.members.extend(self._inside(path, location))
                elif path.endswith(_ARCHIVE_SUFFIXES):
                    self.unopened.append(path)
                else:
                    loose.append(_loose(path, location))
        except BaseException:
            self.close()
            raise
        # Of a file that is there twice, the zip's is taken: it carries a checksum.
        self.members.extend(loose)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the zip files; members cannot be read after that."""
        for archive in self._archives:
            archive.close()

    def select(self, pattern: str) -> dict[tuple[str, ...], Member]:
        """Return the members whose path matches, by the groups of the expression, sorted."""
        expression = re.compile(pattern)
        found: dict[tuple[str, ...], Member] = {}
        for member in self.members:
            match = expression.search(member.path)
            if match is not None:
                found.setdefault(match.groups(), member)
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
        found = {
            groups[-1]: member
            for groups, member in self.select(pattern).items()
            if groups[0] == split
        }
        if not found:
            raise self.lacks(what)
        return found

    def first_path(self, pattern: str) -> str | None:
        """Return the path of a file, or of an archive that was not opened, that matches."""
        expression = re.compile(pattern)
        paths = (*self.unopened, *(member.path for member in self.members))
        return next((path for path in paths if expression.search(path)), None)

    def lacks(self, what: str) -> DatasetError:
        """Return the error that says what was not found, and which archives may hide it."""
        inner = [m.path for m in self.members if m.path.endswith(_ARCHIVE_SUFFIXES)]
        packed = [*self.unopened, *inner]
        hint = ""
        if packed:
            hint = (
                f" These archives were not looked into: {some_of(packed)}. Unpack what is needed."
            )
        return DatasetError(
            f"{self.root} lacks {what}.{hint} See hrnet-zoo data show for what is expected."
        )

    def _inside(self, path: str, location: Path) -> Iterator[Member]:
        try:
            archive = zipfile.ZipFile(location)
        except (zipfile.BadZipFile, OSError) as error:
            raise _damaged(location, error) from None
        self._archives.append(archive)
        lock = threading.Lock()
        for info in archive.infolist():
            if info.is_dir() or _is_clutter(info.filename):
                continue
            yield Member(
                path=f"{path}/{info.filename}",
                location=location / info.filename,
                size=info.file_size,
                read=_zip_reader(archive, info, lock),
            )


def paired(
    images: dict[str, Member], labels: dict[str, Member], where: Path
) -> list[tuple[str, Member, Member]]:
    """Return (name, image, label) for all, or raise DatasetError that lists the widows."""
    problems = [
        *count_of([n for n in images if n not in labels], "images have no annotation"),
        *count_of([n for n in labels if n not in images], "annotations have no image"),
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


def _loose(path: str, location: Path) -> Member:
    size = location.stat().st_size if location.exists() else 0
    return Member(path=path, location=location, size=size, read=lambda: read_bytes(location))


def _zip_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock
) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            # Opening and closing count references without a lock of their own; reading has one.
            with lock:
                stream = archive.open(info)
            try:
                return stream.read()
            finally:
                with lock:
                    stream.close()
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise _damaged(Path(archive.filename or ""), error) from None

    return read


def _damaged(location: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"{location} is not an intact zip file ({error}). It was probably cut short: compare its "
        "size with the download page, and download it again."
    )
