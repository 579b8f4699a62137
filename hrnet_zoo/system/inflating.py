"""Packs the results that records keep as text, and unpacks them: a record may come from anybody."""

from __future__ import annotations

import base64
import zlib


def deflated(content: bytes) -> str:
    """Return a content compressed by zlib and written in base85."""
    return base64.b85encode(zlib.compress(content, 9)).decode("ascii")


def inflated(coded: str, at_most: int) -> bytes:
    """Return what `deflated` was given.

    Args:
        coded: the text.
        at_most: bytes that such a content may have; no more are ever unpacked.

    Raises:
        ValueError: the text is damaged, or its content is larger.
    """
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(base64.b85decode(coded), max(at_most, 0) + 1)
    except (zlib.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    if len(content) > at_most or not stream.eof or stream.unused_data:
        msg = f"what was packed is cut, or has more than {at_most} bytes"
        raise ValueError(msg)
    return content
