"""What commands say that may use a fiftieth of the GPU's memory."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from gpu_steps.made_up import make_up
from gpu_steps.notes import HRNET_ZOO, Notes, Ran, Session
from gpu_steps.notes import run as run_command
from hrnet_zoo.errors import ZooError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import read_records

LARGE = "fcn_hr48_512x1024_40k_cityscapes"
SHARE = 0.02
CAPPED = f"""\
import torch
torch.cuda.set_per_process_memory_fraction({SHARE})
from hrnet_zoo.cli import main
main()
"""


def run(session: Session, notes: Notes) -> None:
    """Run three commands; in a rehearsal without the cap, which only GPUs have."""
    if session.is_rehearsal:
        notes.remark(
            "Memory of a CPU cannot be capped: the same commands ran without, but for time, which "
            "engines rehearses."
        )
    program = session.sized((sys.executable, "-P", "-c", CAPPED), HRNET_ZOO)
    on = ("--device", session.device)
    records = ("--output", str(session.folder("capped")))
    with TemporaryDirectory() as folder:
        data = make_up(session, Path(folder), 2)
        weights = ("--checkpoint", str(data.checkpoint))
        commands: dict[str, tuple[str, ...]] = {
            "verify ms+flip": (
                "verify", data.row, *weights, *on, *records, "--data-root", str(data.data_root),
                "--metrics", "miou_ms_flip", "--limit", "1",
            ),
            "time": ("time", LARGE, *on, *records, "--limit-seconds", "3", "--processes", "1"),
            "predict": (
                "predict", data.row, str(data.image), *weights, *on,
                "--protocol", session.sized("ms_flip", "single"), "--out", str(Path(folder, "out")),
            ),
        }  # fmt: skip
        if session.is_rehearsal:
            del commands["time"]
        for name, arguments in commands.items():
            ran = run_command(name, [*program, *arguments], with_errors=True)
            notes.row(
                "With 2 % of the memory", command=name, exit_code=ran.code, said=said(ran.out)
            )
            notes.expect("Traceback" not in ran.out, f"{name} left a traceback")
            is_explained = ran.code == ZooError.exit_code and "memory" in ran.out.lower()
            is_fine = is_explained or is_completed(ran, session.folder("capped"))
            notes.expect(is_fine, f"{name} ended with exit code {ran.code}, not for want of memory")


def is_completed(ran: Ran, records: Path) -> bool:
    """Whether a command did its work; the exit code of verify is its verdict on made-up weights."""
    if not ran.name.startswith("verify"):
        return ran.code == 0
    return [record.status for record in read_records(records, AccuracyRecord)] == ["completed"]


def said(out: str) -> str:
    """Return the sentences about memory, and errors, or else that there was none."""
    telling = ("memory", "error:")
    lines = [line.strip() for line in out.splitlines() if any(w in line.lower() for w in telling)]
    return " / ".join(dict.fromkeys(lines)) or "completed, nothing about memory"
