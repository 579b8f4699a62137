"""Numbers as cells state them."""

from __future__ import annotations

import pytest

from hrnet_zoo.readme.markdown import Cell
from hrnet_zoo.readme.values import stated_number
from hrnet_zoo.tasks import METRICS


@pytest.mark.parametrize(
    ("metric", "raw", "number"),
    [
        ("miou", " 80.36 ", "80.36"),
        ("miou", "80.36%", "80.36"),
        ("miou", "80.36 %", "80.36"),
        ("miou", "**80.4**", "80.4"),
        ("miou", "**80.4**%", "80.4"),
        ("miou", "80.4\\*", "80.4"),
        ("miou", "80.4\u2020", "80.4"),
        ("miou", "80.4<sup>1</sup>", "80.4"),
        ("miou", "**80.4** [^1]", "80.4"),
        ("miou", "[58.1](https://h/58.3)", "58.1"),
        ("miou", "[58.1][1]", "58.1"),
        ("miou", "80.36 (79.9)", "80.36"),
        ("miou", "80.4 \u00b1 0.2", "80.4"),
        ("miou", "80.4 (ours)", "80.4"),
        ("miou_ms_flip", "80.4 (ours)", "80.4"),
        ("miou_ms_flip", "80.36 (81.2)", None),
        ("miou", "80.36 / 81.2", None),
        ("miou", "80.36 81.2", None),
        ("miou", "~80", None),
        ("miou", ">80", None),
        ("miou", "+0.4", None),
        ("miou", "-0.4", None),
        ("miou", "80,4", None),
        ("miou", "80.4M", None),
        ("miou", "\u0663", None),
        ("miou", "\u00b2", None),
        ("miou", "R-50", None),
        ("miou", "-", None),
        ("miou", "", None),
        ("miou", "~~36.27~~", None),
        ("miou", "~~36.27~~ 36.9", None),
        ("miou", "<del>36.27</del>", None),
        ("miou", "<S>36.27</S>", None),
        ("miou", "<strong>36.27</strong>", "36.27"),
        ("params_m", "28M", "28"),
        ("params_m", "1.2G", None),
        ("flops_g", "4.5G", "4.5"),
        ("flops_g", "180 GMACs", None),
        ("fps", "30ms", None),
        ("train_memory_gb", "4.1 GB", "4.1"),
    ],
)
def test_the_number_of_a_cell(metric: str, raw: str, number: str | None) -> None:
    found = stated_number(Cell(start=7, raw=raw), METRICS[metric])
    assert (found and found.raw) == number
    if found is not None:
        assert found.start == 7 + raw.index(found.raw)


def test_the_number_of_a_cell_of_html() -> None:
    raw = '<a href="x/42.0.pth"><b>42.1</b></a>&nbsp;'
    found = stated_number(Cell(start=0, raw=raw, is_html=True), METRICS["box_ap"])
    assert found is not None
    assert (found.raw, found.start) == ("42.1", raw.index("42.1"))
