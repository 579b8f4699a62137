"""What a bundle states: an in-toto statement of ours, and a standard one for policy tools.

Source: in-toto Attestation Framework, spec/v1/statement.md, resource_descriptor.md and
spec/predicates/test-result.md. No predicate for evaluations is settled: ours is modelled on the
proposal "eval-result" (in-toto/attestation, pull request 575) and, for thresholds that are fixed
before a run, on pull request 587. Names of fields are in camel case, as theirs are.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from hrnet_zoo.system.strict import Part
from hrnet_zoo.verdicts.accuracy import MISMATCHES
from hrnet_zoo.zoo.row import EditionName

InTotoStatement = Literal["https://in-toto.io/Statement/v1"]
EvaluationType = Literal["urn:hrnet-zoo:evaluation:v1"]
"""Raised whenever a field changes its meaning; a name, behind which nothing is to be fetched."""
PolicyType = Literal["https://in-toto.io/attestation/test-result/v0.1"]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Stated(Part):
    """A part of a statement."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Digest(Stated):
    """A file's SHA-256, as in-toto writes it."""

    sha256: Sha256


class Resource(Stated):
    """A file, of the bundle or not, in in-toto's words."""

    name: str
    digest: Digest


class Harness(Stated):
    """The program that did something."""

    name: Literal["hrnet-zoo"] = "hrnet-zoo"
    version: str | None
    sources_sha256: Sha256 | None
    """Over its modules, as `sources_digest` has it; None: an old record does not say."""


class Data(Stated):
    """The images that were evaluated, which are never in a bundle."""

    name: str
    num_images: int
    fingerprint: str
    """SHA-256 over the digests of all images with their labels or annotations."""
    merkle_root: Sha256
    """Over names, digests and results of the images; see merkle.py."""


class Claim(Stated):
    """One number: what was documented, what was measured, and how that was judged."""

    metric: str
    comparator: Literal["within"] = "within"
    """The measured value is at most `tolerance` away from `threshold`."""
    threshold: str | None
    """The documented value as printed; None: none is."""
    tolerance: str | None
    value: float | None
    """As measured, in the unit of the table; percent for accuracies."""
    passed: bool
    """Whether the verdict is a match."""
    verdict: str
    reason: str
    """Why the verdict is not simply match or mismatch; may be empty."""


Fixed = Literal["yes", "no", "not_said"]
"""Whether what a record is judged by was fixed before its run; old records do not say."""
Assurance = Literal["self_attested", "third_party", "reproduced"]
"""By whom a record was measured; see `Evaluation.assurance_level`."""


class Evaluation(Stated):
    """One record, judged."""

    row: str
    edition: EditionName
    checkpoint: Resource
    record: Resource
    images: Resource
    data: Data
    harness: Harness
    """That measured."""
    criteria_sha256: Sha256
    """Of what it is judged by; see `Criteria`."""
    fixed_before_run: Fixed
    """Whether that digest was in the record when the run began; old records do not say."""
    assurance_level: Assurance
    """By whom it was measured: who publishes the weights, or another; this much its maker says.
    "reproduced": another record of the bundle has the same in every image."""
    claims: list[Claim]


class Predicate(Stated):
    """What our statement says."""

    made_at: AwareDatetime
    made_by: Harness
    signer: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None
    """The public ed25519 key of the one who signed, 32 bytes; None: nobody did."""
    manifest: Resource
    evaluations: Annotated[list[Evaluation], Field(min_length=1)]


class EvaluationStatement(Stated):
    """Our statement; its subjects are the checkpoints."""

    type_: InTotoStatement = Field("https://in-toto.io/Statement/v1", alias="_type")
    subject: list[Resource]
    predicate_type: EvaluationType = "urn:hrnet-zoo:evaluation:v1"
    predicate: Predicate


class PolicyResult(Stated):
    """What the standard statement says; a number of a row is a test."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: list[Resource]
    passed_tests: list[str] = []
    warned_tests: list[str] = []
    """Those that can be neither confirmed nor refuted."""
    failed_tests: list[str] = []


class PolicyStatement(Stated):
    """The standard statement about the same checkpoints."""

    type_: InTotoStatement = Field("https://in-toto.io/Statement/v1", alias="_type")
    subject: list[Resource]
    predicate_type: PolicyType = "https://in-toto.io/attestation/test-result/v0.1"
    predicate: PolicyResult


def result_of(predicate: Predicate) -> PolicyResult:
    """Return the same in the words of the standard statement."""
    tests: dict[str, list[str]] = {"passed": [], "warned": [], "failed": []}
    for evaluation in predicate.evaluations:
        for claim in evaluation.claims:
            refuted = claim.verdict in MISMATCHES
            kind = "passed" if claim.passed else "failed" if refuted else "warned"
            where = f"{evaluation.row} ({evaluation.edition})"
            tests[kind].append(f"{where}: {claim.metric} of {evaluation.record.name}")
    worst = "FAILED" if tests["failed"] else "WARNED" if tests["warned"] else "PASSED"
    return PolicyResult.model_validate(
        {
            "result": worst,
            "configuration": [predicate.manifest],
            **{f"{kind}_tests": names for kind, names in tests.items()},
        }
    )
