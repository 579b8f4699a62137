"""Several GPUs against the first one alone."""

from __future__ import annotations

from gpu_steps.notes import Notes, NothingToRunError, Session
from gpu_steps.verifying import all_equal, compare, verify_demo


def run(session: Session, notes: Notes) -> None:
    """Verify the demo's rows on one and on all of them."""
    if session.is_rehearsal:
        msg = "a rehearsal has one device; demo compares two runs by the same code"
        raise NothingToRunError(msg)
    if _num_gpus() < 2:
        msg = "there is one GPU only"
        raise NothingToRunError(msg)
    records = session.folder("fleet")
    alone = verify_demo(session, records / "one", session.device)
    together = verify_demo(session, records / "all", "cuda:all")
    largest = compare(notes, alone, together, "The first GPU and all of them")
    notes.expect(largest == 0, f"numbers differ by up to {largest:.3g} points")
    notes.expect(all_equal(alone, together), "something else was counted")


def _num_gpus() -> int:
    import torch  # noqa: PLC0415 - takes seconds, which a rehearsal can do without

    return torch.cuda.device_count()
