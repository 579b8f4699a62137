"""From a record and its row to what is stated of it; making and verifying a bundle both do this."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from hrnet_zoo.bundles.container import LARGEST, LARGEST_TEXT
from hrnet_zoo.bundles.merkle import root_of_images
from hrnet_zoo.bundles.statement import (
    Assurance,
    Claim,
    Data,
    Digest,
    Evaluation,
    Fixed,
    Harness,
    Resource,
)
from hrnet_zoo.errors import BundleError, explain_os_error
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.images_file import ENDING, named_by, read_images
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.verdicts.accuracy import Judgement, Verdict, judge
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.criteria import criteria_of
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

_SHOWN = 5


def resource(name: str, content: bytes) -> Resource:
    """Return a file in in-toto's words."""
    return Resource(name=name, digest=Digest(sha256=hashlib.sha256(content).hexdigest()))


def evaluations_of(
    zoo: Zoo, runs: Sequence[Found[AccuracyRecord]], declared: Sequence[Assurance]
) -> list[Evaluation]:
    """Return what is stated of records, each scored again from its images and judged.

    Args:
        zoo: with their rows.
        runs: completed, with their images files.
        declared: by whom each was measured.

    Raises:
        BundleError: a record cannot be judged, or something speaks against it.
        UsageError: the zoo has not its row.
    """
    found = [_evaluation(zoo, run, who) for run, who in zip(runs, declared, strict=True)]
    roots = Counter((each.checkpoint.digest, each.data.merkle_root) for each in found)
    return [
        each.model_copy(update={"assurance_level": "reproduced"})
        if roots[each.checkpoint.digest, each.data.merkle_root] > 1
        else each
        for each in found
    ]


def record_name(run: Found[AccuracyRecord]) -> str:
    """Return what a record is called in a bundle, beside its images file, which it names."""
    images = named_by(run.record, run.path)
    stem = images.name.removesuffix(ENDING) if images else run.path.stem
    return f"records/{run.record.row}/{stem}.json"


def files_of(run: Found[AccuracyRecord]) -> tuple[bytes, bytes]:
    """Return the file of a record that has an images file, and that one.

    Raises:
        BundleError: one cannot be read, or is larger than a bundle takes.
    """
    images = named_by(run.record, run.path)
    assert images is not None
    try:
        return read_regular(run.path, LARGEST_TEXT), read_regular(images, LARGEST)
    except OSError as error:
        raise BundleError(explain_os_error(error)) from None


def _evaluation(zoo: Zoo, run: Found[AccuracyRecord], declared: Assurance) -> Evaluation:
    record, path = run.record, run.path
    row = zoo.row(record.row, record.edition)
    used, data = record.checkpoint, record.dataset
    if record.status != "completed" or not record.images_file or used is None or data is None:
        why = "looked at none" if record.status == "completed" else f'is "{record.status}"'
        msg = (
            f"{path} cannot be judged by others: only completed runs over images can, and this one "
            f"{why}. Leave it out."
        )
        raise BundleError(msg)
    evidence = evidence_of(row, record, path)
    if against := [*evidence.found, *dict.fromkeys(evidence.unchecked.values())]:
        msg = f"{path}: {and_more(against, _SHOWN)}. What cannot be scored again is no evidence."
        raise BundleError(msg)
    noise = record.asked.tolerance
    of_record, of_images = files_of(run)
    name = record_name(run)
    return Evaluation(
        row=record.row,
        edition=record.edition,
        checkpoint=Resource(name=used.file_name, digest=Digest(sha256=used.sha256)),
        record=resource(name, of_record),
        images=resource(name.removesuffix(".json") + ENDING, of_images),
        data=Data(
            name=data.name,
            num_images=data.num_images,
            fingerprint=data.fingerprint,
            merkle_root=root_of_images(read_images(record, path).images),
        ),
        harness=Harness(
            version=record.environment.packages.get("hrnet-zoo"),
            sources_sha256=record.environment.sources_sha256,
        ),
        criteria_sha256=criteria_of(row, record),
        fixed_before_run=_fixed(row, record),
        assurance_level=declared,
        claims=[_claim(judge(row, record, m, noise, evidence)) for m in record.metrics],
    )


def _fixed(row: Row, record: AccuracyRecord) -> Fixed:
    before = record.asked.criteria_sha256
    if before is None:
        return "not_said"
    return "yes" if before == criteria_of(row, record) else "no"


def _claim(judgement: Judgement) -> Claim:
    documented, tolerance = judgement.documented, judgement.tolerance
    return Claim(
        metric=judgement.metric,
        threshold=None if documented is None else str(documented),
        tolerance=None if tolerance is None else str(tolerance.limit),
        value=judgement.measured,
        passed=judgement.verdict is Verdict.MATCH,
        verdict=judgement.verdict.value,
        reason=judgement.reason,
    )
