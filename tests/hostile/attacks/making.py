"""What attacks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hostile.case import Area, Case, Content

Sound = Callable[[Area], Path]
"""From an area to its sound tree."""
Made = Iterator[tuple[str, Case]]


def case(area: Area, arguments: tuple[str, ...], files: Mapping[str, Content]) -> Case:
    """Return one case of an area."""
    return Case(area=area.name, arguments=arguments, files=files)
