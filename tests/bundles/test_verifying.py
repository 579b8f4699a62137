"""Every edit to a signed bundle is found; of an unsigned one, all that contradicts itself."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from support.bundling import (
    CLASSIFIER,
    DETECTOR,
    MADE_AT,
    RECORDS,
    SEGMENTOR,
    bundled,
    changed_manifest,
    record_of,
    verified,
)
from support.sealing import recount, seal_anew

from hrnet_zoo.bundles.container import packed, unpacked
from hrnet_zoo.bundles.keys import generate, key_id, signer_of
from hrnet_zoo.bundles.reading import ATTESTATIONS, MANIFEST, stated_in
from hrnet_zoo.errors import BundleError, PrerequisiteError
from hrnet_zoo.zoo.manifest import load_zoo

FLIPS = 60
"""Of each part."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.zip"


def parts(content: bytes) -> Iterator[tuple[str, range]]:
    """Yield the members of a bundle, their headers, and what follows them, with their bytes."""
    position = 0
    for name, data in unpacked(content).items():
        start = content.index(name.encode(), position) + len(name)
        yield f"header of {name}", range(position, start)
        yield name, range(start, start + len(data))
        position = start + len(data)
    yield "list", range(position, len(content))


def flipped(content: bytes, places: range, drawn: random.Random) -> bytes:
    """Return a content of which one byte is another."""
    other = bytearray(content)
    other[drawn.choice(places)] ^= drawn.randrange(1, 256)
    return bytes(other)


def test_every_changed_byte_is_found_in_every_part(signed: bytes, file: Path) -> None:
    drawn, names = random.Random(1), []
    for name, places in parts(signed):
        names.append(name)
        for _ in range(FLIPS):
            with pytest.raises(ValueError, match=r"\w"):
                unpacked(flipped(signed, places, drawn))
        file.write_bytes(flipped(signed, places, drawn))
        with pytest.raises(BundleError, match=str(file)):
            verified(file)
    assert len(names) == 2 * 6 + 1


def test_every_changed_byte_is_found_though_the_file_was_packed_anew(
    signed: bytes, file: Path
) -> None:
    """By digests, by the one form of statements, or by the signature, whoever is trusted."""
    drawn, by_signature = random.Random(2), 0
    members = unpacked(signed)
    for name, content in members.items():
        # Few changes of statements are in their one form still, and which are is the key's chance.
        for _ in range(FLIPS * (10 if name == ATTESTATIONS else 1)):
            changed = members | {name: flipped(content, range(len(content)), drawn)}
            try:
                stated_in(changed)
            except ValueError:
                continue
            by_signature += 1
            file.write_bytes(packed(changed))
            with pytest.raises(BundleError, match=r"signed|signature"):
                verified(file)
    assert by_signature


def without(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: value for key, value in members.items() if key != name}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: without(m, [*m][-1]), "are not those that it states"),
        (lambda m: m | {"notes.txt": b""}, "are not those that it states"),
        (lambda m: m | {"../outside": b""}, "are not those that it states"),
        (lambda m: dict(sorted(m.items(), reverse=True)), "their order"),
        (lambda m: without(m, ATTESTATIONS), "no attestations.intoto.jsonl of two lines"),
        (lambda m: m | {ATTESTATIONS: m[ATTESTATIONS] * 2}, "of two lines"),
        (lambda m: m | {ATTESTATIONS: b"[" * 100_000 + b"\n{}\n"}, "an envelope is not JSON"),
        (lambda m: m | {ATTESTATIONS: b"{}\n{}\n"}, "an envelope of another version"),
        (lambda m: m | {MANIFEST: b" " * (2**24 + 1)}, "needs 16777216 at most"),
    ],
)
def test_other_files_are_refused(
    signed: bytes, file: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], why: str
) -> None:
    file.write_bytes(packed(change(unpacked(signed))))
    with pytest.raises(BundleError, match=why):
        verified(file)
    assert [*file.parent.glob("outside*")] == []


