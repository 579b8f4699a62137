"""Several devices that look at the images of one run, each in a process of its own.

The parent owns the queue of images. It gives every process a few ahead of time and gets results,
which are counts or detections, so that neither their order nor who made them matters. A device that
is lost, or whose memory does not suffice, gives its images back to the others.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Self

import torch

from hrnet_zoo.errors import PrerequisiteError, ZooError
from hrnet_zoo.records.accuracy import Settings
from hrnet_zoo.runs.looking import Look, Looking
from hrnet_zoo.runs.processes import how_ended
from hrnet_zoo.system import signals
from hrnet_zoo.system.devices import require_usable
from hrnet_zoo.system.host_memory import keep_freed_memory
from hrnet_zoo.system.processors import visible_processors
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.timing.observations import LayoutMeasured
from hrnet_zoo.weights.taken import Taken

_FEWEST_DECODERS, _MOST_DECODERS = 2, 16
"""Threads of each process that decode, unless the user says how many: its share of processors."""
_PATIENCE_S = 10.0
"""For a process to end by itself."""


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A process has loaded the network."""

    taken: Taken
    settings: Settings
    protocols: dict[str, ProtocolUsed]


@dataclass(frozen=True, kw_only=True)
class _Drained:
    """A process has finished all images it was given."""

    seconds: StageSeconds
    """Of all of its images so far."""
    remarks: list[str]
    recorded: bool
    """Whether its work was recorded as CUDA graphs."""


@dataclass(frozen=True, kw_only=True)
class _Failed:
    """A process cannot go on, for a reason that is explained or, if it is our mistake, traced."""

    error: Exception


@dataclass(kw_only=True, eq=False)
class _Worker:
    """A process as the parent sees it."""

    device: torch.device
    process: BaseProcess
    pipe: Connection
    given: dict[int, None] = field(default_factory=dict)
    """Images it was given and has not returned, in order."""
    is_closed: bool = False
    """Whether it was told that there are no more for now, and has not answered yet."""
    drained: _Drained | None = None


