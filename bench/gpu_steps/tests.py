"""The tests that are skipped where there is no GPU."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec

from gpu_steps.notes import ROOT, Notes, NothingToRunError, Session
from gpu_steps.notes import run as run_command


def run(session: Session, notes: Notes) -> None:
    """Run what is marked "gpu"; in a rehearsal all of it is skipped."""
    # To import all tests would take longer than those for a GPU do.
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "pytest.mark.gpu" in path.read_text(encoding="utf-8")
    ]
    if not files:
        msg = f"{ROOT} has no tests for a GPU; run this in a checkout"
        raise NothingToRunError(msg)
    if find_spec("pytest") is None:
        msg = 'pytest is not installed; "pip install --group test" brings it'
        raise NothingToRunError(msg)
    options = ["-m", "gpu", "-p", "no:cacheprovider", "--color=no"]
    ran = run_command("pytest", [sys.executable, "-m", "pytest", *options, *files], folder=ROOT)
    last = ran.out.strip().rpartition("\n")[2]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", last)}
    for outcome in ("passed", "failed", "errors", "skipped"):
        notes.row("Tests", outcome=outcome, tests=counts.get(outcome, 0))
    notes.expect(ran.code == 0, f"pytest: {last.strip('= ')}")
    ran_any = session.sized("passed", "skipped") in counts
    notes.expect(ran_any, "pytest found no test that needs a GPU")
