"""Several GPUs against the first one alone."""

from __future__ import annotations

import torch

from gpu_steps.notes import Notes, NothingToRunError, Session
from gpu_steps.verifying import all_equal, compare, verify_demo


def run(session: Session, notes: Notes) -> None:
    """Verify the demo's rows on all of them; in a rehearsal on two processes of the CPU."""
    if not session.is_rehearsal and torch.cuda.device_count() < 2:
        msg = "there is one GPU only"
        raise NothingToRunError(msg)
    records = session.folder("fleet")
    alone = verify_demo(session, records / "one", session.device)
    together = verify_demo(session, records / "all", session.sized("cuda:all", "cpu:0,1"))
    largest = compare(notes, alone, together, "The first GPU and all of them")
    notes.expect(largest == 0, f"numbers differ by up to {largest:.3g} points")
    notes.expect(all_equal(alone, together), "something else was counted")