class Fleet:
    """Processes that look at images; used like a `Looking`, and entered."""

    def __init__(self, look: Look, devices: Sequence[torch.device], names: Sequence[str]) -> None:
        """Start a process for every device, and wait until the first one is ready.

        Args:
            look: what to look at.
            devices: at least two. Those of a CPU are as many processes on it.
            names: of the images, by their indices.

        Raises:
            ZooError: no device can be used, or a file cannot.
        """
        share = visible_processors() // len(devices)
        decoders = look.num_workers or max(_FEWEST_DECODERS, min(_MOST_DECODERS, share))
        self._look = replace(look, num_workers=decoders)
        self._index_of = {name: index for index, name in enumerate(names)}
        # As many as its threads and stages hold: so that it never waits for one more image while it
        # holds finished ones back.
        self._ahead = 2 * decoders + 4
        self._queue: deque[int] = deque()
        self._ready: _Ready | None = None
        self._drained: list[_Drained] = []
        self.images_by_device = {str(device): 0 for device in devices}
        self._lost: list[str] = []
        self._wall = 0.0
        self._names = ", ".join(map(str, devices))
        self._to_start, self._workers = deque(devices), list[_Worker]()
        self._processes: list[BaseProcess] = []
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, whatever they are doing."""
        for worker in self._workers:
            worker.pipe.close()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join(_PATIENCE_S)

    def results(self, indices: Iterable[int]) -> Iterator[ImageResult]:
        """Yield the result of each image, in the order in which they are done.

        Raises:
            ZooError: a file cannot be used, or no device is left.
        """
        begin = time.perf_counter()
        self._queue.extend(indices)
        while self._queue or any(worker.given or worker.is_closed for worker in self._workers):
            for worker in self._workers:
                self._feed(worker)
            yield from self._receive()
        self._wall += time.perf_counter() - begin

    def in_this_process(self) -> Looking:
        """Return the network on the first device that is left, for what is done to few images."""
        return Looking(self._look, _known_to_torch(self._workers[0].device), Silent())

    @property
    def seconds(self) -> StageSeconds:
        """Return the time of all stages, summed over devices."""
        parts = [vars(drained.seconds) for drained in self._all_drained]
        sums = {name: sum(part[name] for part in parts) for name in vars(StageSeconds())}
        return StageSeconds(**sums | {"wall": self._wall})

    @property
    def remarks(self) -> list[str]:
        """Return what a record should say, lost devices first."""
        said = (remark for drained in self._all_drained for remark in drained.remarks)
        return list(dict.fromkeys([*self._lost, *said]))

    @property
    def taken(self) -> Taken:
        """Return what of the file the network's weights are."""
        assert self._ready is not None
        return self._ready.taken

    @property
    def protocols(self) -> dict[str, ProtocolUsed]:
        """Return how images are looked at, by protocol, which is the same on all devices."""
        assert self._ready is not None
        return self._ready.protocols

    @property
    def settings(self) -> Settings:
        """Return the settings in force, which are those of all devices."""
        assert self._ready is not None
        recorded = any(drained.recorded for drained in self._all_drained)
        said = {"device": self._names, "cuda_graphs": recorded}
        return self._ready.settings.model_copy(update=said)

    @property
    def _all_drained(self) -> list[_Drained]:
        """Return what processes last said of all their images, those that are lost too."""
        return [*self._drained, *(w.drained for w in self._workers if w.drained)]

    def _start_all(self) -> None:
        """Start a process for each device; the others compute in the layout of the first one."""
        while self._to_start:
            self._start(self._to_start.popleft())
            while self._ready is None and self._workers:
                assert not list(self._receive()), "no image was given yet"

    def _start(self, device: torch.device) -> None:
        # A fork would share CUDA's state and the threads' locks.
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        given = (self._look, device, torch.get_num_threads(), theirs)
        process = context.Process(target=_work, args=given, daemon=True)
        # Ctrl-C goes to all processes of a terminal; what becomes of the run the parent decides.
        with signals.ignored():
            process.start()
        self._processes.append(process)
        theirs.close()
        self._workers.append(_Worker(device=device, process=process, pipe=ours))

    def _feed(self, worker: _Worker) -> None:
        """Give a process as many images as it can have, or tell it that there are no more."""
        if worker.is_closed:
            return
        with suppress(OSError):  # it is lost, as the other direction of the pipe will tell
            while self._queue and len(worker.given) < self._ahead:
                worker.given[self._queue[0]] = None
                worker.pipe.send(self._queue.popleft())
            if not self._queue and worker.given:
                worker.is_closed = True
                worker.pipe.send(None)

    def _receive(self) -> Iterator[ImageResult]:
        """Wait until a process says something, and yield the results in it.

        One by one, so that none is lost when another process says that it cannot go on.
        """
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(by_pipe)):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                worker.process.join(_PATIENCE_S)
                self._lose(worker, f"its process ended by itself ({how_ended(worker.process)})")
                continue
            if isinstance(message, ImageResult):
                del worker.given[self._index_of[message.name]]
                self.images_by_device[str(worker.device)] += 1
                yield message
            elif isinstance(message, _Ready):
                self._take_up(worker, message)
            elif isinstance(message, _Drained):
                worker.is_closed, worker.drained = False, message
            elif isinstance(message.error, PrerequisiteError):
                self._lose(worker, str(message.error))
            else:
                raise message.error

    def _take_up(self, worker: _Worker, ready: _Ready) -> None:
        """Let a process look at images, if it computes as the first one does."""
        if self._ready is None:
            self._ready = ready
            settings = ready.settings
            measured = settings.layout_measured or LayoutMeasured(layout=settings.memory_format)
            self._look = replace(self._look, layout=measured)
        ours, first = ready.settings.engine.name, self._ready.settings.engine.name
        if ours != first:
            self._lose(worker, f"it would compute with {ours}, the others with {first}")

    def _lose(self, worker: _Worker, reason: str) -> None:
        """Give the images of a process back to the others."""
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.kill()
        self._queue.extendleft(reversed(worker.given))
        self._drained += [worker.drained] if worker.drained else []
        done = self.images_by_device[str(worker.device)]
        remark = f"{worker.device} was lost after {done} images: {reason.rstrip('.')}"
        if not self._workers and not self._to_start:
            msg = f"No device is left. {'. '.join([*self._lost, remark])}."
            raise PrerequisiteError(msg)
        self._lost.append(f"{remark}; the others did the rest")


class _ParentEndedError(BaseException):
    """Nobody is there to be told anything; not an error of what is done meanwhile."""


def _work(look: Look, device: torch.device, num_threads: int, pipe: Connection) -> None:
    """Look at images until the parent has no more; runs in a process of its own."""
    with suppress(_ParentEndedError):
        try:
            _serve(look, device, num_threads, pipe)
        except Exception as error:  # noqa: BLE001 - the parent raises it
            explained = isinstance(error, ZooError)
            failure = error if explained else RuntimeError(traceback.format_exc())
            _tell(pipe, _Failed(error=failure))


def _serve(look: Look, device: torch.device, num_threads: int, pipe: Connection) -> None:
    torch.set_num_threads(num_threads)
    keep_freed_memory()
    device = _known_to_torch(device)
    require_usable(device)
    looking = Looking(look, device, Silent())
    ready = _Ready(taken=looking.taken, settings=looking.settings, protocols=looking.protocols)
    _tell(pipe, ready)
    while True:
        for result in looking.results(_given(pipe)):
            _tell(pipe, result)
        recorded = looking.settings.cuda_graphs
        drained = _Drained(seconds=looking.seconds, remarks=looking.remarks, recorded=recorded)
        _tell(pipe, drained)


def _known_to_torch(device: torch.device) -> torch.device:
    """Return a device as torch knows it: one CPU, whose numbers only tell processes apart."""
    return torch.device("cpu") if device.type == "cpu" else device


def _given(pipe: Connection) -> Iterator[int]:
    """Yield the images that the parent sends, until it sends None."""
    while (index := _told(pipe)) is not None:
        yield index


def _told(pipe: Connection) -> int | None:
    try:
        index: int | None = pipe.recv()
    except (EOFError, OSError):
        raise _ParentEndedError from None
    return index


def _tell(pipe: Connection, what: object) -> None:
    try:
        pipe.send(what)
    except OSError:
        raise _ParentEndedError from None
