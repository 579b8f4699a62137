"""Opens a bundle: its form and its digests are checked, and its files lie in a folder meanwhile.

In the folder is what all commands take: a manifest, and records with their images files.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.bundles.container import LARGEST_TEXT, read_members
from hrnet_zoo.bundles.envelope import Envelope, envelope_in, statement_in
from hrnet_zoo.bundles.statement import (
    EvaluationStatement,
    PolicyStatement,
    Predicate,
    Resource,
    result_of,
)
from hrnet_zoo.errors import BundleError, ZooError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.images_file import ENDING
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.zoo import Zoo

ATTESTATIONS = "attestations.intoto.jsonl"
"""The member with both statements, first ours."""
MANIFEST = "zoo.yaml"
"""The member with the rows that are judged by."""
RECORD_NAME = re.compile(r"records/[a-z0-9][a-z0-9_.-]{0,199}/[A-Za-z0-9][\w.-]{0,99}\.json", re.A)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is in a bundle; nothing says yet that it is true."""

    path: Path
    folder: Path
    """Where its files lie: zoo.yaml, records/<row>/<time>.json and <time>.images.jsonl."""
    statement: EvaluationStatement
    envelopes: tuple[Envelope, Envelope]
    """Of our statement and of the standard one."""
    zoo: Zoo
    """The rows of its records."""
    runs: list[Found[AccuracyRecord]]
    """Its records, in the order of the evaluations that are stated."""


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Open a bundle; its folder is deleted afterwards.

    Raises:
        BundleError: it cannot be read, was changed, or holds what does not belong together.
    """
    members = read_members(path)
    try:
        statement, envelopes = stated_in(members)
    except ValueError as error:
        msg = f"{path} is damaged or was changed: {error}. Get it again from whoever made it."
        raise BundleError(msg) from None
    with tempfile.TemporaryDirectory(prefix="hrnet-zoo-bundle-") as name:
        folder = Path(name)
        for member, content in members.items():
            folder.joinpath(member).parent.mkdir(parents=True, exist_ok=True)
            folder.joinpath(member).write_bytes(content)
        del members
        try:
            zoo = load_zoo(folder / MANIFEST)
            runs = [run_in(folder / each.record.name) for each in statement.predicate.evaluations]
        except ZooError as error:
            # Messages are about the bundle, not about a folder that is gone.
            msg = f"{path} cannot be used: {str(error).replace(f'{folder}/', '')}"
            raise BundleError(msg) from None
        yield Bundle(
            path=path, folder=folder, statement=statement, envelopes=envelopes, zoo=zoo, runs=runs
        )


def stated_in(
    members: Mapping[str, bytes],
) -> tuple[EvaluationStatement, tuple[Envelope, Envelope]]:
    """Return our statement, and the envelopes of both.

    Args:
        members: of a bundle.

    Raises:
        ValueError: statements are damaged or do not say the same, or members are not as stated.
    """
    for name, content in members.items():
        if len(content) > LARGEST_TEXT and not name.endswith(ENDING):
            msg = f"{name!r} has {len(content)} bytes, and needs {LARGEST_TEXT} at most"
            raise ValueError(msg)
    lines = members.get(ATTESTATIONS, b"").splitlines(keepends=True)
    if len(lines) != 2 or not all(line.endswith(b"\n") for line in lines):
        msg = f"it has no {ATTESTATIONS} of two lines"
        raise ValueError(msg)
    ours, standard = map(envelope_in, lines)
    statement = statement_in(ours, EvaluationStatement)
    result = statement_in(standard, PolicyStatement)
    same = (result.subject, result.predicate) == (statement.subject, result_of(statement.predicate))
    if not same or statement.subject != subjects_of(statement.predicate):
        msg = "its statements are not about the same"
        raise ValueError(msg)
    _require_digests(members, statement.predicate)
    return statement, (ours, standard)


def subjects_of(predicate: Predicate) -> list[Resource]:
    """Return the checkpoints that a predicate is about, each once."""
    by_digest = {each.checkpoint.digest: each.checkpoint for each in predicate.evaluations}
    return list(by_digest.values())


def _require_digests(members: Mapping[str, bytes], predicate: Predicate) -> None:
    """Raise ValueError unless the members are those that are stated, in their order, unchanged."""
    stated = [predicate.manifest]
    for each in predicate.evaluations:
        if not RECORD_NAME.fullmatch(each.record.name):
            msg = f"no record is called {each.record.name!r}"
            raise ValueError(msg)
        stated += [each.record, each.images]
    expected = [ATTESTATIONS, MANIFEST]
    for each in predicate.evaluations:
        expected += [each.record.name, each.record.name.removesuffix(".json") + ENDING]
    if [ATTESTATIONS, *(resource.name for resource in stated)] != expected:
        msg = "what it states is not about a manifest, records and their images files"
        raise ValueError(msg)
    if list(members) != expected:
        odd = sorted({*members} ^ {*expected}) or ["their order"]
        msg = f"its files are not those that it states ({odd[0]!r})"
        raise ValueError(msg)
    for resource in stated:
        found = hashlib.sha256(members[resource.name]).hexdigest()
        if found != resource.digest.sha256:
            msg = f"{resource.name} has SHA-256 {found}, and {resource.digest.sha256} is stated"
            raise ValueError(msg)


def run_in(path: Path) -> Found[AccuracyRecord]:
    """Return the record in a file.

    Raises:
        RecordError: it cannot be read.
        BundleError: it is none that bundles hold.
    """
    record = read_record(path)
    if not isinstance(record, AccuracyRecord):
        msg = f"{path} is a record of {record.kind}; bundles hold those of verify."
        raise BundleError(msg)
    return Found(record=record, path=path)
