"""Notes in a journal what this process does, so that each part of a run is known by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from hrnet_zoo.records.accuracy import Segment, Timings
from hrnet_zoo.records.files import RecordFile
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.fleet import Fleet
from hrnet_zoo.runs.looking import Looking
from hrnet_zoo.tasks.ahead import StageSeconds

_SECONDS_BETWEEN_NOTES = 10.0
"""So much of what a killed process did is unknown, at most."""


class Segments:
    """The part of a run that this process does; others may be in its journal."""

    def __init__(
        self,
        file: RecordFile,
        looking: Looking | Fleet,
        journal: Journal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Note the settings before the first image."""
        self._file, self._looking, self._journal, self._clock = file, looking, journal, clock
        self._noted_at = -_SECONDS_BETWEEN_NOTES
        self.note(StageSeconds())

    def image_kept(self) -> None:
        """Note the times now and then; called after every image."""
        if self._clock() - self._noted_at >= _SECONDS_BETWEEN_NOTES:
            self.note(self._looking.seconds)
            self._noted_at = self._clock()

    def note(self, seconds: StageSeconds) -> None:
        """Note how long all stages took so far."""
        segment = Segment(
            record=self._file.path.name,
            started_at=self._file.record.started_at,
            settings=self._looking.settings,
            environment=self._file.record.environment,
            # Several devices say what they did once they have done it.
            timings=timings_of(seconds) if seconds.wall else None,
        )
        said = segment.model_dump(mode="json")
        self._journal.append({"record": segment.record, "segment": said})


def timings_of(seconds: StageSeconds) -> Timings:
    """Return the seconds of every stage, and which one there is most to gain from."""
    timings = Timings(
        wall_s=seconds.wall,
        decode_s=seconds.decode,
        waiting_s=seconds.waiting,
        forward_s=seconds.forward,
        post_s=seconds.post,
        metric_s=seconds.metric,
        num_workers=seconds.num_workers,
    )
    return Timings.total([timings])
