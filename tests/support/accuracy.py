"""Records of accuracy, as the tests of runs expect to find them."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.records import files
from hrnet_zoo.records.accuracy import AccuracyRecord


def read_record(path: Path) -> AccuracyRecord:
    record = files.read_record(path)
    assert isinstance(record, AccuracyRecord)
    return record
