"""Whether the servers of the published checkpoints answer, or the mirror that replaces them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import requests

from hrnet_zoo.doctor.finding import Area, Finding, State, first_line
from hrnet_zoo.weights.address import Source, resolve_url
from hrnet_zoo.weights.transfer import root_cause
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

TIMEOUT_S = 5.0


def published(rows: Iterable[Row]) -> list[str]:
    """Return the addresses of all checkpoints, of both editions."""
    both = [e for row in rows for e in (row, row.in_edition("later") if row.later else row)]
    return list(dict.fromkeys(url for row in both if (url := row.checkpoint_url) is not None))


def one_per_server(urls: Iterable[str], mirror: str | None) -> dict[str, Source]:
    """Return where one checkpoint of each server is really read from, by a name for the server.

    Raises:
        UsageError: the mirror is of a kind that is not supported.
    """
    sources: dict[str, Source] = {}
    for url in urls:
        source = resolve_url(url, mirror)
        where = urlsplit(source).netloc if isinstance(source, str) else str(mirror)
        sources.setdefault(where, source)
    return sources


def server(name: str, url: str) -> Finding:
    """Ask a server for the head of a file."""
    try:
        answer = requests.head(
            url, timeout=TIMEOUT_S, allow_redirects=True, headers={"User-Agent": "hrnet-zoo"}
        )
    except requests.RequestException as error:
        cause = root_cause(error)
        found = f"no answer: {first_line(getattr(cause, 'reason', None) or cause)}"
        remedy = (
            "Check the connection, HTTPS_PROXY and certificates (REQUESTS_CA_BUNDLE), or pass "
            "--mirror; --offline uses what is in the cache."
        )
        return Finding(Area.NETWORK, name, State.BROKEN, found, remedy)
    found = f"HTTP {answer.status_code} {answer.reason}"
    if answer.ok:
        return Finding(Area.NETWORK, name, State.FINE, found)
    remedy = "Try again later, or another server with --mirror; its paths must be the same."
    return Finding(Area.NETWORK, name, State.BROKEN, f"{found} for {url}", remedy)


def folder(mirror: str, urls: Iterable[str]) -> Finding:
    """Count the checkpoints in a folder that replaces the servers."""
    sources = [resolve_url(url, mirror) for url in urls]
    there = sum(any(p.is_file() for p in s) for s in sources if not isinstance(s, str))
    found = f"{there} of {len(sources)} checkpoints"
    if there:
        return Finding(Area.NETWORK, mirror, State.FINE, found)
    remedy = "Correct --mirror: the folder holds the files, or the folders of their addresses."
    return Finding(Area.NETWORK, mirror, State.BROKEN, found, remedy)


def check(mirror: str | None) -> Iterator[Finding]:
    """Look at all servers, or at the mirror."""
    urls = published(load_zoo().rows)
    for name, source in one_per_server(urls, mirror).items():
        yield server(name, source) if isinstance(source, str) else folder(name, urls)
