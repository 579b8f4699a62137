"""A run that was interrupted is of one piece only if its parts were computed alike."""

from __future__ import annotations

from typing import Any

import pytest
from made_up_runs import BEGIN, SETTINGS

from hrnet_zoo.records.accuracy import AccuracyRecord, EngineUsed, Segment
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.verdicts.segments import segment_differences

HERE = Environment(cpu="A CPU", gpus=["A GPU"], opencv="4.11", packages={"torch": "2.8.0"})


def segment(num_images: int = 3, **changes: Any) -> Segment:
    environment = {key: changes.pop(key) for key in list(changes) if hasattr(HERE, key)}
    return Segment(
        record=f"{len(changes)}.json",
        started_at=BEGIN,
        settings=SETTINGS.model_copy(update=changes),
        environment=HERE.model_copy(update=environment),
        num_images=num_images,
    )


def differences(*segments: Segment) -> list[str]:
    record = AccuracyRecord(row="a", status="completed", started_at=BEGIN, segments=list(segments))
    return list(segment_differences(record.segments))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"packages": {"torch": "2.9.1"}}, "other torch: 2.8.0, then 2.9.1"),
        ({"packages": {"torch": "2.8.0", "pillow": "9"}}, "other pillow: none, then 9"),
        ({"opencv": "5.0"}, "other OpenCV: 4.11, then 5.0"),
        ({"cpu": "Another"}, "other processors: A CPU, then Another"),
        ({"tf32": True}, "other precision: float32, then TF32"),
        ({"engine": EngineUsed(name="openvino")}, "other engines: torch, then openvino"),
    ],
)
def test_what_can_move_digits_is_said(change: dict[str, Any], said: str) -> None:
    (found,) = differences(segment(), segment(**change))
    assert found == f"its parts were computed with {said}"


def test_a_gpu_after_a_cpu() -> None:
    devices, processors = differences(segment(), segment(device="cuda:0"))
    assert devices == "its parts were computed with other devices: cpu, then cuda"
    assert processors.endswith("A CPU, then A GPU")


def test_which_gpu_of_a_kind_is_no_difference() -> None:
    gpus = ["H200", "H200", "A100"]
    one, other, third = (segment(device=f"cuda:{i}", gpus=gpus) for i in range(3))
    assert not differences(one, other, segment(device="cuda:0, cuda:1", gpus=gpus))
    assert not differences(one, segment(device="cuda:0", gpus=gpus[:1]))
    assert differences(other, third) == [
        "its parts were computed with other processors: H200, then A100"
    ]


@pytest.mark.parametrize(
    "change",
    [{"num_threads": 7}, {"memory_format": "contiguous"}, {"num_workers": 3}, {"platform": "x"}],
)
def test_what_only_changes_the_order_of_sums_is_no_difference(change: dict[str, Any]) -> None:
    assert not differences(segment(), segment(**change))


def test_a_part_without_images_does_not_count() -> None:
    assert not differences(segment(0, cpu="Another"), segment(), segment())
    assert not differences()
