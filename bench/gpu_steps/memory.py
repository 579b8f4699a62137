"""Whether a training step takes the memory that tables document."""

from __future__ import annotations

from gpu_steps.notes import Notes, Session, hrnet_zoo

ROWS = (
    "fcn_hr18s_512x1024_40k_cityscapes",
    "fcn_hr48_512x1024_40k_cityscapes",
    "mask_rcnn_hrnetv2p_w18_1x_coco",
)
LEAST, MOST = 0.97, 1.03
"""Measured per documented memory."""


def run(session: Session, notes: Notes) -> None:
    """Measure rows, each by a command of its own; in a rehearsal one is only predicted."""
    for name in session.sized(ROWS, ROWS[:1]):
        ran = hrnet_zoo(
            "memory", name, "--device", session.device,
            "--output", session.folder("memory"), "--format", "json",
        )  # fmt: skip
        [row] = ran.answer()
        documented, measured, tensors = (
            row[f"{key}"]
            for key in (
                "documented_train_memory_gb",
                "measured_train_memory_gb",
                "measured_train_tensors_gib",
            )
        )
        ratio = measured / documented if measured else None
        notes.row(
            "Training memory in GiB",
            row=name, documented=documented, predicted=row["predicted_train_memory_gb"],
            measured=measured, ratio=ratio, tensors=tensors,
            workspaces=measured - tensors if measured and tensors else None,
        )  # fmt: skip
        if session.is_rehearsal:
            notes.remark("A CPU predicts only.")
        elif ratio is None:
            notes.expect(False, f"{name}: {row['how']['measured']}")
        else:
            inside = LEAST <= ratio <= MOST
            notes.expect(inside, f"{name}: {ratio:.3f} of the documented memory")
