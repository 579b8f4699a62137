"""Brings a published weights file into the cache and proves that it is the promised one.

A wrong or incomplete file never has its final name: bytes are collected in ``<name>.part``,
hashed on the way, and renamed once the hash is right. Knows nothing of rows, models or torch.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

import filelock
import requests
import urllib3
from requests.exceptions import ChunkedEncodingError, SSLError

from hrnet_zoo.errors import CheckpointError, UsageError
from hrnet_zoo.weights.retired import RETIRED, SERVED_BY

TIMEOUTS_S = (10.0, 60.0)  # to connect, and between two pieces of data
ATTEMPTS = 4
BASE_DELAY_S = 1.0
LONGEST_RETRY_AFTER_S = 30.0
PROGRESS_INTERVAL_S = 0.05
CHUNK_BYTES = 1 << 16

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Notify = Callable[[str], None]
Progress = Callable[[int, int | None], None]
"""Receives the bytes present and the bytes expected; None: not announced."""
Source = str | tuple[Path, ...]  # a web address, or the local paths to try in order


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """A file in the cache whose content has been checked."""

    path: Path
    sha256: str  # all 64 lower-case hex digits
    size_bytes: int
    from_cache: bool  # nothing had to be transferred


class _TransientError(Exception):
    """A fault that may be gone at the next attempt; ``wait_s`` None means the usual back-off."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def fetch_file(  # noqa: PLR0913 - every argument is a choice of its own that the command line offers
    url: str,
    *,
    sha256_prefix: str,
    cache_dir: Path,
    base_dir: Path | None = None,
    mirror: str | None = None,
    offline: bool = False,
    on_progress: Progress | None = None,
    notify: Notify | None = None,
) -> FetchedFile:
    """Return the verified cache file of ``url``, transferring it if need be.

    Processes that want the same file at the same time transfer it once.

    Args:
        url: http(s) or file URL, or a local path.
        sha256_prefix: the first 8 or more hex digits of the promised SHA-256.
        cache_dir: folder of the cache; created when missing.
        base_dir: what a relative path in ``url`` is relative to; None: the current folder.
        mirror: http(s) or file URL or folder that replaces the host of ``url``; None: no mirror.
        offline: never use the network; local sources still work.
        on_progress: called with the bytes present and the bytes expected (None: not announced).
        notify: called with one sentence whenever something unusual happens.

    Raises:
        UsageError: ``url`` or ``mirror`` is of a kind that is not supported.
        CheckpointError: the file cannot be had, stored, or is not the promised one.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{8,64}", sha256_prefix):
        raise ValueError(f"sha256_prefix must be 8 to 64 hex digits, not {sha256_prefix!r}")
    prefix = sha256_prefix.lower()
    notify = notify or (lambda _message: None)
    source = resolve_url(url, mirror, base_dir)
    target = cache_dir / file_name_of(url)
    with _cache_faults(target):
        # Asked before locking too: a hit then needs no lock, so a read-only shared cache works.
        if (found := _find_cached(target, prefix)) is not None:
            return found
        with _locked(target, notify):
            if (found := _find_cached(target, prefix)) is not None:
                return found
            damaged = _drop_damaged(target, source)
            if offline and isinstance(source, str):
                state = "was damaged and deleted," if damaged else "is not in the cache,"
                raise CheckpointError(
                    f"{target.name} {state} and --offline forbids fetching it. Drop --offline, or "
                    f"copy the file to {target}."
                )
            if damaged:
                notify(f"{target} is damaged, deleted; fetching it again")
            with _PartialFile(Path(f"{target}.part"), on_progress) as part:
                return _transfer(source, target, prefix, part, notify)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hex digits, reading it piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_url(url: str, mirror: str | None = None, base_dir: Path | None = None) -> Source:
    """Return where ``url`` is really read from: a web address, or the local paths to try in order.

    A mirror replaces the host of a web address and keeps its path; in a mirror folder the file
    may also lie at the top. Local files have no host, so no mirror applies to them.
    """
    if not _is_web(url):
        return (_local_path(url, base_dir),)
    parts = urlsplit(RETIRED.sub(SERVED_BY, url))
    if mirror is None:
        base = f"{parts.scheme}://{parts.netloc}"
    elif _is_web(mirror):
        if "@" in urlsplit(mirror).netloc:
            msg = "--mirror holds a password, which would be printed; put it into .netrc instead."
            raise UsageError(msg)
        base = mirror.rstrip("/")
    else:
        folder = _local_path(mirror)
        return (folder / unquote(parts.path).lstrip("/"), folder / file_name_of(url))
    return base + urlunsplit(("", "", parts.path, parts.query, ""))


def file_name_of(url: str) -> str:
    """Return the name that the file of ``url`` has in the cache."""
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1] if _is_web(url) else _local_path(url).name
    if name in ("", ".", "..") or "\\" in name or "\0" in name:
        raise UsageError(f'"{url}" does not end in a file name; give the address of one file.')
    return name


def _is_web(location: str) -> bool:
    # Two letters at least: "C:/weights" is a drive, not a scheme.
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", location)
    scheme = match[1].lower() if match else "file"
    if scheme not in ("http", "https", "file"):
        raise UsageError(f'"{location}" cannot be read: use http://, https://, file:// or a path.')
    return scheme != "file"


def _local_path(location: str, base_dir: Path | None = None) -> Path:
    if not location.lower().startswith("file:/"):
        try:
            return (base_dir or Path()) / Path(location).expanduser()
        except RuntimeError:
            msg = f'"{location}": there is no such user; write the folder in full.'
            raise UsageError(msg) from None
    parts = urlsplit(location)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f'"{location}" names a host; write three slashes: file:///folder/file.')
    return Path(url2pathname(parts.path))


@contextmanager
def _cache_faults(target: Path) -> Iterator[None]:
    """Explain what the file system refuses; faults of the source are explained before."""
    try:
        yield
    except BrokenPipeError:  # nobody listens to what is told any more
        raise
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        full = isinstance(error, OSError) and error.errno in _DISK_FULL
        advice = "Make room there" if full else "Make it a folder that you can write to"
        raise CheckpointError(
            f"{target.name} cannot be kept in the cache folder {target.parent}: {reason}. "
            f"{advice}, or set HRNET_ZOO_CACHE to another folder."
        ) from error


def _find_cached(target: Path, prefix: str) -> FetchedFile | None:
    with suppress(FileNotFoundError):
        if (sha256 := sha256_of(target)).startswith(prefix):
            size = target.stat().st_size
            return FetchedFile(path=target, sha256=sha256, size_bytes=size, from_cache=True)
    return None


def _drop_damaged(target: Path, source: Source) -> bool:
    """Delete a wrong cache file, whose hash was just checked, and return whether there was one."""
    if not target.exists():
        return False
    if not isinstance(source, str) and target.resolve() in [path.resolve() for path in source]:
        raise CheckpointError(
            f"{target} is not the promised file (SHA-256 {sha256_of(target)}). It is its own "
            "source, so it was not deleted; put the right file there."
        )
    target.unlink()
    return True


@contextmanager
def _locked(target: Path, notify: Notify) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(f"{target}.lock")
    with suppress(filelock.Timeout):
        lock.acquire(timeout=0)
    if not lock.is_locked:
        notify(f"another process is fetching {target.name}; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@dataclass
class _PartialFile:
    """The growing file ``<name>.part`` and the hash of what it holds so far."""

    path: Path
    on_progress: Progress | None
    size: int = 0
    total: int | None = None
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    reported_at: float = 0.0

    def __enter__(self) -> Self:
        # Unbuffered: an interrupted process leaves every byte that it counted.
        self._file = self.path.open("a+b", buffering=0)
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            self._count(chunk)
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)

    def collect(self, chunks: Iterator[bytes], source: str) -> None:
        """Append all pieces, hash them, and report now and then."""
        self._report(always=True)
        while True:
            with _source_faults(source):
                chunk = next(chunks, b"")
            if not chunk:
                return
            rest = memoryview(chunk)
            while rest:  # a nearly full disk takes only the beginning
                rest = rest[self._file.write(rest) :]
            self._count(chunk)
            self._report()

    def restart(self) -> None:
        """Throw away what was collected."""
        self._file.truncate(0)
        self.digest = hashlib.sha256()
        self.size = 0

    def finish(self, target: Path) -> None:
        """Make sure the bytes are on disk, then give the file its final name in one step."""
        self._report(always=True)
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(target)

    def _count(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)

    def _report(self, *, always: bool = False) -> None:
        now = time.monotonic()
        if self.on_progress and (always or now - self.reported_at >= PROGRESS_INTERVAL_S):
            self.reported_at = now
            self.on_progress(self.size, self.total)


def _transfer(
    source: Source, target: Path, prefix: str, part: _PartialFile, notify: Notify
) -> FetchedFile:
    origin = source if isinstance(source, str) else " or ".join(map(str, source))
    # A run may have ended between the last byte and the renaming; then nothing is missing.
    if not part.digest.hexdigest().startswith(prefix):
        if isinstance(source, str):
            _download(source, part, notify)
        else:
            _copy(source, origin, part)
    if not (sha256 := part.digest.hexdigest()).startswith(prefix):
        part.restart()
        raise CheckpointError(
            f"{target.name}: the file from {origin} has SHA-256 {sha256[:8]}... ({sha256}), "
            f"promised is {prefix}. It was deleted. Either it was damaged on the way or this "
            "source serves another file: fetch it again, or elsewhere with --mirror. Or the "
            "published file has changed: then every attempt ends with this same hash."
        )
    part.finish(target)
    return FetchedFile(path=target, sha256=sha256, size_bytes=part.size, from_cache=False)


def _copy(candidates: tuple[Path, ...], origin: str, part: _PartialFile) -> None:
    with _source_faults(origin):
        source = next((path for path in candidates if path.is_file()), None)
        if source is None:
            raise CheckpointError(f"There is no file {origin}. Check the manifest and --mirror.")
        file = source.open("rb")
    with file:
        part.restart()
        part.total = os.fstat(file.fileno()).st_size
        part.collect(iter(lambda: file.read(CHUNK_BYTES), b""), origin)


def _download(url: str, part: _PartialFile, notify: Notify) -> None:
    with requests.Session() as session:
        session.headers.update({"User-Agent": "hrnet-zoo", "Accept-Encoding": "identity"})
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _attempt(session, url, part)
                break
            except _TransientError as error:
                if attempt == ATTEMPTS:
                    kept = f" {part.size} bytes are kept as {part.path} for the next fetch."
                    raise CheckpointError(
                        f"{url} cannot be fetched: {attempt} attempts failed, the last one because "
                        f"{error}. Check the network, or try another source with --mirror."
                        f"{kept if part.size else ''}"
                    ) from error
                wait_s = BASE_DELAY_S * 2 ** (attempt - 1) if error.wait_s is None else error.wait_s
                notify(f"{url}: {error}; attempt {attempt + 1} of {ATTEMPTS} in {wait_s:g} s")
            time.sleep(wait_s)


def _attempt(session: requests.Session, url: str, part: _PartialFile) -> None:
    # No If-Range: should the file change between two attempts, the mixture fails the final
    # hash and is deleted, so the next fetch starts anew. The hash is the only judge needed.
    headers = {"Range": f"bytes={part.size}-"} if part.size else {}
    with _source_faults(url):
        response = session.get(url, headers=headers, stream=True, timeout=TIMEOUTS_S)
    with response:
        if response.status_code == 416 and part.size:
            part.restart()
            raise _TransientError("the partial file was too long; starting over", wait_s=0.0)
        if (status := response.status_code) not in (200, 206):
            answer = f"the server answered HTTP {status} {response.reason}"
            if status == 429 or status >= 500:
                wait = response.headers.get("Retry-After", "")
                short = wait.isdecimal() and float(wait) <= LONGEST_RETRY_AFTER_S
                raise _TransientError(answer, float(wait) if short else None)
            raise CheckpointError(
                f"{url} cannot be fetched: {answer}. Try another source with --mirror."
            )
        if status == 200:
            part.restart()  # the server ignores ranges and sends everything
        length = response.headers.get("Content-Length", "")
        part.total = part.size + int(length) if length.isdecimal() else None
        part.collect(response.iter_content(CHUNK_BYTES), url)
    # Older urllib3 ends a cut body without an error.
    if part.total is not None and part.size < part.total:
        raise _TransientError(f"the connection ended after {part.size} of {part.total} bytes")


@contextmanager
def _source_faults(source: str) -> Iterator[None]:
    """Tell faults that may pass from those that will not; wraps nothing but reading."""
    try:
        yield
    except SSLError as error:
        raise CheckpointError(
            f"{source} cannot be fetched: no trusted TLS connection ({root_cause(error)}). Check "
            "this machine's clock and certificates (REQUESTS_CA_BUNDLE), or try --mirror."
        ) from error
    except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
        raise _TransientError(f"the connection failed ({root_cause(error)})") from error
    except (OSError, urllib3.exceptions.HTTPError, UnicodeError) as error:
        # OSError is the base of the other faults of requests; some of urllib3 slip through it.
        raise CheckpointError(
            f"{source} cannot be read: {root_cause(error)}. Check the address and --mirror."
        ) from error


def root_cause(error: BaseException) -> BaseException:
    """Return what lies under the layers of requests and urllib3, which only repeat the address."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return cause