def statement_of(content: bytes, line: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an envelope of a bundle, and the statement in it."""
    envelope = json.loads(unpacked(content)[ATTESTATIONS].splitlines()[line])
    return envelope, json.loads(base64.b64decode(envelope["payload"]))


def restated(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an unsigned bundle with another statement of ours, as its forger writes it."""
    members = unpacked(content)
    envelope, statement = statement_of(content)
    change(statement)
    form: dict[str, Any] = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    payload = json.dumps(statement, **form).encode()
    envelope["payload"] = base64.b64encode(payload).decode()
    _, second = members[ATTESTATIONS].splitlines(keepends=True)
    line = json.dumps(envelope, **form).encode() + b"\n"
    return packed(members | {ATTESTATIONS: line + second})


def test_the_signature_is_that_of_the_standard(signed: bytes, public: str) -> None:
    """Any program that knows DSSE and ed25519 can check it."""
    for line, kind in enumerate(
        ("urn:hrnet-zoo:evaluation:v1", "https://in-toto.io/attestation/test-result/v0.1")
    ):
        envelope, statement = statement_of(signed, line)
        payload, sort = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        (signature,) = envelope["signatures"]
        given = b"DSSEv1 %d %b %d %b" % (len(sort), sort, len(payload), payload)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(base64.b64decode(signature["sig"]), given)
        assert (signature["keyid"], sort) == (key_id(public), b"application/vnd.in-toto+json")
        assert (statement["_type"], statement["predicateType"]) == (
            "https://in-toto.io/Statement/v1",
            kind,
        )


def test_what_is_stated_is_what_lies_there(signed: bytes) -> None:
    members, (_, statement) = unpacked(signed), statement_of(signed)
    record = json.loads(record_of(SEGMENTOR).read_text())
    each = statement["predicate"]["evaluations"][0]
    assert each["checkpoint"] == statement["subject"][0]
    assert each["checkpoint"]["digest"] == {"sha256": record["checkpoint"]["sha256"]}
    for kind in ("record", "images"):
        content = members[each[kind]["name"]]
        assert each[kind]["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert each["data"]["fingerprint"] == record["dataset"]["fingerprint"]
    (claim,) = each["claims"]
    assert (claim["threshold"], claim["value"]) == ("81.59", record["measurements"][0]["value"])
    assert claim["passed"]
    _, standard = statement_of(signed, 1)
    assert standard["subject"] == statement["subject"]
    assert standard["predicate"]["result"] == "PASSED"
    assert len(standard["predicate"]["passedTests"]) == 4


def test_only_the_trusted_key_will_do(
    signed: bytes, file: Path, public: str, tmp_path: Path
) -> None:
    file.write_bytes(signed)
    found = verified(file, trusted=public)
    assert (found.key_id, found.is_trusted) == (key_id(public), True)
    assert not verified(file).is_trusted
    generate(tmp_path / "other")
    other = signer_of(tmp_path / "other")
    with pytest.raises(BundleError, match=r"signed by the key \w{64}, not by the key"):
        verified(file, trusted=other.public_key.keyval["public"])
    file.write_bytes(bundled([record_of(CLASSIFIER)], signer=other))
    with pytest.raises(BundleError, match=r"signed by the key \w{64}, not by the key"):
        verified(file, trusted=public)
    file.write_bytes(bundled([record_of(CLASSIFIER)]))
    with pytest.raises(BundleError, match="signed by nobody, not by the key"):
        verified(file, trusted=public)


def test_a_signature_can_neither_be_taken_off_nor_lent(
    signed: bytes, file: Path, public: str
) -> None:
    members = unpacked(signed)
    lines = [json.loads(line) for line in members[ATTESTATIONS].splitlines()]
    form: dict[str, Any] = {"sort_keys": True, "separators": (",", ":")}
    bare = b"".join(
        json.dumps(line | {"signatures": []}, **form).encode() + b"\n" for line in lines
    )
    file.write_bytes(packed(members | {ATTESTATIONS: bare}))
    with pytest.raises(BundleError, match="signed it, and nobody did"):
        verified(file)
    # The statement of a bundle that he signed does not do for another.
    other = unpacked(bundled([record_of(DETECTOR)]))
    file.write_bytes(packed(other | {ATTESTATIONS: members[ATTESTATIONS]}))
    with pytest.raises(BundleError, match="are not those that it states"):
        verified(file, trusted=public)


def test_without_the_libraries_only_signed_ones_are_refused(
    signed: bytes, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    file.write_bytes(signed)
    with pytest.raises(PrerequisiteError, match="Signatures need securesystemslib"):
        verified(file)
    file.write_bytes(bundled([record_of(CLASSIFIER)]))
    assert verified(file).key_id is None


def raised(claim: dict[str, Any]) -> None:
    claim["value"] = 81.59


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda each: raised(each["claims"][0]), "value is 81.59, and 81.587"),
        (lambda each: each["claims"][0].update(tolerance="9"), "tolerance is '9', and '0.0050'"),
        (lambda each: each["claims"][0].update(threshold="81.6"), "threshold is '81.6'"),
        (lambda each: each.update(criteriaSha256="0" * 64), "criteria_sha256 is '000"),
        (lambda each: each["data"].update(merkleRoot="0" * 64), "merkle_root is '000"),
        (lambda each: each["data"].update(fingerprint="0" * 64), "fingerprint is '000"),
        (lambda each: each.update(fixedBeforeRun="no"), "fixed_before_run is 'no'"),
        (lambda each: each.update(assuranceLevel="reproduced"), "assurance_level is 'reproduced'"),
        (lambda each: each["harness"].update(version="9"), "version is '9'"),
    ],
)
def test_what_is_stated_has_to_follow_from_the_records(
    file: Path, change: Callable[[dict[str, Any]], object], why: str
) -> None:
    whole = bundled([record_of(SEGMENTOR)])
    file.write_bytes(restated(whole, lambda said: change(said["predicate"]["evaluations"][0])))
    with pytest.raises(BundleError, match=f"does not follow from its records.*{why}"):
        verified(file)


