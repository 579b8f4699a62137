"""The first ten minutes on a GPU: what only a GPU can tell of hrnet-zoo, in one command.

    pip install ".[gpu]" --group test          # in a checkout
    python bench/gpu_session.py                # then send back the folder gpu-session

Each step is a process of its own with its own time limit: one that crashes or hangs leaves the
others alone. Starting it again goes on with what is not done. Exit codes: 0 no step failed, 2 wrong
usage, 3 a step failed or there is no GPU, 130 interrupted; what was done is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gpu_steps.notes import Notes, NothingToRunError, Session, write_json
from gpu_steps.summary import Result, write_summary

from hrnet_zoo import __version__
from hrnet_zoo.errors import ZooError, explain_os_error

FAILED, INTERRUPTED = ZooError.exit_code, 130
REHEARSAL_PATIENCE = 5.0
"""Limits are a GPU's; a rehearsal may be slower by so much, where processors are shared, say."""
GRACE_S = 5.0
"""How long a step that is stopped may take to clean up."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One question to the GPU; `run` of the module of this name in `gpu_steps` answers it."""

    name: str
    limit_s: float
    settles: str


STEPS = (
    Step(name="environment", limit_s=20, settles="whether this torch computes on this GPU"),
    Step(name="tests", limit_s=90, settles="whether the tests that need a GPU pass"),
    Step(name="demo", limit_s=60, settles="whether a GPU verifies, repeatably, as the CPU does"),
    Step(name="layouts", limit_s=90, settles="which layout is faster, how many labels change"),
    Step(name="engines", limit_s=90, settles="whether CUDA graphs and compiling work and pay"),
    Step(name="idle", limit_s=60, settles="for how long the GPU waits for Python"),
    Step(name="memory", limit_s=60, settles="whether training takes the documented memory"),
    Step(name="capped", limit_s=40, settles="whether running out of memory is explained"),
    Step(name="uploads", limit_s=30, settles="whether images arrive whole at a busy GPU"),
    Step(name="fleet", limit_s=60, settles="whether several GPUs find what one finds"),
)


def main() -> int:
    """Run the command line; return its exit code."""
    asked = _parser().parse_args()
    output: Path = asked.output or Path(f"gpu-{'rehearsal' if asked.rehearse else 'session'}")
    session = Session(output=output.resolve(), is_rehearsal=asked.rehearse)
    if asked.inside:
        return run_inside(asked.inside, session)
    if not session.is_rehearsal and (trouble := gpu_trouble()) is not None:
        print(f"error: {trouble} --rehearse goes through all on the CPU.", file=sys.stderr)
        return FAILED
    try:
        session.output.mkdir(parents=True, exist_ok=True)
        return run_all(asked, session)
    except OSError as error:
        print(f"error: {explain_os_error(error)}", file=sys.stderr)
        return FAILED


def run_all(asked: argparse.Namespace, session: Session) -> int:
    """Take the steps that are not done, and write the summary; return the exit code."""
    patience = asked.patience or session.sized(1.0, REHEARSAL_PATIENCE)
    steps = [step for step in STEPS if not asked.only or step.name in asked.only]
    try:
        for step in steps:
            if step.name not in asked.again and is_done(step, session):
                print(f"{step.name}: done before, skipped", flush=True)
            else:
                run_step(step, session, step.limit_s * patience)
    except KeyboardInterrupt:
        print("interrupted; what was done is kept, run it again to go on", flush=True)
        return INTERRUPTED
    finally:
        results = [Result.of(step.name, step.settles, read(step, session)) for step in STEPS]
        print(f"summary: {write_summary(session, results)}", flush=True)
    failed = [read(step, session)["outcome"] not in ("fine", "not run") for step in steps]
    return FAILED if any(failed) else 0


