"""No evaluation with a known mistake can be called a match, and what may differ changes nothing.

Here upstream's own answers on reference images find the mistakes; `bench/studies/mutations.py` also
says what each changes in the values of the demo. Those that only two-stage detectors show take
longer: tests/tasks/detection/test_detection_mutations.py makes them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mistakes import (
    EQUIVALENTS,
    FCOS,
    MISTAKES,
    MS_FLIP,
    TOWER,
    WHOLE,
    WINDOWS,
    found_with,
)

from hrnet_zoo.tasks import TASKS
from hrnet_zoo.verdicts.self_test import agrees, in_words

CHANGES = {change.name: change for change in (*MISTAKES, *EQUIVALENTS)}
QUICK = (WHOLE, WINDOWS, TOWER, "hrnet_classifier, harbour")
SLOW = [
    ("TF32, emulated", FCOS),
    ("OpenCV's INTER_AREA", FCOS),
    ("padding to 128 instead of 32", FCOS),
    ("contiguous maps", FCOS),
    ("ratios 0.75 to 2.0 instead of 0.5 to 1.75", MS_FLIP),
]
CASES = [
    *((name, each) for name, change in CHANGES.items() for each in change.on if each in QUICK),
    *SLOW,
]


def task_of(reference: str) -> str:
    beginnings = {"fcn": "segmentation", "hrnet": "classification"}
    return beginnings.get(reference.partition("_")[0], "detection")


@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN:UserWarning")
@pytest.mark.parametrize(("name", "reference"), CASES)
def test_only_mistakes_disagree(name: str, reference: str, tmp_path: Path) -> None:
    change = CHANGES[name]
    assert reference in change.on
    found = found_with(change, reference, tmp_path / "cache-of-its-own")
    task = TASKS[task_of(reference)]
    assert agrees(task, found) is (change in EQUIVALENTS), in_words(task, found)
