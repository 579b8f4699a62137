from __future__ import annotations

from collections.abc import Iterator

import pytest

from hrnet_zoo.doctor.finding import Area, Finding, State, guarded
from hrnet_zoo.errors import DatasetError

FINE = Finding(Area.DATA, "one", State.FINE, "there")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("strange"), "this check failed itself: KeyError: 'strange'"),
        (ImportError("no module named x"), "cannot be looked at: no module named x"),
        (DatasetError("the list is cut"), "the list is cut"),
        (PermissionError(13, "Permission denied", "/a"), "/a: Permission denied."),
    ],
    ids=repr,
)
def test_a_check_that_fails_becomes_a_line_and_keeps_what_it_found(
    error: Exception, said: str
) -> None:
    def check() -> Iterator[Finding]:
        yield FINE
        raise error

    first, second = guarded(Area.DATA, "check", check)
    assert first == FINE
    assert (second.name, second.state) == ("check", State.BROKEN)
    assert second.found.startswith(said)
    assert second.remedy


def test_what_is_not_fine_says_what_to_do() -> None:
    with pytest.raises(AssertionError):
        Finding(Area.DATA, "one", State.NOTE, "half of it")
