"""For what share of an evaluation the GPU does nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from gpu_steps.made_up import MadeUp, make_up
from gpu_steps.notes import Notes, Session, hrnet_zoo
from hrnet_zoo.cli.verify import verify
from hrnet_zoo.timing.bottlenecks import covered

AT_WORK = {"kernel", "gpu_memcpy", "gpu_memset"}
"""Categories of a trace that are a GPU's own time."""


def run(session: Session, notes: Notes) -> None:
    """Evaluate made-up images, with CUDA graphs and without."""
    can_do_without = any("--no-graphs" in (*o.opts, *o.secondary_opts) for o in verify.params)
    if not can_do_without:
        notes.remark("verify of this version has no --no-graphs: it was traced as it is, once.")
    if session.is_rehearsal:
        notes.remark("On a CPU, which has no kernels of a GPU, torch's operators are taken.")
    images = session.sized(12, 4)
    with TemporaryDirectory() as folder:
        data = make_up(session, Path(folder), images)
        # Fewer than the data set has, which is to be said; --partial is not known of old versions.
        few = ("--limit", str(images))
        _trace(session, notes, data, "as_it_is", *few)
        if can_do_without:
            _trace(session, notes, data, "without_graphs", *few, "--no-graphs")


def _trace(session: Session, notes: Notes, data: MadeUp, how: str, *options: str) -> None:
    trace = session.folder("idle") / f"{how}.json.gz"
    ran = hrnet_zoo(
        "verify", data.row, "--checkpoint", data.checkpoint, "--data-root", data.data_root,
        "--device", session.device, "--output", session.folder("idle") / how,
        "--profile", trace, "--format", "json", *options,
    )  # fmt: skip
    [row] = ran.answer()
    notes.expect(row["status"] == "completed", f"verify {how}: exit code {ran.code}")
    if row["status"] != "completed":
        return
    timings = json.loads(Path(row["record"]).read_bytes())["timings"]
    traced_s, at_work_s = busy_seconds(trace, session.sized(AT_WORK, {"cpu_op"}))
    notes.expect(at_work_s > 0, f"{trace.name} shows nothing at work: the driver may forbid it")
    notes.row(
        "GPU at work",
        run=how, traced_s=traced_s, idle_share=1 - at_work_s / traced_s if traced_s else None,
        wall_s=timings["wall_s"], forward_s=timings["forward_s"], post_s=timings["post_s"],
        waiting_s=timings["waiting_s"],
    )  # fmt: skip


def busy_seconds(trace: Path, categories: set[str]) -> tuple[float, float]:
    """Return from a trace of Chrome's format how long it is, and how long something was at work.

    Args:
        trace: compressed by gzip; times in it are microseconds.
        categories: of what counts as work. The trace lasts from the first to the last of these.
    """
    with gzip.open(trace) as file:
        events = json.load(file)["traceEvents"]
    intervals = [
        (event["ts"] / 1e6, (event["ts"] + event["dur"]) / 1e6)
        for event in events
        if event.get("cat") in categories and event.get("ph") == "X"
    ]
    if not intervals:
        return 0.0, 0.0
    begin, end = min(start for start, _ in intervals), max(stop for _, stop in intervals)
    return end - begin, covered(intervals)
