"""How torch computes is set whatever was set before, and by which interface; then restored."""

from __future__ import annotations

import pytest
import torch
from support.precisions import CUDNN, MATMUL, PARTS, precisions
from torch.backends import cudnn

from hrnet_zoo.system.numerics import allows_tf32, canonical_precision, numerics


def set_nothing() -> None:
    pass


def set_by_the_older_interface() -> None:
    torch.set_float32_matmul_precision("high")
    cudnn.allow_tf32 = True


def set_by_the_newer_interface() -> None:
    for part in PARTS:
        part.fp32_precision = "tf32"


def set_by_both() -> None:
    """One of the orders in which `cudnn.flags` leaves convolutions in TF32."""
    torch.set_float32_matmul_precision("high")
    cudnn.allow_tf32 = False
    set_by_the_newer_interface()
    CUDNN.rnn.fp32_precision = "ieee"


EVERY_WAY = [set_nothing, set_by_the_older_interface, set_by_the_newer_interface, set_by_both]


@pytest.mark.skipif(not PARTS, reason="this torch has no newer interface")
@pytest.mark.parametrize("prepare", EVERY_WAY)
@pytest.mark.parametrize("tf32", [False, True])
def test_both_interfaces_say_the_same_within_and_what_they_said_before_after(
    prepare: object, tf32: bool
) -> None:
    assert callable(prepare)
    prepare()
    before = precisions()
    with numerics(tf32=tf32, benchmark=False, deterministic=True):
        assert precisions() == ["tf32" if tf32 else "ieee"] * 3
        # Torch's own code asks the older interface, which raises where the two disagree.
        assert MATMUL.allow_tf32 == tf32
        assert cudnn.allow_tf32 == tf32
        assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")
        assert allows_tf32() == tf32
    assert precisions() == before


@pytest.mark.parametrize("prepare", [set_nothing, set_by_the_older_interface])
def test_the_older_interface_is_restored(prepare: object) -> None:
    assert callable(prepare)
    prepare()
    before = (torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.deterministic)
    with canonical_precision():
        assert cudnn.deterministic
        assert not cudnn.benchmark
    assert (torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.deterministic) == before


def test_an_error_within_restores_too() -> None:
    before = precisions()
    with pytest.raises(KeyError), canonical_precision():
        raise KeyError
    assert precisions() == before
