"""The tree over images is that of RFC 6962."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from hrnet_zoo.bundles.merkle import leaf_of, merkle_root, root_of_images
from hrnet_zoo.records.images_file import ImageLine

# The tests of google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES += ["606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert merkle_root([bytes.fromhex(leaf) for leaf in LEAVES[:count]]).hex() == ROOTS[count - 1]


def test_the_empty_tree_is_the_digest_of_nothing() -> None:
    assert merkle_root([]) == hashlib.sha256().digest()


def test_no_node_passes_for_a_leaf() -> None:
    left, right = (hashlib.sha256(b"\0" + leaf).digest() for leaf in (b"a", b"b"))
    assert merkle_root([b"a", b"b"]) != merkle_root([left + right])


def test_every_part_of_an_image_counts() -> None:
    line = ImageLine(name="a", digest="00", results={"single": "1"})
    others: list[dict[str, Any]] = [
        {"name": "b"},
        {"digest": "01"},
        {"results": {"single": "2"}},
        {"digest": None},
    ]
    leaves = {leaf_of(line), *(leaf_of(line.model_copy(update=other)) for other in others)}
    assert len(leaves) == 5


def test_the_order_of_images_does_not_count() -> None:
    lines = {name: ImageLine(name=name, results={}) for name in "cab"}
    assert root_of_images(lines) == root_of_images(dict(sorted(lines.items())))
