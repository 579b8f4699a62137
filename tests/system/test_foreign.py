"""Foreign text on one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrnet_zoo.system.foreign import as_cell, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain \xe9\u2192", "plain \xe9\u2192"),
        ("two\nlines\r\n\tand", r"two\nlines\r\n\tand"),
        ("\x1b[2J\x7f\x9b", r"\x1b[2J\u007f\u009b"),
        ("\u2028\u202e\ud800", r"\u2028\u202e\ud800"),
        (Path("a\nb"), r"a\nb"),
        (ValueError("no\nway"), r"no\nway"),
    ],
)
def test_text_is_on_one_line(text: object, expected: str) -> None:
    assert shown(text) == expected


def test_long_text_is_cut() -> None:
    assert shown("x" * 300) == "x" * 300
    assert shown("x" * 10**7) == "x" * 300 + "..."
    assert len(shown("\n" * 290, 100)) == 103


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_text_in_spreadsheets(text: str) -> None:
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1.50", "+3", "-1e-5", "-", "", "78.80", "a=b", -1.5, None])
def test_numbers_and_other_cells_stay(value: object) -> None:
    assert as_cell(value) == value
