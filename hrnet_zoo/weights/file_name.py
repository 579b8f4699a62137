"""What the name of a published file says: the hash that it promises."""

from __future__ import annotations

import re

_SHA256_SUFFIX = re.compile(r"-([0-9a-f]{8})(?:_\d{8})?\.pth$", re.ASCII)


def link_file_name(url: str) -> str:
    """Return the file name at the end of a link."""
    return url.partition("?")[0].rpartition("/")[2]


def promised_sha256(file_name: str) -> str | None:
    """Return the 8 hex digits at the end of a published file's name, or None if it has none.

    Source:
        mmsegmentation 0.20.2 and mmdetection 2.3.0, tools/publish_model.py: the file is saved,
        hashed, and renamed to end in the first 8 digits of its SHA-256. mmpose 0.x has a date
        behind them: hrnet_w32_coco_256x192-c78dce93_20200708.pth.
    """
    match = _SHA256_SUFFIX.search(file_name)
    return match[1] if match else None


def keeps_promise(sha256: str, promised: str) -> bool:
    """Whether a file's SHA-256 begins with the promised digits.

    Eight of them find every accident, and no forger: 32 bits are made to fit in seconds.

    Args:
        sha256: 64 hex digits.
        promised: usually the first 8 of them.
    """
    return sha256.startswith(promised)
