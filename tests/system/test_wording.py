"""Lists that are too long for a message."""

from __future__ import annotations

from hrnet_zoo.system.wording import and_more


def test_a_long_list_says_how_much_is_left_out() -> None:
    assert and_more(["a", "b", "c"], 2) == "a, b and 1 more"
    assert and_more(["a", "b"], 2) == "a, b"
    assert and_more([], 2) == ""
