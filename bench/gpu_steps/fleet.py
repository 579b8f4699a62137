"""Several GPUs against the first one alone."""

from __future__ import annotations

from gpu_steps.notes import Notes, NothingToRunError, Session
from gpu_steps.verifying import all_equal, compare, verify_demo


def run(session: Session, notes: Notes) -> None:
    """Verify the demo's rows on all of them; in a rehearsal the CPU is all there is."""
    if not session.is_rehearsal and _num_gpus() < 2:
        msg = "there is one GPU only"
        raise NothingToRunError(msg)
    records = session.folder("fleet")
    alone = verify_demo(session, records / "one", session.device)
    together = verify_demo(session, records / "all", session.sized("cuda:all", "cpu"))
    largest = compare(notes, alone, together, "The first GPU and all of them")
    notes.expect(largest == 0, f"numbers differ by up to {largest:.3g} points")
    notes.expect(all_equal(alone, together), "something else was counted")


def _num_gpus() -> int:
    import torch  # noqa: PLC0415 - takes seconds, which a rehearsal can do without

    return torch.cuda.device_count()
