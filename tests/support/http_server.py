"""A real web server on this machine that misbehaves on purpose, one way per request.

A path is served with a list of behaviours: one per request, the last one for all later ones.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Behaviour = Callable[["Handler", bytes], None]


@dataclass
class Asked:
    """One request as the server saw it."""

    path: str
    range: str | None
    encoding: str | None
    sent: int = 0


@dataclass
class Route:
    content: bytes
    behaviours: list[Behaviour] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    server: FaultyServer

    def do_GET(self) -> None:
        self.asked = Asked(
            self.path, self.headers.get("Range"), self.headers.get("Accept-Encoding")
        )
        route = self.server.enter(self.asked)
        if route is None:
            self.send_error(404)
            return
        behaviour, content = route
        behaviour(self, content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def head(self, status: int, **headers: str | int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def body(self, data: bytes) -> None:
        if self.command == "HEAD":
            return
        self.wfile.write(data)
        self.asked.sent += len(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Stay silent."""


def first_byte(handler: Handler, content: bytes) -> int:
    """Answer with the head of a 200 or 206 and return where the body has to begin."""
    match = re.fullmatch(r"bytes=(\d+)-", handler.asked.range or "")
    start = int(match[1]) if match else 0
    size = len(content)
    if match and start >= size:
        handler.head(416, Content_Range=f"bytes */{size}", Content_Length=0)
        return size
    if match:
        handler.head(
            206, Content_Range=f"bytes {start}-{size - 1}/{size}", Content_Length=size - start
        )
    else:
        handler.head(200, Content_Length=size)
    return start


def normal(handler: Handler, content: bytes) -> None:
    start = first_byte(handler, content)
    handler.body(content[start:])


def ignore_range(handler: Handler, content: bytes) -> None:
    handler.head(200, Content_Length=len(content))
    handler.body(content)


def without_length(handler: Handler, content: bytes) -> None:
    handler.head(200)
    handler.body(content)


def status(code: int, **headers: str | int) -> Behaviour:
    def answer(handler: Handler, _content: bytes) -> None:
        handler.head(code, Content_Length=5, **headers)
        handler.wfile.write(b"sorry")

    return answer


def redirect(location: str) -> Behaviour:
    return status(302, Location=location)


def stall(handler: Handler, _content: bytes) -> None:
    """Say nothing until the server is closed."""
    handler.server.closing.wait(10)


def drip_head(handler: Handler, _content: bytes) -> None:
    """Send one byte of the head at a time, without an end."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not handler.server.closing.wait(0.01):
            handler.wfile.write(b"x")


def truncate_at(count: int) -> Behaviour:
    """Announce everything, send ``count`` bytes, and close in good order."""

    def answer(handler: Handler, content: bytes) -> None:
        start = first_byte(handler, content)
        handler.body(content[start : start + count])

    return answer


def drop_after(count: int) -> Behaviour:
    """Send ``count`` bytes, then reset the connection."""

    def answer(handler: Handler, content: bytes) -> None:
        start = first_byte(handler, content)
        handler.body(content[start : start + count])
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()

    return answer


def endless(handler: Handler, content: bytes) -> None:
    """Announce nothing and go on until the client hangs up."""
    handler.head(200)
    while True:
        handler.body(content)


def drip(handler: Handler, content: bytes) -> None:
    """Send a byte every hundredth of a second."""
    start = first_byte(handler, content)
    for i in range(start, len(content)):
        handler.body(content[i : i + 1])
        time.sleep(0.01)


def announces(length: str) -> Behaviour:
    """Send everything, and say that it has another length."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.head(200, Content_Length=length)
        handler.body(content)

    return answer


def redirect_endlessly(location: str) -> Behaviour:
    """Redirect in an answer whose body has no end."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.head(302, Location=location)
        while True:
            handler.body(content)

    return answer


def hold_after(count: int, gate: threading.Event) -> Behaviour:
    """Send ``count`` bytes, and the rest once ``gate`` is set."""

    def answer(handler: Handler, content: bytes) -> None:
        middle = first_byte(handler, content) + count
        handler.body(content[middle - count : middle])
        gate.wait(10)
        handler.body(content[middle:])

    return answer


class FaultyServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._routes: dict[str, Route] = {}
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bytes_sent(self) -> int:
        return sum(asked.sent for asked in self.asked)

    def serve(self, path: str, content: bytes, *behaviours: Behaviour) -> str:
        """Serve ``content`` at ``path`` and return its address."""
        with self._guard:
            self._routes[path] = Route(content, list(behaviours) or [normal])
        return self.address + path

    def enter(self, asked: Asked) -> tuple[Behaviour, bytes] | None:
        with self._guard:
            self.asked.append(asked)
            route = self._routes.get(asked.path)
            if route is None:
                return None
            rest = route.behaviours
            return (rest.pop(0) if len(rest) > 1 else rest[0]), route.content

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that hang up: that is what the tests make them do."""
