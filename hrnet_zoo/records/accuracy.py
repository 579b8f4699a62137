"""What one run of `verify` observed: values, inputs, settings, machine. Never a verdict.

Verdicts are computed from a record and the manifest, and kept nowhere. Completed records are made
to be committed and passed on: they know files by their hashes and hold no folders of the machine.
This module knows neither torch nor tolerances.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import StringConstraints

from hrnet_zoo.records.base import Moment, Record, Status
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.strict import Part
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.tasks.scored import Interval, ProtocolUsed, Scored
from hrnet_zoo.timing.observations import Agreement, Layout, LayoutMeasured
from hrnet_zoo.weights.lock import KnownBy
from hrnet_zoo.weights.taken import Taken


class CheckpointUsed(Taken):
    """The weights that were evaluated, and what had to be done to them."""

    file_name: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole file."""
    size_bytes: int
    url: str | None
    """Where the row says the file comes from; None if the user named a file."""
    known_by: KnownBy | None = None
    """What the file had to agree with: the digits in its name, which find an accident but not a
    forger, or a lock. None: nothing, or an old record."""
    locked_on: date | None = None
    """Since when the lock has had its SHA-256, if that is what it was known by."""

    @property
    def title(self) -> str:
        """What tells these weights from others, in words: all digits, for some can be made."""
        return f"SHA-256 {self.sha256}{self._stored}"

    @property
    def short_title(self) -> str:
        """The same with as many digits as a published file's name has."""
        return f"SHA-256 {self.sha256[:8]}...{self._stored}"

    @property
    def _stored(self) -> str:
        return f", stored as {' and '.join(self.converted)}" if self.converted else ""


class DatasetUsed(Part):
    """The files that were evaluated."""

    name: str
    """Of the data set that the row says; the fingerprint tells what was found."""
    num_images: int
    """Images evaluated."""
    num_images_found: int
    """Images in the data set as found on disk."""
    fingerprint: str
    """SHA-256 over the names and contents of all evaluated images and labels."""


class EarlyLook(Part):
    """What `verify --quick` knew after so many images of a random part."""

    num_images: int
    value: float | None
    """Over these images, percent."""
    at_most: float | None
    """What the whole data set's value is at most, percent; classes that no image shows may be all
    right. None: so few images do not tell."""
    level: float
    """Probability that it is at most that; all looks and numbers together err in 1 % of runs."""


class Measurement(Scored):
    """One measured number of a table, with what it rests on."""

    metric: str
    protocol: ProtocolUsed | None = None
    """How images were looked at, told by what looked at them; None of what the network alone tells.
    Old records have what the manifest said."""
    looks: list[EarlyLook] = []
    """Of `verify --quick`, in their order; each holds the images of those before it."""


class ImageDifference(Part):
    """How a metric differs from that of an earlier run over the same images."""

    metric: str
    difference: float | None
    """Now - then, in points."""
    interval: Interval | None = None
    """By leaving the same images out of both runs."""


class Unchanged(Part):
    """What was found image by image against an earlier record."""

    record: str
    """File name of the earlier one."""
    num_images: int
    """Images that both evaluated."""
    num_other_files: int
    """Those whose files are others now; nothing about network or machine follows from them."""
    num_different: int
    """Those of the same files whose results differ."""
    different: list[str] = []
    """The first hundred of those of other files or, if there are none, of those that differ."""
    differences: list[ImageDifference] = []


_STAGES = {
    "waiting for images": "waiting_s",
    "network": "forward_s",
    "post-processing": "post_s",
    "metric": "metric_s",
}


class Timings(Part):
    """Seconds spent per stage, summed over images; decoding overlaps with the others."""

    wall_s: float
    decode_s: float
    """Reading, decoding and resizing, in worker threads."""
    waiting_s: float | None = None
    """How long the network stood still for want of a decoded image; old records do not say."""
    forward_s: float
    """Copying to the device, normalising, network, resizing logits."""
    post_s: float
    """From scores to labels, or from detections to coded masks."""
    metric_s: float
    """Confusion matrix, or COCO's AP."""
    num_workers: int | None = None
    """Threads that decoded images, at most."""
    bottleneck: str | None = None
    """The stage with the largest share; decoding counts by how long the others waited for it."""

    @classmethod
    def total(cls, parts: Sequence[Self]) -> Self:
        """Return the times of several parts of a run together, with their bottleneck."""
        names = ("wall_s", "decode_s", *_STAGES.values())
        sums = {name: sum(getattr(part, name) or 0.0 for part in parts) for name in names}
        workers = [part.num_workers for part in parts if part.num_workers is not None]
        return cls(
            **sums,
            num_workers=max(workers, default=None),
            bottleneck=max(_STAGES, key=lambda s: sums[_STAGES[s]]) if sums["wall_s"] else None,
        )


