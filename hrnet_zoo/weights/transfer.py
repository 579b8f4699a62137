"""Reads a file from where it is, a server or a local path, with bounds on size and time.

What a server does wrong is either passing, and tried again, or said in one message.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.exceptions import SSLError

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.system.opening import open_regular
from hrnet_zoo.weights.address import Source
from hrnet_zoo.weights.lock import Pin
from hrnet_zoo.weights.partial_file import CHUNK_BYTES, PartialFile

TIMEOUTS_S = (10.0, 60.0)  # to connect, and between two pieces of data
ATTEMPTS = 4
"""In a row of which none got on."""
BASE_DELAY_S = 1.0
LONGEST_RETRY_AFTER_S = 30.0
LARGEST_BYTES = 4 << 30
"""Of a file whose size is not locked. The largest network here, of 138 million parameters, takes
0.6 GB, and 1.7 GB with an optimiser's two moments."""
ANSWER_WITHIN_S = 120.0
"""Until the body begins, redirects included: each byte before it has the time of a piece of data,
and there may be millions."""
LEAST_BYTES_PER_S = 1000
SLOW_AFTER_S = 60.0
"""Over which speed is looked at: lines have pauses."""
STEP_BYTES = 1 << 16
"""What an attempt must bring to have got on. Even with waiting that is above the least speed, so
that no transfer takes for ever."""

_LONGEST_REASON = 100
"""Characters that are shown of what a server says of its status."""

_PASSING = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
)
Notify = Callable[[str], None]


class _TransientError(Exception):
    """A fault that may be gone at the next attempt; ``wait_s`` None means the usual back-off."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def collect_from(
    source: Source, origin: str, part: PartialFile, pin: Pin | None, notify: Notify
) -> None:
    """Collect a file; whether it is the right one only its hash tells.

    Args:
        source: where it is.
        origin: the same, in words.
        part: where it goes; a download continues what is there.
        pin: what the file is locked as; None: it is not.
        notify: called with one sentence whenever something unusual happens.

    Raises:
        CheckpointError: it cannot be had, or has another size.
        OSError: it cannot be written.
    """
    if isinstance(source, str):
        _download(source, part, pin, notify)
    else:
        _copy(source, origin, part, pin)


def _copy(candidates: tuple[Path, ...], origin: str, part: PartialFile, pin: Pin | None) -> None:
    with _source_faults(origin):
        source = next((path for path in candidates if path.is_file()), None)
        if source is None:
            raise CheckpointError(f"There is no file {origin}. Check the manifest and --mirror.")
        file = open_regular(source)
    with file:
        part.restart()
        part.total = os.fstat(file.fileno()).st_size
        pieces = _pieces(lambda: file.read(CHUNK_BYTES), origin)
        part.collect(_bounded(pieces, part, pin, origin))


def _pieces(read: Callable[[], bytes], source: str) -> Iterator[bytes]:
    """Yield what is read until nothing comes any more; faults of the source are explained."""
    while True:
        with _source_faults(source):
            piece = read()
        if not piece:
            return
        yield piece


def _bounded(
    pieces: Iterable[bytes], part: PartialFile, pin: Pin | None, origin: str
) -> Iterator[bytes]:
    """Yield pieces as long as the file may still be the right one.

    Raises:
        CheckpointError: more is announced or comes than it has.
    """
    most = LARGEST_BYTES if pin is None else pin.locked.size_bytes
    limit = "no checkpoint needs that" if pin is None else f"{pin.says}. {pin.advice}"
    total, size = part.total, part.size
    if total is not None and (total > most or (pin is not None and total < most)):
        part.restart()
        raise CheckpointError(f"{origin} announces {total} bytes; {limit}")
    for piece in pieces:
        size += len(piece)
        if size > most:
            part.restart()
            raise CheckpointError(f"{origin} sends more than {most} bytes; {limit}")
        yield piece


def _fast_enough(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces as long as they come at the least speed."""
    began, brought = time.monotonic(), 0
    for piece in pieces:
        yield piece
        brought += len(piece)
        took = time.monotonic() - began
        if took >= SLOW_AFTER_S:
            if brought < LEAST_BYTES_PER_S * took:
                raise _TransientError(f"only {brought} bytes came in {took:.0f} s")
            began, brought = time.monotonic(), 0


class Session(requests.Session):
    """Follows redirects, but none that leaves TLS behind: others could then change the file."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer redirects to, or None.

        Raises:
            CheckpointError: the redirect is not to be followed.
        """
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        resp.close()  # or requests would read its body, which may be endless, into memory
        before = urlsplit(resp.url)
        try:
            after = urlsplit(urljoin(resp.url, target))
        except ValueError:
            host = f"{before.scheme}://{before.hostname}"
            msg = f"{host} redirects to what is no address. Try --mirror."
            raise CheckpointError(msg) from None
        if (before.scheme, after.scheme) == ("https", "http"):
            msg = (
                f"https://{before.hostname} redirects to http://{after.hostname}, where anybody on "
                "the way could change the file. It was not followed; try --mirror."
            )
            raise CheckpointError(msg)
        return target


