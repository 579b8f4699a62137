"""The Vega runtime that draws the page's charts, as one script."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import vl_convert

_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def vega_runtime() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as JavaScript that defines ``vegaEmbed``."""
    return vl_convert.javascript_bundle(_SNIPPET)


@contextmanager
def bundled_meanwhile() -> Iterator[Future[str]]:
    """Let another process bundle the runtime while the records are read.

    It takes a second, in which the library lets no other thread run.
    """
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        # Ctrl-C reaches both; this process says so, once.
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        yield pool.submit(vega_runtime)
