"""Broken files of other projects: one clear message, or a result; never a traceback or a hang.

The seeds are fixed, and so is the number of files: about ten seconds in all.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support.foreign import METAFILES, READMES

from hrnet_zoo.errors import ZooError
from hrnet_zoo.readme.importing.as_yaml import imported_as_yaml
from hrnet_zoo.readme.importing.from_file import import_file
from hrnet_zoo.readme.lint.checking import check_document, fix
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.readme.markdown import split_lines
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.readme.update import update_readme
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo()
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LONGEST_S = 5.0
"""No file takes a tenth of it; a busy machine may."""

PIECES = [
    b"|", b"||", b"\\|", b"\n|-|-|\n", b"\n\n", b"\r", b"\x00", b"\xff", b"\xe2\x80\xa8", b"**",
    b"`", b"<table>", b"</table>", b"<tr>", b"<td>", b"</td>", b"<th colspan=9999>",
    b'<td rowspan="0">', b"<!--", b"-->", b"<", b"&#0;", b"&#x110000;", b"&nbsp;", b"<h2>",
    b"</h2>", b"[x][y]", b"\n[x]: y.pth\n", b"](", b"```\n", b"# ", b"> ", b"- ", b"    ", b"%",
    b"-", b"- -", b": ", b"{", b"\xc2\xb2", b"\xd9\xa3", b"1e999", b"9" * 5000, b"https://[",
    b".pth", b"mIoU", b"box AP",
]  # fmt: skip


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def put_in(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(PIECES) + data[at:]


def take_out(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randint(1, 40) :]


def other_byte(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def at_a_mark(data: bytes, rng: random.Random) -> bytes:
    """Change what stands at a pipe, a tag or a colon, where it matters most."""
    marks = [i for i, byte in enumerate(data) if byte in b"|<>:-["]
    at = rng.choice(marks or [0])
    return data[:at] + rng.choice([b"", *PIECES]) + data[at + rng.randrange(2) :]


def lines_exchanged(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    cut, put_in, take_out, other_byte, at_a_mark, at_a_mark, lines_exchanged,
]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(MUTATIONS)(data, rng)
    return data


def check_update(path: Path) -> None:
    text = read_text(path)
    update = update_readme(text, ZOO, {}, "documented", str(path))
    changed = {change.line for change in update.changes}
    old, new = split_lines(update.old), split_lines(update.new)
    assert len(old) == len(new)
    assert [i for i in range(len(old)) if old[i] != new[i] and i + 1 not in changed] == []
    assert update_readme(update.new, ZOO, {}, "documented", str(path)).new == update.new


def check_lint(path: Path) -> None:
    text = read_text(path)
    findings = check_document(readme_document(text, str(path), ZOO))
    fixed, settled = fix(text, findings)
    patched = {finding.patch.spot.line for finding in settled if finding.patch}
    old, new = split_lines(text), split_lines(fixed)
    assert len(old) == len(new)
    assert [i for i in range(len(old)) if old[i] != new[i] and i + 1 not in patched] == []


def check_import(path: Path) -> None:
    imported = import_file(path, ZOO)
    assert isinstance(yaml.load(imported_as_yaml(imported, ZOO), LOADER), dict)


@pytest.mark.parametrize("path", [*READMES, *METAFILES], ids=lambda path: path.name)
def test_a_broken_file_is_read_or_refused(path: Path, tmp_path: Path) -> None:
    rng = random.Random(path.name)
    checks = [check_import] if path in METAFILES else [check_update, check_lint, check_import]
    broken = tmp_path / f"broken{path.suffix}"
    for _ in range(12):
        data = mutated(path.read_bytes(), rng)
        broken.write_bytes(data)
        for check in checks:
            begun = time.monotonic()
            try:
                check(broken)
            except ZooError:
                pass  # refused, in words
            except Exception as error:
                raise AssertionError(f"{check.__name__}: {data!r}") from error
            assert time.monotonic() - begun < LONGEST_S, data


@pytest.mark.parametrize("junk", ["9", "](", "<td", "<!--", " ", "_w18"])
def test_what_is_very_long_is_read_in_time(junk: str, tmp_path: Path) -> None:
    # Python reads no number of more than 4300 digits, and a picture can stand within a cell.
    long = junk * (5000 // len(junk))
    name = f"fcn_hr{long}s_{long}x{long}_{long}k_cityscapes_20200101-0123abcd.pth"
    cells = (
        f"HRNetV2-W{long} | {long}x{long} | {long} | {long}M | 80 {long} | [m](https://h/{name})"
    )
    titles = "| Backbone | Crop Size | Lr schd | Params (M) | mIoU | Download |"
    broken = tmp_path / "broken.md"
    broken.write_text(f"# Zoo\n\n## ADE20K\n\n{titles}\n|-|-|-|-|-|-|\n| {cells} |\n")
    for check in (check_update, check_lint, check_import):
        begun = time.process_time()
        with contextlib.suppress(ZooError):
            check(broken)
        assert time.process_time() - begun < LONGEST_S, check.__name__
