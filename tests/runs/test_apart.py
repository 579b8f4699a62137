"""What several processes found of a row, as one record."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_runs import machine_of, timed, write_timing
from pydantic import ValidationError

from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.runs.apart import as_twins, merged
from hrnet_zoo.timing.observations import SamplingUsed, VariantTimed


def record_of(
    folder: Path, number: int, *variants: VariantTimed, stopped_by: str = "precision"
) -> TimingRecord:
    used = {"limit_s": 20, "precision": 0.005, "stopped_by": stopped_by, "elapsed_s": 10.0}
    path = write_timing(
        folder,
        *variants,
        day=number,
        sampling=SamplingUsed.model_validate(used),
        machine=machine_of(others=number / 10),
    )
    record = read_record(path)
    assert isinstance(record, TimingRecord)
    return record


def of_one(name: str, seconds: list[float]) -> VariantTimed:
    return timed(name, seconds, processes=1)


def test_samples_of_all_are_kept_apart(tmp_path: Path) -> None:
    records = [
        record_of(tmp_path, 0, of_one("documented", [0.2, 0.2, 0.2])),
        record_of(tmp_path, 1, of_one("documented", [0.4, 0.4]), stopped_by="time"),
        record_of(tmp_path, 2, of_one("documented", [0.1])),
    ]
    found = merged(records)
    (variant,) = found.variants
    assert variant.by_process == [[0.2, 0.2, 0.2], [0.4, 0.4], [0.1]]
    # Of medians 0.2, 0.4 and 0.1, not of the six samples.
    assert variant.latency_s == pytest.approx(0.2)
    assert found.sampling is not None
    assert (found.sampling.limit_s, found.sampling.elapsed_s) == (60, 30)
    assert found.sampling.stopped_by == "time"
    assert [machine.others for machine in found.machines] == [0.0, 0.1, 0.2]
    assert found.trouble == "the machine was shared"
    assert TimingRecord.model_validate_json(found.model_dump_json()) == found


def test_what_fails_in_one_process_was_not_timed(tmp_path: Path) -> None:
    documented = of_one("documented", [0.2, 0.2])
    failed = of_one("fast", [0.1]).model_copy(
        update={"outcome": "unavailable", "reason": "out of memory"}
    )
    first = record_of(tmp_path, 0, documented, of_one("fast", [0.1, 0.1]), timed("openvino", []))
    found = merged([first, record_of(tmp_path, 1, documented, failed)])
    fast, openvino = found.variants[1:]
    assert (fast.outcome, fast.reason) == ("unavailable", "in process 2: out of memory")
    assert openvino.reason == "it is not installed"
    assert found.variants[0].processes == [2, 2]


def test_twins_are_one_after_the_other(tmp_path: Path) -> None:
    records = [record_of(tmp_path, i, of_one("documented", [0.25 * (i + 1)])) for i in range(4)]
    found = as_twins(records)
    assert [(pair.first_s, pair.second_s) for pair in found.twins] == [
        ([0.25], [0.5]),
        ([0.75], [1.0]),
    ]
    assert all(pair.separate for pair in found.twins)
    assert (found.variants, found.sampling, len(found.machines)) == ([], None, 4)


def test_processes_that_do_not_add_up_are_a_damaged_record() -> None:
    content = of_one("fast", [0.1, 0.1]).model_dump() | {"processes": [1, 2]}
    with pytest.raises(ValidationError, match="are not those of processes"):
        VariantTimed.model_validate(content)