def _download(url: str, part: PartialFile, pin: Pin | None, notify: Notify) -> None:
    failures, farthest = 0, part.size
    with Session() as session:
        session.headers.update({"User-Agent": "hrnet-zoo", "Accept-Encoding": "identity"})
        while True:
            try:
                _attempt(session, url, part, pin)
                return
            except _TransientError as error:
                failures = 1 if part.size >= farthest + STEP_BYTES else failures + 1
                farthest = max(farthest, part.size)
                if failures == ATTEMPTS:
                    kept = f" {part.size} bytes are kept as {part.path} for the next fetch."
                    raise CheckpointError(
                        f"{url} cannot be fetched: {failures} attempts failed, the last one "
                        f"because {error}. Check the network, or try another source with --mirror."
                        f"{kept if part.size else ''}"
                    ) from error
                wait_s = (
                    BASE_DELAY_S * 2 ** (failures - 1) if error.wait_s is None else error.wait_s
                )
                notify(f"{url}: {error}; attempt {failures + 1} of {ATTEMPTS} in {wait_s:g} s")
            time.sleep(wait_s)


def _attempt(session: Session, url: str, part: PartialFile, pin: Pin | None) -> None:
    # No If-Range: should the file change between two attempts, the mixture fails the final
    # hash and is deleted, so the next fetch starts anew. The hash is the only judge needed.
    headers = {"Range": f"bytes={part.size}-"} if part.size else {}
    with _source_faults(url):
        response = _answer(
            lambda: session.get(url, headers=headers, stream=True, timeout=TIMEOUTS_S)
        )
    with response:
        if response.status_code == 416 and part.size:
            part.restart()
            raise _TransientError("the partial file was too long; starting over", wait_s=0.0)
        if (status := response.status_code) not in (200, 206):
            answer = f"the server answered HTTP {status} {shown(response.reason, _LONGEST_REASON)}"
            if status == 429 or status >= 500:
                wait = response.headers.get("Retry-After", "")
                short = wait.isdecimal() and float(wait) <= LONGEST_RETRY_AFTER_S
                raise _TransientError(answer, float(wait) if short else None)
            raise CheckpointError(
                f"{url} cannot be fetched: {answer}. Try another source with --mirror."
            )
        if status == 200:
            part.restart()  # the server ignores ranges and sends everything
        part.total = _announced(response, part.size)
        # Not iter_content(), which waits until a piece is full: for hours, if need be.
        pieces = _pieces(lambda: response.raw.read1(CHUNK_BYTES, decode_content=True), url)
        part.collect(_fast_enough(_bounded(pieces, part, pin, url)))
    # Older urllib3 ends a cut body without an error.
    if part.total is not None and part.size < part.total:
        raise _TransientError(f"the connection ended after {part.size} of {part.total} bytes")


def _answer(ask: Callable[[], requests.Response]) -> requests.Response:
    """Return the answer to a request; nothing else can end one whose bytes come one by one."""
    answers: queue.SimpleQueue[requests.Response | BaseException] = queue.SimpleQueue()

    def wait() -> None:
        try:
            answers.put(ask())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answers.put(error)

    # Not joined: what has given up waiting must not wait at the end of the process.
    threading.Thread(target=wait, daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_WITHIN_S)
    except queue.Empty:
        msg = f"no complete answer came within {ANSWER_WITHIN_S:g} s"
        raise _TransientError(msg) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _announced(response: requests.Response, present: int) -> int | None:
    """Return how many bytes a file has, by the server's word; None if it does not say."""
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or "Content-Encoding" in response.headers:
        return None
    # Of thousands of digits, which int() refuses, the first ones are too many, too.
    return present + int(length[:19])


@contextmanager
def _source_faults(source: str) -> Iterator[None]:
    """Tell faults that may pass from those that will not; wraps nothing but reading."""
    try:
        yield
    except SSLError as error:
        raise CheckpointError(
            f"{source} cannot be fetched: no trusted TLS connection ({shown(root_cause(error))}). "
            "Check this machine's clock and certificates (REQUESTS_CA_BUNDLE), or try --mirror."
        ) from error
    except _PASSING as error:
        raise _TransientError(f"the connection failed ({shown(root_cause(error))})") from error
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        # OSError is the base of the other faults of requests; some of urllib3 slip through it, and
        # some of urllib.parse about where a server redirects to.
        raise CheckpointError(
            f"{source} cannot be read: {shown(root_cause(error))}. Check the address and --mirror."
        ) from error


def root_cause(error: BaseException) -> BaseException:
    """Return what lies under the layers of requests and urllib3, which only repeat the address."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return cause