def test_both_statements_have_to_say_the_same(file: Path) -> None:
    whole = bundled([record_of(SEGMENTOR)])

    def refuted(statement: dict[str, Any]) -> None:
        statement["predicate"]["evaluations"][0]["claims"][0]["passed"] = False

    for change in (refuted, lambda statement: statement["subject"].clear()):
        file.write_bytes(restated(whole, change))
        with pytest.raises(BundleError, match="statements are not about the same"):
            verified(file)


def test_statements_have_one_form(file: Path) -> None:
    whole = bundled([record_of(SEGMENTOR)])
    for change, why in (
        (lambda said: said.update(more=1), "of another version"),
        (lambda said: said["predicate"].update(signer="é"), "of another version"),
        (lambda said: said.update(predicateType="urn:hrnet-zoo:evaluation:v2"), "another version"),
    ):
        file.write_bytes(restated(whole, change))
        with pytest.raises(BundleError, match=why):
            verified(file)
    members = unpacked(whole)
    spaced = members[ATTESTATIONS].replace(b'","', b'", "', 1)
    file.write_bytes(packed(members | {ATTESTATIONS: spaced}))
    with pytest.raises(BundleError, match="is not written in the usual order and without spaces"):
        verified(file)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the segmentor's record, to be changed."""
    return record_of(SEGMENTOR, shutil.copytree(RECORDS, tmp_path / "records"))


def test_who_counts_anew_is_found_by_the_signature_alone(
    copied: Path, file: Path, public: str
) -> None:
    """This is what an unsigned bundle cannot tell, and why it says so."""
    recount(copied, 36, lambda counts: counts * (counts >= 200))
    file.write_bytes(bundled([copied]))
    found = verified(file)
    assert found.evaluations[0].claims[0].value != pytest.approx(81.587, abs=0.1)
    assert found.key_id is None
    with pytest.raises(BundleError, match="signed by nobody"):
        verified(file, trusted=public)


