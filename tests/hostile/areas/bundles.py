"""Bundles of records that somebody sent."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

import pytest
from hostile.areas.records import RECORDS, ROW
from hostile.binary import zip_archive
from hostile.case import Area
from hostile.mutations import (
    any_bytes,
    either,
    json_document,
    pick,
    sealed_lines,
    strategy,
    yaml_document,
)
from hypothesis import strategies as st

from hrnet_zoo.bundles.container import packed, unpacked
from hrnet_zoo.cli import main
from hrnet_zoo.demo import MANIFEST

ZOO = ("--zoo", "zoo.yaml")
ATTESTATIONS = "attestations.intoto.jsonl"
SIGNED, UNSIGNED = "../given/signed.bundle", "../given/unsigned.bundle"


def tree(folder: Path) -> None:
    """Bundle one record, signed and not, and keep the key."""
    shutil.copy(MANIFEST, folder / "work" / "zoo.yaml")
    record = str(next((RECORDS / ROW).glob("*.json")))
    for arguments in (
        ("keygen", "../given/key"),
        ("make", record, "--output", SIGNED, "--sign", "../given/key", *ZOO),
        ("make", record, "--output", UNSIGNED, *ZOO),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["hrnet-zoo", "bundle", *arguments])
            patch.chdir(folder / "work")
            with pytest.raises(SystemExit) as left:
                main()
            assert left.value.code == 0


PARTS = {
    "*.yaml": yaml_document,
    "records/*.jsonl": sealed_lines,
    "*.json": json_document,
}


@strategy
def resealed(draw: st.DrawFn, content: bytes) -> bytes:
    """Change a file in an unsigned bundle, and let all digests be right, as its maker can."""
    members = unpacked(content)
    name = pick(draw, [each for each in members if each != ATTESTATIONS])
    mutation = next(change for pattern, change in PARTS.items() if fnmatch(name, pattern))
    changed = draw(mutation(members[name]))
    before, after = (sha256(data).hexdigest().encode() for data in (members[name], changed))
    members[name] = changed
    for other in members.keys() - {name}:
        restate = _restated if other == ATTESTATIONS else bytes.replace
        members[other] = restate(members[other], before, after)
    return packed(members)


def _restated(attestations: bytes, before: bytes, after: bytes) -> bytes:
    """Replace a digest in what lines state."""
    stated = [json.loads(line) for line in attestations.splitlines()]
    for line in stated:
        payload = base64.b64decode(line["payload"]).replace(before, after)
        line["payload"] = base64.b64encode(payload).decode()
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in stated)


@strategy
def otherwise_stated(draw: st.DrawFn, content: bytes) -> bytes:
    """Change what an unsigned bundle states."""
    members = unpacked(content)
    lines = [json.loads(line) for line in members[ATTESTATIONS].splitlines()]
    line = pick(draw, lines)
    changed = draw(json_document(base64.b64decode(line["payload"])))
    line["payload"] = base64.b64encode(changed).decode()
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    return packed(members | {ATTESTATIONS: text.encode()})


VERIFY = ("bundle", "verify")
AREA = Area(
    name="bundles",
    tree=tree,
    mutations={
        "given/signed.bundle": zip_archive(PARTS),
        "given/unsigned.bundle": either(resealed, resealed, otherwise_stated),
        "given/key.pub": any_bytes,
    },
    commands=[
        (*VERIFY, UNSIGNED, *ZOO),
        (*VERIFY, UNSIGNED, *ZOO, "--format", "json"),
        (*VERIFY, SIGNED, *ZOO),
        (*VERIFY, SIGNED, *ZOO, "--trust", "../given/key.pub"),
    ],
    examples=40,
)
