"""What a step is told, and where it writes down what it finds out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hrnet_zoo.system.whole_file import write_whole

Size = TypeVar("Size")
Cell = str | int | float | None

ROOT = Path(__file__).parents[2]
"""The checkout."""
HRNET_ZOO = (sys.executable, "-P", "-m", "hrnet_zoo")
"""The package that runs this, even if another lies in the current folder."""


class NothingToRunError(Exception):
    """Why a step has nothing to do here."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What all steps are told."""

    output: Path
    """Folder of everything that is sent back."""
    is_rehearsal: bool
    """Whether the CPU stands for a GPU, and sizes are small."""

    @property
    def device(self) -> str:
        """Return where networks run, as options name it."""
        return self.sized("cuda:0", "cpu")

    def sized(self, real: Size, small: Size) -> Size:
        """Return what is meant for a GPU, or in a rehearsal what stands for it."""
        return small if self.is_rehearsal else real

    def folder(self, step: str) -> Path:
        """Return where a step's records and traces go."""
        return self.output / step


class Notes:
    """What a step found out; written with every addition, so that a step that is killed leaves it.

    The file has tables (title -> rows), problems, remarks and a reason for which nothing was run.
    Without problems the step is fine.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file."""
        self._path = path
        self._content: dict[str, Any] = {"tables": {}, "problems": [], "remarks": []}
        self._write()

    def row(self, table: str, **cells: Cell) -> None:
        """Add a row to a table; the names of cells are its columns."""
        self._content["tables"].setdefault(table, []).append(cells)
        self._write()

    def expect(self, is_so: bool, problem: str) -> None:
        """Write down a problem unless something is as it should be."""
        if not is_so:
            self._content["problems"].append(problem)
            self._write()

    def remark(self, text: str) -> None:
        """Add what is to be known of the tables."""
        self._content["remarks"].append(text)
        self._write()

    def nothing_run(self, reason: str) -> None:
        """Say why there was nothing to do."""
        self._content["nothing_run"] = reason
        self._write()

    def _write(self) -> None:
        write_json(self._path, self._content)


def write_json(path: Path, content: object) -> None:
    """Write a file that is there as a whole or not at all."""
    write_whole(path, json.dumps(content, indent=2) + "\n")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended."""

    name: str
    """What to call it, without the paths of this machine."""
    code: int
    out: str

    def answer(self) -> Any:  # noqa: ANN401 - JSON
        """Return what it says as JSON.

        Raises:
            RuntimeError: it ended without an answer; why, is in the log.
        """
        try:
            return json.loads(self.out)
        except ValueError:
            msg = f"{self.name} ended with exit code {self.code} and no answer; its log says more"
            raise RuntimeError(msg) from None


def run(
    name: str, command: Sequence[str], *, folder: Path | None = None, with_errors: bool = False
) -> Ran:
    """Run a command; what it says goes into the step's log as well.

    Args:
        name: what to call it.
        command: the program and its arguments.
        folder: to run it in.
        with_errors: whether ``out`` shall hold what is said on stderr, too.
    """
    print("$", *command, flush=True)
    begin = time.monotonic()
    ended = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if with_errors else None,
        text=True,
        check=False,
    )
    took = time.monotonic() - begin
    print(f"{ended.stdout}exit code {ended.returncode}, {took:.1f} s", flush=True)
    return Ran(name=name, code=ended.returncode, out=ended.stdout)


def hrnet_zoo(*arguments: str | Path) -> Ran:
    """Run the package's command line."""
    return run(f"hrnet-zoo {arguments[0]}", [*HRNET_ZOO, *map(str, arguments)])
