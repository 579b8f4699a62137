"""Holds a bundle against itself, a key and this machine's manifest.

What was forged or damaged is an error; what is sound may still be a mismatch. Nothing here tells
whether somebody computed everything anew: a signature says by whom it would be.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Literal

from hrnet_zoo.bundles.envelope import require_signature
from hrnet_zoo.bundles.evaluating import evaluations_of
from hrnet_zoo.bundles.keys import key_id
from hrnet_zoo.bundles.reading import Bundle
from hrnet_zoo.bundles.statement import Assurance, Evaluation, Stated
from hrnet_zoo.errors import BundleError, UsageError, ZooError
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.system.sources import sources_digest
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.verdicts.criteria import row_content
from hrnet_zoo.zoo.zoo import Zoo

_SHOWN = 5

RowHere = Literal["same", "other", "unknown"]
"""How a bundle's row stands to that of this machine's manifest."""


class Verified(Stated):
    """A bundle in which all that can be checked here is right."""

    key_id: str | None
    """Of the key that signed; None: nobody did."""
    is_trusted: bool
    """Whether that is the key which the user trusts."""
    made_at: str
    made_by: str
    evaluations: list[Evaluation]
    rows_here: list[RowHere]
    """Of each evaluation."""


def verify(bundle: Bundle, zoo: Zoo, trusted: str | None) -> Verified:
    """Check signature, digests and numbers of a bundle, and judge its records again.

    Args:
        bundle: opened, so that its form and digests are checked.
        zoo: of this machine.
        trusted: the public key by which it is to be signed, in hex; None: by any, or nobody.

    Raises:
        BundleError: something is not as it is stated, or it is not signed as it should be.
        PrerequisiteError: it is signed, and the libraries that sign are missing.
    """
    signer = _require_signer(bundle, trusted)
    stated = bundle.statement.predicate
    try:
        # What was reproduced is found here; the rest only its maker can say.
        declared: list[Assurance] = [
            "third_party" if each.assurance_level == "third_party" else "self_attested"
            for each in stated.evaluations
        ]
        found = evaluations_of(bundle.zoo, bundle.runs, declared)
    except ZooError as error:
        msg = f"{bundle.path} contradicts itself: {str(error).replace(f'{bundle.folder}/', '')}"
        raise BundleError(msg) from None
    is_same_program = stated.made_by.sources_sha256 == sources_digest()
    differences = [
        difference
        for ours, theirs in zip(found, stated.evaluations, strict=True)
        for difference in _differences(theirs, ours, ours.record.name, reasons=is_same_program)
    ]
    if differences:
        msg = f"{bundle.path} states what does not follow from its records: "
        other = "" if is_same_program else ". Another hrnet-zoo made it, whose rules may be others."
        raise BundleError(msg + and_more(differences, _SHOWN) + other)
    return Verified(
        key_id=None if signer is None else key_id(signer),
        is_trusted=trusted is not None,
        made_at=f"{stated.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        made_by=f"hrnet-zoo {stated.made_by.version}",
        evaluations=found,
        rows_here=[_row_here(bundle.zoo, zoo, each.row) for each in found],
    )


def _require_signer(bundle: Bundle, trusted: str | None) -> str | None:
    """Return the public key by which both statements are signed; None: nobody signed."""
    signer = bundle.statement.predicate.signer
    if trusted is not None and signer != trusted:
        who = "nobody" if signer is None else f"the key {key_id(signer)}"
        msg = f"{bundle.path} is signed by {who}, not by the key {key_id(trusted)} of --trust."
        raise BundleError(msg)
    try:
        for envelope in bundle.envelopes:
            require_signature(envelope, signer)
    except BundleError as error:
        msg = f"{bundle.path} was changed: {error}"
        raise BundleError(msg) from None
    return signer


def require_known_links(bundle: Bundle, zoo: Zoo) -> None:
    """Check that weights of a bundle are linked by this machine's manifest, too.

    What is fetched stays in the cache and is locked: a stranger, who can make a file with any eight
    digits, would decide from then on what this machine takes for the published one.

    Args:
        bundle: whose images are to be run again.
        zoo: of this machine.

    Raises:
        UsageError: a link is the bundle's word alone.
    """
    known = {each.checkpoint_url for row in zoo.rows for each in row.editions}
    for run in bundle.runs:
        name = run.record.row
        link = bundle.zoo.row(name, run.record.edition).checkpoint_url
        if link not in known:
            msg = (
                f"{bundle.path} alone says where the weights of {name} are: {shown(link)}. Nothing "
                "is fetched from there: pass the file with --checkpoint, or a manifest that has "
                "this link with --zoo."
            )
            raise UsageError(msg)


def _row_here(theirs: Zoo, ours: Zoo, name: str) -> RowHere:
    try:
        row = ours.row(name)
    except UsageError:
        return "unknown"
    return "same" if row_content(row) == row_content(theirs.row(name)) else "other"


def _differences(stated: object, found: object, where: str, *, reasons: bool) -> Iterator[str]:
    """Yield what is stated and is otherwise; other programs word reasons otherwise."""
    if isinstance(stated, Stated) and isinstance(found, Stated):
        for (name, said), (_, now) in zip(stated, found, strict=True):
            if name != "reason" or reasons:
                yield from _differences(said, now, f"{where}: {name}", reasons=reasons)
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for i, (said, now) in enumerate(zip(stated, found, strict=True)):
            yield from _differences(said, now, f"{where} {i}", reasons=reasons)
    elif stated != found:
        yield f"{where} is {stated!r}, and {found!r} by the records"
