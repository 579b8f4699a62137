"""What is printed of how far an installation gives upstream's own answers."""

from __future__ import annotations

import json
from pathlib import Path

from support.stored_runs import record_of

from hrnet_zoo.records.files import now
from hrnet_zoo.report.judgements import as_text as judgements_as_text
from hrnet_zoo.report.judgements import judge_outcome
from hrnet_zoo.report.self_tests import SelfTested, as_json, as_text
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.zoo.manifest import load_zoo

ROW = load_zoo().row("fcn_hr18_512x1024_40k_cityscapes")


def with_equal(*num_equal: int) -> SelfTested:
    found = [
        ReferenceAgreement(
            reference=f"image {i}",
            upstream="mmsegmentation 0.20.2",
            device="cpu",
            tested_at=now(),
            num_compared=100_000,
            num_equal=number,
        )
        for i, number in enumerate(num_equal)
    ]
    return SelfTested(row=ROW, found=found)


def test_every_reference_has_a_line_and_the_limit_a_reason() -> None:
    name, first, second, why = as_text(with_equal(100_000, 97_210)).splitlines()
    assert ROW.name in name
    assert "agrees with mmsegmentation 0.20.2: image 0 on cpu" in _plain(first)
    assert "disagrees with mmsegmentation 0.20.2: image 1 on cpu: 97.2100%" in _plain(second)
    assert "the smallest of the known mistakes" in why


def _plain(text: str) -> str:
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[0m", "\x1b[1m"):
        text = text.replace(code, "")
    return text


def test_json_says_whether_all_agree() -> None:
    said = json.loads(as_json([with_equal(100_000), with_equal(100_000, 97_210), with_equal()]))
    assert [each["agrees"] for each in said] == [True, False, None]
    assert [len(each["references"]) for each in said] == [1, 2, 0]


def test_a_verdict_without_references_says_so() -> None:
    for found, is_said in (([], True), (None, False), (with_equal(100_000).found, False)):
        record = record_of(ROW.name).model_copy(update={"self_test": found})
        result = judge_outcome(ROW, record, Path("record.json"), ["miou"])
        assert ("no reference outputs of fcn_hrnet" in judgements_as_text(result)) is is_said
