"""What one run is given: files, arguments, and folders of its own to be hurt in."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from hypothesis.strategies import SearchStrategy

TESTS = Path(__file__).parents[1]
Special = Literal["pipe", "endless", "folder", "loop", "missing"]
"""What can stand where a file is expected: a pipe, a link to a device, a link to itself ..."""

CHANGED = "{changed}"
"""Among arguments: the file that was changed."""

Content: TypeAlias = "bytes | Special"
Mutation = Callable[[bytes], SearchStrategy[bytes]]
"""From a sound file to what may be made of it."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """One kind of foreign input: sound files, what may happen to them, and who reads them."""

    name: str
    tree: Callable[[Path], object]
    """Writes a sound tree: what commands read below ``given``, what they may change in ``work``."""
    mutations: Mapping[str, Mutation]
    """Pattern of paths in the tree -> how these files are changed."""
    commands: Sequence[Sequence[str]]
    """Arguments; they are run in ``work``."""
    examples: int
    """Inputs of a run with the fixed budget."""

    @property
    def sound_commands(self) -> list[tuple[str, ...]]:
        """Return the commands that name their files themselves."""
        return [tuple(command) for command in self.commands if CHANGED not in command]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One input: what differs from the area's sound tree, and the command that reads it."""

    area: str
    arguments: tuple[str, ...]
    files: Mapping[str, Content] = field(default_factory=dict, repr=False)
    """Path in the tree -> what is there instead."""

    def to_json(self) -> str:
        """Return the case as a file of the corpus."""
        files = {
            path: content if isinstance(content, str) else _as_text(content)
            for path, content in self.files.items()
        }
        case = {"area": self.area, "arguments": self.arguments, "files": files}
        return json.dumps(case, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Case:
        """Return the case that a file of the corpus holds."""
        case = json.loads(text)
        files: dict[str, Content] = {
            path: content if isinstance(content, str) else _as_bytes(content)  # type: ignore[misc]
            for path, content in case["files"].items()
        }
        return cls(area=case["area"], arguments=tuple(case["arguments"]), files=files)

    def shown(self) -> str:
        """Return the command, for people."""
        return f"hrnet-zoo {shlex.join(self.arguments)}"

    @property
    def digest(self) -> str:
        """Tell the case from all others."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def lay_out(self, sound: Path, folder: Path) -> None:
        """Make ``folder`` a copy of the sound tree with the files of this case in it."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound, folder, symlinks=True)
        for name in ("given", "work", "cache", "home", "scratch"):
            (folder / name).mkdir(exist_ok=True)
        for name, content in self.files.items():
            path = folder / name
            if path.is_symlink() or path.is_file():
                path.unlink()
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                _make_special(path, content)


def _make_special(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)


def _as_text(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _as_bytes(content: Mapping[str, str]) -> bytes:
    return content["text"].encode() if "text" in content else base64.b64decode(content["base64"])
