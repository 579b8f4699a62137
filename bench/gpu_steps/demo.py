"""The demo twice on the GPU, and once on the CPU."""

from __future__ import annotations

from gpu_steps.notes import Notes, Session
from gpu_steps.verifying import all_equal, compare, verify_demo

ALLOWED = 0.02
"""Points between a GPU and the CPU: they add in another order, which flips a label now and then."""


def run(session: Session, notes: Notes) -> None:
    """Verify the demo's rows, and compare."""
    records = session.folder("demo")
    first, second = (
        verify_demo(session, records / name, session.device) for name in ("first", "second")
    )
    compare(notes, first, second, "Both runs on the GPU")
    notes.expect(all_equal(first, second), "the second run counted something else than the first")
    if session.is_rehearsal:
        notes.remark("Of one row, two images; without a third run, since the CPU stands for both.")
        return
    verdicts = {verdict for row in first.values() for verdict in row.verdicts.values()}
    notes.expect(verdicts == {"match"}, f"verdicts are {', '.join(sorted(verdicts))}")
    largest = compare(notes, first, verify_demo(session, records / "cpu", "cpu"), "GPU and CPU")
    notes.expect(largest < ALLOWED, f"the CPU's numbers are up to {largest:.3f} points off")