EngineName = Literal["torch", "openvino"]
EngineChoice = Literal["torch", "openvino", "auto"]


class EngineUsed(Part):
    """What computed a network, and what is known of it."""

    name: EngineName = "torch"
    """Of detectors, what computed backbone and neck."""
    agreement: Agreement | None = None
    """Another engine's with torch, on a drawn image and the first ones of the run."""
    remark: str | None = None
    """Why torch computed although another engine was welcome."""


class Settings(Part):
    """The numerical settings in force."""

    device: str
    engine: EngineUsed = EngineUsed()
    dtype: Literal["float32"]
    tf32: bool
    cudnn_benchmark: bool
    cudnn_deterministic: bool
    memory_format: Layout
    layout_measured: LayoutMeasured | None = None
    """How fast the network was in both layouts; None where it is known beforehand."""
    cuda_graphs: bool = False
    """Whether a GPU's work was recorded as a CUDA graph, for a shape that occurred often."""
    batch_norm_folded: bool = False
    """Whether BatchNorm was folded into the convolutions."""
    num_threads: int
    """Threads torch uses within one operation on the CPU."""
    num_workers: int | None
    """Threads that decode images ahead of the network; None: as many as it took."""


class Segment(Part):
    """What one process did of a run that may have been interrupted and taken up again."""

    record: str
    """Name of its record; the last segment's is that of the record itself."""
    started_at: Moment
    settings: Settings
    environment: Environment
    num_images: int = 0
    """Images whose results are its own."""
    timings: Timings | None = None
    """Of a process that was killed, as it last noted them; None: it did not get so far."""


class AccuracyAsked(Part):
    """What the user asked `verify` for."""

    metrics: list[str] = []
    """Names of metrics; empty where an old record does not say."""
    own_checkpoint: bool = False
    """Whether the weights were a file of the user's own."""
    device: str = "auto"
    engine: EngineChoice = "torch"
    """"auto": OpenVINO where it can be used and agrees with torch."""
    limit: int | None = None
    """Evaluate only so many images; None: all."""
    seed: int | None = None
    """Of the random part of so many; None: all, or, in old records, the first so many."""
    quick: bool = False
    """Whether to stop as soon as a random part refutes the documented value."""
    unchanged_since: str | None = None
    """File name of the record whose images are looked at again."""
    partial: bool = False
    """Whether a data set that lacks images was to be evaluated all the same."""
    mirror: bool = False
    """Whether the weights were to come from a mirror; its address may be private."""
    offline: bool = False
    tolerance: Decimal | None = None
    """Allowance in points on top of the printed rounding, if one was given."""
    criteria_sha256: str | None = None
    """Of what the run is judged by, fixed before it began: see verdicts/criteria.py. Old records
    do not say."""


class AccuracyRecord(Record):
    """One run of `verify` on one row."""

    kind: Literal["accuracy"] = "accuracy"
    status: Status
    """"started" until the run ends; a file that still says so was killed."""
    asked: AccuracyAsked = AccuracyAsked()
    checkpoint: CheckpointUsed | None = None
    dataset: DatasetUsed | None = None
    settings: Settings | None = None
    measurements: list[Measurement] = []
    self_test: list[ReferenceAgreement] | None = None
    """How far this installation, on the run's devices, gave upstream's own answers on reference
    images; empty: there are none for the architecture. None: it was not tested."""
    not_run: dict[str, str] = {}
    """Metrics that were asked for and could not be measured, with the reason."""
    timings: Timings | None = None
    num_images_taken_over: int = 0
    """Images whose results come from an earlier run that was interrupted."""
    segments: list[Segment] = []
    """The parts of the run, first one first; old records do not say. Settings and environment of
    the record are those of the last one, and timings the sum of all."""
    images_file: str | None = None
    """File beside the record with the result of every image; its last line repeats the record."""
    images_sha256: str | None = None
    """Of that file; old records do not say."""
    images_bytes: int | None = None
    reason: str | None = None
    """Why the run did not complete."""
    images_by_device: dict[str, int] = {}
    """How many images each of several devices looked at; empty with one."""
    unchanged: Unchanged | None = None
    """How the images differ from those of an earlier record, where that was asked."""
    remarks: list[str] = []
    """What happened on the way that a reader should know, and that changes no verdict."""
    remarks_since: list[str] = []
    """What went wrong once it was completed: pictures that could not be drawn, say. The images file
    does not repeat it."""

    @property
    def metrics(self) -> list[str]:
        """The metrics that the run was to measure, whether it did or not."""
        measured = [measurement.metric for measurement in self.measurements]
        return list(dict.fromkeys([*self.asked.metrics, *measured, *self.not_run]))

    def measurement(self, metric: str) -> Measurement | None:
        """Return the measurement of ``metric``, if this run made one."""
        return next((m for m in self.measurements if m.metric == metric), None)
