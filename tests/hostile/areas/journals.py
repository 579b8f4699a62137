"""What an interrupted run left behind, and what the installation found about itself."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hostile.areas.manifest import ROW, ZOO, with_classifier
from hostile.case import Area
from hostile.mutations import json_document, sealed_lines

from hrnet_zoo.cli import main
from hrnet_zoo.demo import DATA_ROOT
from hrnet_zoo.records.journal import Journal

RUN = ("verify", ROW, *ZOO, "--data-root", "../given", "--device", "cpu", "--limit", "3",
       "--output", "records", "--offline")  # fmt: skip


def tree(folder: Path) -> None:
    """Run a row on three images, and be interrupted after one or two."""
    with_classifier(folder)
    objects = folder / "given" / "scenes_objects"
    shutil.copytree(DATA_ROOT / "scenes_objects", objects)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HRNET_ZOO_CACHE", str(folder / "cache"))
        patch.delenv("HRNET_ZOO_SETTINGS", raising=False)
        patch.setattr(Journal, "append", _interrupted(Journal.append))
        patch.setattr(sys, "argv", ["hrnet-zoo", *RUN])
        patch.chdir(folder / "work")
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 130


def _interrupted(append: Callable[..., None]) -> Callable[..., None]:
    """Let a few lines be added, and no more."""
    calls = count()

    def added(*given: Any) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        append(*given)

    return added


AREA = Area(
    name="journals",
    tree=tree,
    mutations={
        "work/records/*.jsonl": sealed_lines,
        "work/records/*.json": json_document,
        "cache/self-tests/*.json": json_document,
    },
    commands=[RUN],
    examples=10,
)
