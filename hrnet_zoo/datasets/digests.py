"""What data are known by in records: digests of contents, and stamps that need no reading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


def digest_of(*contents: bytes) -> str:
    """Return the SHA-256 over what a sample consists of, its image first."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def fingerprint(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 for a set of samples, whatever order they were read in.

    Args:
        digests: sample name -> its digest.
    """
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def stamp_of(names: Iterable[str]) -> str:
    """Return a digest of which samples there are, in their order; it reads no contents."""
    return hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