def gpu_trouble() -> str | None:
    """Return why no GPU can be used; None if one can be."""
    import torch  # noqa: PLC0415 - slow to import, and not needed otherwise

    from hrnet_zoo.system.devices import cuda_trouble  # noqa: PLC0415 - imports torch

    if torch.cuda.is_available():
        return None
    trouble = cuda_trouble()
    return f"torch cannot use the GPU: {trouble}." if trouble else "torch sees no CUDA GPU here."


def is_done(step: Step, session: Session) -> bool:
    """Whether a step was fine before, with the same version."""
    content = read(step, session)
    return content.get("outcome") == "fine" and content.get("of") == identity(session)


def identity(session: Session) -> dict[str, Any]:
    """Return what has to be the same for a result to be worth keeping."""
    return {"version": __version__, "is_rehearsal": session.is_rehearsal}


def read(step: Step, session: Session) -> dict[str, Any]:
    """Return what is written of a step; nothing if it never ran."""
    try:
        content: dict[str, Any] = json.loads(_file(step, session).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content


def run_step(step: Step, session: Session, limit_s: float) -> None:
    """Let a process of its own take a step, and complete what it wrote by how it ended."""
    command = [sys.executable, __file__, "--inside", step.name, "--output", str(session.output)]
    command += ["--rehearse"] if session.is_rehearsal else []
    begin = time.monotonic()
    log = session.output / f"{step.name}.log"
    outcome, reason = "interrupted", "by whoever started it"
    try:
        print(f"{step.name}: at most {limit_s:g} s ...", flush=True)
        shutil.rmtree(session.folder(step.name), ignore_errors=True)
        _file(step, session).unlink(missing_ok=True)
        with log.open("wb") as said:
            code = _exit_code(command, said, limit_s)
        outcome, reason = _outcome(code, read(step, session), log)
    except subprocess.TimeoutExpired:
        outcome, reason = "timed out", f"after {limit_s:g} s; its log tells what it was doing"
    finally:
        took = {"outcome": outcome, "reason": reason, "seconds": round(time.monotonic() - begin, 1)}
        content = read(step, session) | took | {"of": identity(session)}
        write_json(_file(step, session), content)
    print(f"    {outcome}{reason and f': {reason}'} ({took['seconds']:g} s)", flush=True)


def _exit_code(command: list[str], said: Any, limit_s: float) -> int:  # noqa: ANN401 - a file
    # A session of its own: so its own processes can be ended with it.
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        return process.wait(limit_s)
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                # One that hangs in the driver outlives even the second; the others go on anyway.
                process.wait(GRACE_S)


def _outcome(code: int, content: dict[str, Any], log: Path) -> tuple[str, str]:
    """Return how a step ended, and why."""
    if code:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return "failed", f"{ended}: {last[0]}"
    if "nothing_run" in content:
        return "not run", content["nothing_run"]
    problems = content["problems"]
    return ("failed", "; ".join(problems)) if problems else ("fine", "")


def run_inside(name: str, session: Session) -> int:
    """Take a step in this process."""
    notes = Notes(session.output / f"{name}.json")
    try:
        import_module(f"gpu_steps.{name}").run(session, notes)
    except NothingToRunError as reason:
        notes.nothing_run(str(reason))
    return 0


def _file(step: Step, session: Session) -> Path:
    return session.output / f"{step.name}.json"


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    msg = f'"{text}" is not a number above 0'
    raise argparse.ArgumentTypeError(msg)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, names = parser.add_argument, [step.name for step in STEPS]
    add("--output", type=Path, help="folder to send back; default: gpu-session")
    add("--rehearse", action="store_true", help="small sizes on the CPU; into gpu-rehearsal")
    add("--only", action="append", choices=names, help="only this step; may be repeated")
    add("--again", action="append", choices=names, default=[], help="also if it is done")
    add("--patience", type=_positive, metavar="FACTOR", help="by which limits are multiplied")
    add("--inside", choices=names, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    # A shell that starts it in the background has it ignore SIGINT otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
