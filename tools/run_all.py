"""Time and size every row, one process per entry; what is done already is not done again.

    python tools/run_all.py --dry-run                 # order and expected minutes
    python tools/run_all.py                           # all rows, records into reports/records
    python tools/run_all.py --only "fcn_hr18*" --device cpu --scale 1024x512
    python tools/run_all.py --engine torch --engine cudagraph --precision fp32 --precision bf16

Exit codes: 0 everything was done now or before, 2 wrong usage, 3 an entry failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import click
from entries import Arguments, Entry, Estimate, Kind, Past, entries_of

from hrnet_zoo.cli.time import parse_scale
from hrnet_zoo.errors import ZooError
from hrnet_zoo.timing.observations import Engine, Precision
from hrnet_zoo.zoo.manifest import load_zoo

COMMAND = (sys.executable, "-P", "-m", "hrnet_zoo")
"""The package that runs this, even if another lies in the current folder."""
FAILED, INTERRUPTED = ZooError.exit_code, 130
PATIENCE_S = 15.0
"""How long an interrupted entry may take to clean up."""


def device_name(device: str) -> str:
    """Return what a device is called in records.

    Raises:
        PrerequisiteError: there is no such device.
    """
    from hrnet_zoo.system.devices import describe_device, resolve_device  # noqa: PLC0415 - imports torch
    from hrnet_zoo.system.progress import Silent  # noqa: PLC0415 - as above

    return describe_device(resolve_device(device, Silent()))


def name_in_another_process(device: str) -> str:
    """Return what a device is called; whoever asks a GPU for its name keeps memory of it."""
    if device == "cpu":
        return device
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(device_name, device).result()


def run_entry(entry: Entry, asked: Arguments, command: Sequence[str] = COMMAND) -> str | None:
    """Let a process of its own do one entry and write its record; return why it failed, or None."""
    code, out, err = _outcome([*command, *entry.arguments(asked)])
    if entry.kind == "time":
        return None if code == 0 else _reason(code, out, err)
    try:
        [result] = json.loads(out)
    except ValueError:
        return _reason(code, "", err)
    # Its exit code is the verdict's. What was not measured on a GPU, although there is one, failed.
    problem: str | None = None if result["measured_train_memory_gb"] else result["how"]["measured"]
    return problem


def _outcome(command: Sequence[str]) -> tuple[int, str, str]:
    """Run a command; when interrupted, let it clean up first."""
    # A session of its own: otherwise a terminal's Ctrl-C and ours would interrupt it twice.
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()  # does nothing if it has ended
        raise
    return process.returncode, out, err


def _reason(code: int, out: str, err: str) -> str:
    """Return what an entry said of its failure, in one line."""
    variants = [
        line for line in out.splitlines() if ": unavailable: " in line or ": refused: " in line
    ]
    lines = [line.strip() for line in variants or err.splitlines()[-1:] if line.strip()]
    if lines:
        return "; ".join(lines)
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}, without a word"


def run_all(plan: Sequence[Entry], asked: Arguments, command: Sequence[str] = COMMAND) -> int:
    """Do all entries in turn; one that fails does not keep the others from being done."""
    failures: dict[str, str] = {}
    for done, entry in enumerate(plan, 1):
        print(f"[{done}/{len(plan)}] {entry.title}", flush=True)
        begin = time.monotonic()
        try:
            reason = run_entry(entry, asked, command)
        except KeyboardInterrupt:
            print("interrupted; all completed entries are kept, run it again to go on", flush=True)
            return INTERRUPTED
        if reason is not None:
            failures[entry.title] = reason
        print(f"    {reason or 'done'}, {time.monotonic() - begin:.0f} s", flush=True)
    print(f"{len(plan) - len(failures)} of {len(plan)} entries done, {len(failures)} failed")
    for title, reason in failures.items():
        print(f"failed: {title}: {reason}")
    return FAILED if failures else 0


def make_plan(entries: Sequence[Entry], asked: Arguments) -> list[Entry]:
    """Print the plan and return it: what is not done yet, shortest first.

    Raises:
        RecordError: a file among the records is damaged.
    """
    past = Past(asked)
    estimate = Estimate.of(asked, past)
    missing = [entry for entry in entries if not past.has(entry)]
    for entry in entries:
        if entry not in missing:
            print(f"done before, skipped: {entry.title}")
    plan = sorted(missing, key=estimate.seconds)
    for place, entry in enumerate(plan, 1):
        print(f"{place:4}. {entry.title:<70} {estimate.seconds(entry) / 60:5.1f} min")
    if any(entry.kind == "time" for entry in plan):
        print(
            f"time: as documented, and with engine {', '.join(asked.engines)} in "
            f"{', '.join(asked.precisions)}"
        )
    total = sum(map(estimate.seconds, plan))
    origin = "measured here" if past.rate else "assumed; nothing was timed here yet"
    print(
        f"entries: {len(plan)}, on {asked.device_name}, at most about {total / 60:.1f} minutes "
        f"({estimate.rate / 1e9:.3g} G multiply-adds per second, {origin})",
        flush=True,
    )
    return plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        asked = Arguments(
            output=options.output,
            device=options.device,
            device_name=name_in_another_process(options.device),
            limit_s=options.limit_seconds,
            processes=options.processes,
            scale=options.scale,
            engines=tuple(dict.fromkeys(options.engine or ["torch"])),
            precisions=tuple(dict.fromkeys(options.precision or ["fp32"])),
            zoo_file=options.zoo,
        )
        entries = entries_of(
            load_zoo(options.zoo).rows, options.kind or get_args(Kind), options.only
        )
        if not entries:
            print(f'No row fits "{options.only}"; "hrnet-zoo list" prints all.', file=sys.stderr)
            return 2
        plan = make_plan(entries, asked)
        return 0 if options.dry_run else run_all(plan, asked)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _scale(text: str) -> tuple[int, int]:
    try:
        size = parse_scale(click.Context(click.Command("")), click.Option(["--scale"]), text)
    except click.BadParameter as error:
        raise argparse.ArgumentTypeError(error.message) from None
    assert size is not None
    return size


def _positive(text: str) -> float:
    with suppress(ValueError):
        value = float(text)
        if 0 < value < float("inf"):
            return value
    msg = f'"{text}" is not a number of seconds above 0'
    raise argparse.ArgumentTypeError(msg)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--dry-run", action="store_true", help="print the plan and do nothing")
    add("--only", metavar="PATTERN", help='rows whose names fit, such as "fcn_hr18*"')
    add("--kind", action="append", choices=get_args(Kind), help="only these; default: both")
    add("--output", type=Path, default=Path("reports/records"), help="folder of the records")
    add("--limit-seconds", type=_positive, default=60.0, help="of sampling per row; default: 60")
    add("--processes", type=int, default=3, help="that share them, one by one; default: 3")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--scale", type=_scale, metavar="WxH", help="instead of the documented scale; time only")
    add("--engine", action="append", choices=get_args(Engine), help="of the fast variants")
    add("--precision", action="append", choices=get_args(Precision), help="of the fast variants")
    add("--zoo", type=Path, help="manifest to use instead of the one that ships")
    return parser


if __name__ == "__main__":
    # Whoever ends this program politely must not leave an entry behind; a shell that starts it in
    # the background has it, and its entries, ignore SIGINT otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