def test_a_record_that_contradicts_its_images_is_not_bundled(copied: Path) -> None:
    content = json.loads(copied.read_text())
    content["measurements"][0]["value"] = 81.6
    copied.write_text(json.dumps(content))
    with pytest.raises(BundleError, match=r"value is 81\.6, and was 81\.58"):
        bundled([copied])


def test_a_forger_who_restates_an_edited_record_is_found(copied: Path, file: Path) -> None:
    """He changes record and digests, and does not compute all of it anew."""
    whole, name = bundled([copied]), f"records/{SEGMENTOR}/{copied.name}"
    content = json.loads(copied.read_text())
    content["measurements"][0]["value"] = 81.6
    edited = json.dumps(content).encode()

    def restate(statement: dict[str, Any]) -> None:
        each = statement["predicate"]["evaluations"][0]
        each["record"]["digest"]["sha256"] = hashlib.sha256(edited).hexdigest()
        each["claims"][0]["value"] = 81.6

    forged = unpacked(restated(whole, restate)) | {name: edited}
    file.write_bytes(packed(forged))
    with pytest.raises(BundleError, match=r"contradicts itself: records/.* was 81\.58"):
        verified(file)


def test_another_row_than_here_is_said(file: Path, tmp_path: Path) -> None:
    lowered = load_zoo(changed_manifest(tmp_path, '"81.59"', '"70.00"'))
    file.write_bytes(bundled([record_of(SEGMENTOR), record_of(CLASSIFIER)], lowered))
    found = verified(file)
    assert found.rows_here == ["other", "same"]
    assert found.evaluations[0].claims[0].verdict == "mismatch_better"


def without_criteria(record: Path) -> None:
    """Let a record not say what it is judged by, as those of former versions."""
    content = json.loads(record.read_text())
    content["asked"]["criteria_sha256"] = None
    seal_anew(record, content)


def test_it_is_said_whether_the_row_was_the_same_before_the_run(
    copied: Path, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(bundled([copied]))
    assert verified(file).evaluations[0].fixed_before_run == "yes"
    for old, new in (
        ('"81.59"', '"81.58"'),
        ("position: 0", "position: 7"),
    ):
        changed = load_zoo(changed_manifest(tmp_path, old, new))
        file.write_bytes(bundled([copied], changed))
        assert verified(file).evaluations[0].fixed_before_run == "no"
    without_criteria(copied)
    file.write_bytes(bundled([copied]))
    assert verified(file).evaluations[0].fixed_before_run == "not_said"


def test_the_same_twice_is_reproduced(copied: Path, file: Path) -> None:
    again = shutil.copytree(copied.parent, copied.parents[1] / "again") / copied.name
    content = json.loads(again.read_text()) | {"finished_at": "2027-01-01T00:00:00Z"}
    content["images_file"] = "20270101T000000Z.images.jsonl"
    record_of_first = again.with_name(json.loads(copied.read_text())["images_file"])
    record_of_first.rename(again.with_name(content["images_file"]))
    seal_anew(again, content)
    file.write_bytes(bundled([copied, again, record_of(CLASSIFIER)], third_party=True))
    levels = [each.assurance_level for each in verified(file).evaluations]
    assert levels == ["reproduced", "reproduced", "third_party"]


def test_two_machines_say_the_same(
    signed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for machine in ("one", "two"):
        folder = tmp_path / machine
        folder.mkdir()
        monkeypatch.setenv("HRNET_ZOO_CACHE", str(folder / "cache"))
        monkeypatch.chdir(folder)
        (folder / "bundle.zip").write_bytes(signed)
        found.append(verified(Path("bundle.zip")))
    assert found[0] == found[1]
    assert found[0].made_at == f"{MADE_AT:%Y-%m-%d %H:%M} UTC"


def test_the_same_records_make_the_same_bundle(signed: bytes, key: Path) -> None:
    paths = [record_of(CLASSIFIER), record_of(SEGMENTOR)]
    assert bundled(paths, signer=signer_of(key)) == signed
