"""What was found in a bundle, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from hrnet_zoo.bundles.statement import Assurance, Claim, Evaluation, Fixed
from hrnet_zoo.bundles.verifying import RowHere, Verified
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.system.foreign import on_one_line
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import MISMATCHES, Verdict
from hrnet_zoo.verdicts.unchanged import EXIT_CODES, Since, since

_NAMED = 3

_ROWS: dict[RowHere, str] = {
    "same": "as in {manifest} here",
    "other": "other than in {manifest} here, so what is documented is in question",
    "unknown": "not in {manifest} here, so what is documented is the bundle's word; see --zoo",
}
_FIXED: dict[Fixed, str] = {
    "yes": "fixed before the run, says the record",
    "no": "other than when the run began: the row, its numbers or the tolerance changed since",
    "not_said": "the record does not say whether they were fixed before the run",
}
_ASSURANCE: dict[Assurance, str] = {
    "self_attested": "by those who publish the weights, as far as the bundle says",
    "third_party": "by a third party, says the bundle",
    "reproduced": "twice, the same in every image: this bundle has another such record",
}


@dataclass(frozen=True, kw_only=True)
class Again:
    """Images of a bundle's records that were run again here."""

    seed: int
    """By which they were drawn."""
    records: Sequence[AccuracyRecord]
    """One for each evaluation, with how its images compare."""


def as_text(path: Path, verified: Verified, again: Again | None, manifest: str) -> str:
    """Return what was found in some lines.

    Args:
        path: of the bundle.
        verified: what is in it.
        again: which images were run again; None: none were.
        manifest: name of the one that is used here.
    """
    evaluations = verified.evaluations
    count = f"{len(evaluations)} record{'s' * (len(evaluations) != 1)}"
    lines = [
        f"{path}: {count}, bundled by {verified.made_by} at {verified.made_at}",
        "  intact; all accuracies follow from what is kept of each image",
        *(f"  {line}" for line in _signature(verified)),
    ]
    for i, (each, here) in enumerate(zip(evaluations, verified.rows_here, strict=True)):
        later = " (edition later)" if each.edition == "later" else ""
        lines.append(click.style(each.row, bold=True) + later)
        lines += [f"  {_claim(claim)}" for claim in each.claims]
        lines += [f"  {line}" for line in _below(each, here, manifest)]
        lines += [f"  run again here: {_again(again.records[i], again.seed)}"] if again else []
    # Reasons are the record's words: none of them may look like a line of ours.
    return "\n".join(map(on_one_line, lines))


def as_json(verified: Verified, again: Again | None) -> str:
    """Return one object; keys are those of the statement in the bundle."""
    content = verified.model_dump(mode="json", by_alias=True)
    content["again"] = again and {"seed": again.seed, "answers": [*map(_answer, again.records)]}
    return json.dumps(content, indent=2, ensure_ascii=False)


def _answer(record: AccuracyRecord) -> dict[str, object]:
    found = record.unchanged
    unchanged = None if found is None else found.model_dump(mode="json")
    return {"answer": since(record), "reason": record.reason, "unchanged": unchanged}


def exit_code(verified: Verified, again: Again | None) -> int:
    """Return 0 if all match and nothing is in question, 1 if something mismatches, else 3."""
    claims = [claim for each in verified.evaluations for claim in each.claims]
    codes = [EXIT_CODES[since(record)] for record in again.records] if again else []
    if 1 in codes or any(claim.verdict in MISMATCHES for claim in claims):
        return 1
    holds = all(claim.passed for claim in claims) and set(verified.rows_here) == {"same"}
    return 0 if claims and holds and not any(codes) else 3


def _signature(verified: Verified) -> Iterator[str]:
    if verified.key_id is None:
        yield "not signed: whoever had it could have made all of it anew"
        return
    whose = "the one of --trust" if verified.is_trusted else "known or not, see --trust"
    yield f"signed by the key {verified.key_id}, {whose}"
    yield "a signature says who states this, never that it is true"


def _claim(claim: Claim) -> str:
    metric = METRICS.get(claim.metric)
    said = [f"documented {claim.threshold or '-'}"]
    if claim.value is not None:
        said.append(f"measured {claim.value:.4f}")
    if claim.tolerance is not None:
        said.append(f"up to {claim.tolerance} apart is a match")
    verdict = Verdict(claim.verdict)
    colour = "green" if claim.passed else "red" if verdict in MISMATCHES else "yellow"
    reason = f"; {claim.reason}" if claim.reason else ""
    title = metric.title if metric else claim.metric
    return f"{title}: {click.style(verdict.label, fg=colour)} ({', '.join(said)}){reason}"


def _below(each: Evaluation, here: RowHere, manifest: str) -> Iterator[str]:
    yield f"weights: SHA-256 {each.checkpoint.digest.sha256}"
    yield f"images: {each.data.num_images} of {each.data.name}, {each.data.fingerprint[:16]}..."
    yield f"row: {_ROWS[here].format(manifest=manifest)}"
    yield f"criteria: {_FIXED[each.fixed_before_run]}"
    yield f"measured: {_ASSURANCE[each.assurance_level]}"


def _again(record: AccuracyRecord, seed: int) -> str:
    found, answer = record.unchanged, since(record)
    if found is None:
        return f"not possible: {record.reason}"
    said = "identical in all, files and results"
    if answer is Since.NOT_COMPARABLE:
        said = f"{found.num_other_files} are other files than in the bundle"
    elif answer is Since.CHANGED:
        said = f"{found.num_different} have other results than in the bundle"
    names = f" ({and_more(found.different, _NAMED)})" if found.different else ""
    return f"{found.num_images} images, drawn with seed {seed}: {said}{names}"
