"""What is kept as text grows no further than it may when it is unpacked."""

from __future__ import annotations

import base64
import tracemalloc
import zlib

import pytest

from hrnet_zoo.system.inflating import inflated


def coded(content: bytes) -> str:
    return base64.b85encode(content).decode()


def test_what_was_packed_comes_back() -> None:
    for content in (b"", b"some bytes"):
        assert inflated(coded(zlib.compress(content)), len(content)) == content


@pytest.mark.parametrize("at_most", [99, 0, -1, -(10**30)])
def test_larger_ones_are_refused(at_most: int) -> None:
    with pytest.raises(ValueError, match="has more than"):
        inflated(coded(zlib.compress(b"x" * 100)), at_most)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ä",
        "no zlib",
        coded(zlib.compress(b"some bytes")[:-1]),
        coded(zlib.compress(b"some bytes") + b"more"),
    ],
)
def test_damaged_ones_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        inflated(text, 100)
    with pytest.raises(ValueError, match=r"\w"):
        inflated(coded(zlib.compress(b"x")), 10**30)


def test_a_bomb_takes_no_memory() -> None:
    bomb = coded(zlib.compress(b"\0" * 50_000_000, 9))
    tracemalloc.start()
    with pytest.raises(ValueError, match="has more than 1000 bytes"):
        inflated(bomb, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
