"""Verdicts on hand-made records: what counts as a match, and that nothing else does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.records.accuracy import (
    AccuracyRecord,
    CheckpointUsed,
    DatasetUsed,
    Measurement,
    Settings,
)
from hrnet_zoo.records.files import now
from hrnet_zoo.tasks.scored import Interval, ProtocolUsed
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup, WholeTest
from hrnet_zoo.verdicts.accuracy import Judgement, Verdict, exit_code, judge
from hrnet_zoo.zoo.manifest import load_zoo

ROW = load_zoo().row("fcn_hr18_512x1024_40k_cityscapes")  # mIoU 77.19, ms+flip 78.92
PREFIX = "f196fb4e"


def measurement(value: float | None, metric: str = "miou", **changes: Any) -> Measurement:
    assert isinstance(ROW.setup, SegmentationSetup)
    protocol = ProtocolUsed(
        name="single" if metric == "miou" else "ms_flip",
        test=ROW.setup.test.model_dump(mode="json"),
        normalisation=ROW.setup.normalisation,
        ratios=[1.0] if metric == "miou" else [0.5, 0.75, 1.0, 1.25, 1.5, 1.75],
        flip=metric != "miou",
    )
    return Measurement(metric=metric, value=value, protocol=protocol.model_copy(update=changes))


def record(
    *measurements: Measurement, images: int = 500, sha256: str = PREFIX, **changes: Any
) -> AccuracyRecord:
    complete = AccuracyRecord(
        row=ROW.name,
        status="completed",
        started_at=now(),
        checkpoint=CheckpointUsed(
            file_name="x.pth", sha256=sha256.ljust(64, "0"), size_bytes=1, url=None
        ),
        dataset=DatasetUsed(
            name="cityscapes",
            num_images=images,
            num_images_found=500,
            fingerprint="0" * 64,
        ),
        measurements=list(measurements),
    )
    return complete.model_copy(update=changes)


def verdict(value: float | None, **changes: Any) -> Judgement:
    return judge(ROW, record(measurement(value), **changes), "miou")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (77.19, Verdict.MATCH),
        (77.19 + 0.105, Verdict.MATCH),  # half a digit and the allowance, exactly
        (77.19 - 0.105, Verdict.MATCH),
        (77.2951, Verdict.MISMATCH_BETTER),
        (77.0849, Verdict.MISMATCH_WORSE),
        (0.0, Verdict.MISMATCH_WORSE),
    ],
)
def test_the_limit_is_half_a_digit_plus_the_allowance(value: float, expected: Verdict) -> None:
    judgement = verdict(value)
    assert judgement.verdict is expected
    assert judgement.delta == pytest.approx(value - 77.19)


def test_allowance_can_be_set() -> None:
    complete = record(measurement(77.24))
    assert judge(ROW, complete, "miou", Decimal("0.05")).verdict is Verdict.MATCH
    assert judge(ROW, complete, "miou", Decimal(0)).verdict is Verdict.MISMATCH_BETTER


def test_partial_run_is_not_comparable_however_close() -> None:
    judgement = verdict(77.19, images=499)
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "499 of 500 images" in judgement.reason
    assert judgement.measured == 77.19


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (70.0, 65.0, 78.0, Verdict.INCONCLUSIVE),  # far off, but such a part often is
        (77.19, 76.0, 78.0, Verdict.INCONCLUSIVE),  # even the very number is not a match
        (70.0, 68.0, 72.0, Verdict.NOT_COMPARABLE),
    ],
)
def test_part_of_the_images_is_inconclusive_at_best(
    value: float, low: float, high: float, expected: Verdict
) -> None:
    interval = Interval(low=low, high=high, level=0.95, resamples=2000)
    part = measurement(value).model_copy(update={"interval": interval})
    judgement = judge(ROW, record(part, images=50), "miou")
    assert judgement.verdict is expected
    assert f"95% interval {low:.2f} to {high:.2f}" in judgement.reason
    assert exit_code([judgement]) == 3


def test_the_interval_excuses_nothing_in_a_full_run() -> None:
    interval = Interval(low=70.0, high=80.0, level=0.95, resamples=2000)
    full = measurement(76.0).model_copy(update={"interval": interval})
    assert judge(ROW, record(full), "miou").verdict is Verdict.MISMATCH_WORSE


def test_another_checkpoint_is_not_comparable() -> None:
    judgement = verdict(77.19, sha256="deadbeef")
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "deadbeef" in judgement.reason
    assert PREFIX in judgement.reason


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": "ms_flip"}, "with the protocol ms_flip"),
        ({"flip": True}, "other scales or mirroring"),
        ({"ratios": [0.5, 2.0]}, "other scales or mirroring"),
        ({"test": WholeTest(mode="whole", scale=(1024, 512))}, "test scale or window"),
        (
            {"normalisation": Normalisation(channel_order="bgr", mean=(0, 0, 0), std=(1, 1, 1))},
            "normalisation",
        ),
    ],
)
def test_another_protocol_is_not_comparable(changes: dict[str, Any], what: str) -> None:
    judgement = judge(ROW, record(measurement(77.19, **changes)), "miou")
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert what in judgement.reason


def test_ms_flip_with_the_scales_of_single_is_not_comparable() -> None:
    one_pass = measurement(78.92, "miou_ms_flip", ratios=[1.0], flip=False)
    assert judge(ROW, record(one_pass), "miou_ms_flip").verdict is Verdict.NOT_COMPARABLE


def test_tf32_is_not_comparable() -> None:
    settings = Settings(
        device="cuda:0",
        dtype="float32",
        tf32=True,
        cudnn_benchmark=False,
        cudnn_deterministic=True,
        memory_format="channels_last",
        num_threads=1,
        num_workers=1,
    )
    assert "TF32" in verdict(77.19, settings=settings).reason


def test_a_record_of_another_row_is_not_comparable() -> None:
    assert verdict(77.19, row="fcn_hr18_512x1024_80k_cityscapes").verdict is Verdict.NOT_COMPARABLE


def test_the_size_of_the_split_comes_from_the_manifest() -> None:
    """A folder that holds three images is not complete because all three were evaluated."""
    made = record(measurement(77.19), images=3)
    assert made.dataset is not None
    found = made.dataset.model_copy(update={"num_images_found": 3})
    judgement = judge(ROW, made.model_copy(update={"dataset": found}), "miou")
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "3 of 500 images" in judgement.reason


def test_another_data_set_is_not_comparable() -> None:
    complete = record(measurement(77.19))
    assert complete.dataset is not None
    other = complete.dataset.model_copy(update={"name": "ade20k"})
    judgement = judge(ROW, complete.model_copy(update={"dataset": other}), "miou")
    assert judgement.verdict is Verdict.NOT_COMPARABLE


def test_a_value_that_is_no_number_is_an_error() -> None:
    assert verdict(None).verdict is Verdict.ERROR


@pytest.mark.parametrize("status", ["started", "error", "interrupted"])
def test_an_unfinished_run_is_an_error_even_if_it_left_a_value(status: Any) -> None:
    judgement = verdict(77.19, status=status)
    assert judgement.verdict is Verdict.ERROR
    assert judgement.reason


def test_what_was_not_run_says_why() -> None:
    judgement = verdict(None, status="not_run", measurements=[], reason="no data folder was given")
    assert judgement.verdict is Verdict.NOT_RUN
    assert judgement.reason == "no data folder was given"
    asked = record(measurement(77.19), not_run={"fps": "this version does not measure fps"})
    assert judge(ROW, asked, "fps").verdict is Verdict.NOT_RUN
    assert judge(ROW, record(measurement(77.19)), "miou_ms_flip").verdict is Verdict.NOT_RUN


def test_dash_and_blank_are_not_documented() -> None:
    dash = load_zoo().row("fcn_hr18_512x1024_80k_cityscapes")
    assert judge(dash, record(), "fps").verdict is Verdict.NOT_DOCUMENTED
    blank = load_zoo().row("faster_rcnn_hrnetv2p_w40_2x_coco")
    assert judge(blank, record(), "box_ap").verdict is Verdict.NOT_DOCUMENTED


def test_ms_flip_is_held_against_its_own_column() -> None:
    judgement = judge(ROW, record(measurement(78.92, "miou_ms_flip")), "miou_ms_flip")
    assert judgement.verdict is Verdict.MATCH
    assert judgement.documented == Decimal("78.92")


@pytest.mark.parametrize("other", [v for v in Verdict if v is not Verdict.MATCH])
def test_only_matches_exit_0(other: Verdict) -> None:
    match = verdict(77.19)
    unlike = Judgement(**{**match.__dict__, "verdict": other})
    mismatch = other in (Verdict.MISMATCH_BETTER, Verdict.MISMATCH_WORSE)
    assert exit_code([match, match]) == 0
    assert exit_code([match, unlike]) == (1 if mismatch else 3)


def test_a_mismatch_outweighs_what_could_not_be_run() -> None:
    assert exit_code([verdict(0.0), verdict(None)]) == 1


def test_nothing_checked_is_no_success() -> None:
    assert exit_code([]) == 3
