"""Addresses of files: which can be used, and where a file is really read from."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from hrnet_zoo.errors import UsageError
from hrnet_zoo.weights.retired import RETIRED, SERVED_BY

Source = str | tuple[Path, ...]  # a web address, or the local paths to try in order

# Two letters at least: "C:/weights" is a drive, not a scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def problem_of(address: str) -> str | None:
    """Return what keeps an address or path from being used, or None.

    The words do not repeat it, for it may hold a password. One with a password is not used at all:
    addresses are printed, recorded and passed on.
    """
    if not address.isprintable():
        return "holds a line break or another control character"
    scheme = _scheme_of(address)
    if scheme is None:
        return None
    try:
        parts = urlsplit(address)
        is_proper = scheme == "file" or bool(parts.hostname and parts.port != 0)
    except ValueError:  # which may repeat the password
        is_proper = False
    if not is_proper:
        return "is no proper address; write https://host/folder/file"
    if "@" in parts.netloc:
        return "holds a user name or password, which would be printed; put it into ~/.netrc"
    return None


def resolve_url(url: str, mirror: str | None = None, base_dir: Path | None = None) -> Source:
    """Return where ``url`` is really read from: a web address, or the local paths to try in order.

    A mirror replaces the host of a web address and keeps its path; in a mirror folder the file
    may also lie at the top. Local files have no host, so no mirror applies to them.

    Raises:
        UsageError: one of both cannot be used.
    """
    for what, address in (("The address of a checkpoint", url), ("--mirror", mirror or "")):
        if problem := problem_of(address):
            raise UsageError(f"{what} {problem}.")
    if not _is_web(url):
        return (_local_path(url, base_dir),)
    parts = urlsplit(RETIRED.sub(SERVED_BY, url))
    if mirror is None:
        base = f"{parts.scheme}://{parts.netloc}"
    elif _is_web(mirror):
        base = mirror.rstrip("/")
    else:
        folder = _local_path(mirror)
        return (folder / unquote(parts.path).lstrip("/"), folder / file_name_of(url))
    return base + urlunsplit(("", "", parts.path, parts.query, ""))


def file_name_of(url: str) -> str:
    """Return the name that the file of ``url`` has in the cache.

    Raises:
        UsageError: it has none, or cannot be used.
    """
    if problem := problem_of(url):
        raise UsageError(f"The address of a checkpoint {problem}.")
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1] if _is_web(url) else _local_path(url).name
    if name in ("", ".", "..") or "\\" in name or not name.isprintable():
        raise UsageError(f'"{url}" does not end in a file name; give the address of one file.')
    return name


def _scheme_of(location: str) -> str | None:
    match = _SCHEME.match(location)
    return match[1].lower() if match else None


def _is_web(location: str) -> bool:
    scheme = _scheme_of(location) or "file"
    if scheme not in ("http", "https", "file"):
        raise UsageError(f'"{location}" cannot be read: use http://, https://, file:// or a path.')
    return scheme != "file"


def _local_path(location: str, base_dir: Path | None = None) -> Path:
    if _scheme_of(location) is None:
        try:
            return (base_dir or Path()) / Path(location).expanduser()
        except RuntimeError:
            msg = f'"{location}": there is no such user; write the folder in full.'
            raise UsageError(msg) from None
    parts = urlsplit(location)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f'"{location}" names a host; write three slashes: file:///folder/file.')
    from urllib.request import url2pathname  # noqa: PLC0415 - a tenth of the start-up of `list`

    return Path(url2pathname(parts.path))
