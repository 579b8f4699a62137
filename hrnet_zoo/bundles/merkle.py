"""One digest for the results of all images, by which a single one of them can be shown to be among.

Source: RFC 6962, section 2.1: leaves and nodes are hashed with different first bytes, so that no
node passes for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from hrnet_zoo.records.images_file import ImageLine
from hrnet_zoo.system.canonical import canonical_json


def leaf_of(line: ImageLine) -> bytes:
    """Return what is hashed of an image: its name, the digest of its files, and its results."""
    return canonical_json(line.model_dump(mode="json"))


def root_of_images(images: Mapping[str, ImageLine]) -> str:
    """Return the Merkle root over images in the order of their names, 64 hex digits."""
    return merkle_root([leaf_of(images[name]) for name in sorted(images)]).hex()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of some leaves, 32 bytes."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256().digest()
    # Pairs from the left, an odd one out unchanged: the same tree as RFC 6962's, which splits at
    # the largest power of two.
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        nodes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = nodes + level[len(level) & ~1 :]
    return level[0]
