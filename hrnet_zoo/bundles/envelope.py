"""Statements in their envelopes, one a line, as in an in-toto bundle of attestations.

An envelope without a signature has an empty list of them. Lines and what is in them have one form
only: what is read is held against what would be written.

Source: secure-systems-lab/dsse, protocol.md and envelope.md 1.0.2; in-toto Attestation Framework,
spec/v1/bundle.md.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from hrnet_zoo.bundles.keys import key_id, require_signing, verifying_key
from hrnet_zoo.bundles.statement import Stated
from hrnet_zoo.errors import BundleError
from hrnet_zoo.system.canonical import canonical_json
from hrnet_zoo.system.strict import first_problem

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

_TYPE = "application/vnd.in-toto+json"

Model = TypeVar("Model", bound=BaseModel)


class Signature(Stated):
    """One signature."""

    keyid: str
    sig: str
    """64 bytes in base64."""


class Envelope(Stated):
    """A statement with its signatures."""

    payload: str
    """The statement in base64."""
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: list[Signature]


def sealed(statement: Stated, signer: CryptoSigner | None) -> bytes:
    """Return the line of a statement, signed if there is something to sign with."""
    payload = canonical_json(statement.model_dump(mode="json", by_alias=True))
    if signer is None:
        unsigned = {"payload": _base64(payload), "payloadType": _TYPE, "signatures": []}
        return canonical_json(unsigned) + b"\n"
    from securesystemslib.dsse import Envelope as Signed

    envelope = Signed(payload, _TYPE, {})
    envelope.sign(signer)
    return canonical_json(envelope.to_dict()) + b"\n"


def envelope_in(line: bytes) -> Envelope:
    """Return the envelope in a line.

    Raises:
        ValueError: there is none, or it is written otherwise than `sealed` does.
    """
    return _read(line.removesuffix(b"\n"), Envelope, "an envelope")


def statement_in(envelope: Envelope, kind: type[Model]) -> Model:
    """Return the statement in an envelope; whoever signed it.

    Raises:
        ValueError: there is none of this kind, or it is written otherwise than `sealed` does.
    """
    payload = base64.b64decode(envelope.payload, validate=True)
    if _base64(payload) != envelope.payload:
        msg = "a statement is not coded as usual"
        raise ValueError(msg)
    return _read(payload, kind, "a statement")


def _read(content: bytes, kind: type[Model], what: str) -> Model:
    try:
        value: Any = json.loads(content)
        is_usual = canonical_json(value) == content
    except (ValueError, RecursionError) as error:
        msg = f"{what} is not JSON ({error})"
        raise ValueError(msg) from None
    if not is_usual:
        msg = f"{what} is not written in the usual order and without spaces"
        raise ValueError(msg)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        msg = f"{what} of another version, or none ({first_problem(error)})"
        raise ValueError(msg) from None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def require_signature(envelope: Envelope, public: str | None) -> None:
    """Raise BundleError unless an envelope has one signature, which is right and by this key.

    Args:
        envelope: with a statement.
        public: the key, 32 bytes, in hex; None: there is to be no signature.

    Raises:
        BundleError: as said.
        PrerequisiteError: the libraries that sign are missing.
    """
    wanted = [] if public is None else [key_id(public)]
    if [each.keyid for each in envelope.signatures] != wanted:
        ids = ", ".join(each.keyid for each in envelope.signatures) or "nobody"
        msg = f"it says that {wanted[0] if wanted else 'nobody'} signed it, and {ids} did."
        raise BundleError(msg)
    if public is None:
        return
    require_signing()
    from securesystemslib.dsse import Envelope as Signed
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import Signature as Given

    (signature,) = envelope.signatures
    try:
        raw = base64.b64decode(signature.sig, validate=True)
        if _base64(raw) != signature.sig:
            msg = "not coded as usual"
            raise ValueError(msg)
        given = Given(signature.keyid, raw.hex())
        payload = base64.b64decode(envelope.payload, validate=True)
        signed = Signed(payload, envelope.payload_type, {given.keyid: given})
        signed.verify([verifying_key(public)], 1)
    except (VerificationError, ValueError) as error:
        msg = f"the signature by {key_id(public)} is not of what it states ({error})."
        raise BundleError(msg) from None
