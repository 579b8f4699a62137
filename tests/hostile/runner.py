"""Asks the process of children for runs, and says what was wrong with each."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from hostile.areas import AREAS
from hostile.case import TESTS, Area, Case
from hostile.child import CPU_SECONDS
from hostile.watch import WRITABLE

DOCUMENTED = {0, 1, 2, 3, 129, 130, 141, 143}
"""Exit codes; 70 is a mistake of ours."""
MOST_WRITTEN = 8_000_000
"""Characters of output that somebody can be asked to read, or to pipe."""

NO_END = "no end"
"""Beginning of a kind of faults whose inputs take too long to be run often."""

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, colours or reorders text, but for tabs and line feeds."""
ORDERS = re.compile(r"^\s*(?:::[\w-]+.*?::.*hostile|##\[)", re.MULTILINE)
"""Lines that a CI log obeys, and that none of our formats writes by itself."""
MEMORY = re.compile(r"MemoryError|Allocator|Insufficient memory|Cannot allocate memory")
"""What Python and libraries say once the memory is spent, whatever stands around it."""
PLACE = re.compile(r'File "[^"]*/(hrnet_zoo/[\w/]+\.py)", line (\d+),? in (\S+)')


Listing = dict[str, tuple[int, int]]
Listings = tuple[Listing, set[str]]


@dataclass(frozen=True)
class Fault:
    """What was wrong with a run."""

    kind: str
    """The same for all runs with the same mistake: what, and the place in the code if known."""
    text: str
    """What to show."""


class Runner:
    """Runs cases of all areas, one after the other, below a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sound: dict[str, Path] = {}
        self.process = self._started()

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.stdout.close()  # type: ignore[union-attr]
        self.process.wait()

    def sound_tree(self, area: Area) -> Path:
        """Return the area's sound tree, which is made once."""
        if area.name not in self.sound:
            tree = self.folder / "sound" / area.name
            (tree / "given").mkdir(parents=True)
            (tree / "work").mkdir()
            area.tree(tree)
            self.sound[area.name] = tree
        return self.sound[area.name]

    def fault(self, case: Case) -> Fault | None:
        """Run a case; return what was wrong, or None."""
        return self._fault(case, {"arguments": case.arguments})

    def fault_of_code(self, code: str) -> Fault | None:
        """Run a line of Python as if a command did it, to see whether it is noticed."""
        return self._fault(
            Case(area="manifest", arguments=()), {"code": code, "arguments": (), "wall_seconds": 2}
        )

    def _fault(self, case: Case, question: dict[str, Any]) -> Fault | None:
        folder = self.folder / "case"
        case.lay_out(self.sound_tree(AREAS[case.area]), folder)
        before = _listing(folder / "given"), _names(self.folder)
        outcome = self._ask({"folder": str(folder), **question})
        after = _listing(folder / "given"), _names(self.folder) | _names(folder)
        seen, out, err = (folder.joinpath(name) for name in ("seen", "out", "err"))
        return (
            _of_watch(seen.read_text())
            or _of_ending(outcome, err.read_bytes().decode(errors="replace"))
            or _of_output(out.read_bytes(), err.read_bytes(), outcome["code"])
            or _of_files(before, after)
        )

    def _started(self) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "tools"), *filter(None, sys.path)])
        return subprocess.Popen(
            [sys.executable, "-m", "hostile.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer


def _listing(folder: Path) -> Listing:
    """Return size and time of everything below a folder."""
    paths = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in paths.items()}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _of_watch(seen: str) -> Fault | None:
    if not seen:
        return None
    first = seen.splitlines()[0]
    return Fault(f"did what it may not: {first.partition(':')[0]}", seen)


def _of_ending(outcome: dict[str, Any], err: str) -> Fault | None:
    code = outcome["code"]
    late = outcome["late"]
    spent = outcome["cpu_seconds"] > CPU_SECONDS  # with what it started and waited for
    if code in DOCUMENTED and not spent and "Traceback (most recent" not in err:
        return None
    places = PLACE.findall(err)
    if late or spent or code < 0:
        places = places[::-1]  # as the fault handler writes them
    file, line, function = places[-1] if places else ("?", "?", "?")
    where = f"in {file}:{function}"
    if late or spent:
        text = f"{file}:{line} after {outcome['cpu_seconds']:.0f} s of processor time"
        return Fault(f"{NO_END} {where}", text)
    if code < 0:
        return Fault(f"killed by signal {-code} {where}", err[-2000:])
    last = next((line for line in reversed(err.splitlines()) if line[:1].strip()), "")
    error = re.split(r"[:\s]", last)[0]
    return Fault(f"exit {code}: {error} {where}", f"{file}:{line} {last[:600]}")


def _of_output(out: bytes, err: bytes, code: int) -> Fault | None:
    try:
        text = out.decode() + "\n" + err.decode()
    except UnicodeDecodeError as error:
        return Fault("output is not UTF-8", str(error))
    if code and not text.strip():
        return Fault("said nothing", f"exit code {code}")
    if len(text) > MOST_WRITTEN:
        return Fault("wrote too much", f"{len(text)} characters")
    for kind, pattern in (
        ("raw controls", CONTROLS),
        ("an order to CI", ORDERS),
        ("no memory", MEMORY),
    ):
        if found := pattern.search(text):
            around = text[max(found.start() - 80, 0) : found.end() + 40]
            return Fault(f"{kind} in the output", ascii(around))
    return None


def _of_files(before: Listings, after: Listings) -> Fault | None:
    (given, cases), (given_after, names) = before, after
    changed = {path for path, _ in given.items() ^ given_after.items()}
    strangers = names - cases - {"given", "seen", *WRITABLE}
    if found := sorted(changed | strangers):
        return Fault("changed what it only reads", ", ".join(found)[:1000])
    return None
