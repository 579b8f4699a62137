"""From a row's images to its numbers: checkpoint, network, every image, what they add up to.

All metrics of one protocol come from one pass. Finished images go into a journal beside the
record, so that a run that was killed can go on. It decides nothing about numbers: verdicts do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.errors import RecordError, UsageError, ZooError, explain_os_error
from hrnet_zoo.records.accuracy import DatasetUsed, Measurement
from hrnet_zoo.records.files import RecordFile
from hrnet_zoo.records.images_file import FORMAT, close
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.allowances import measured_allowances
from hrnet_zoo.runs.fleet import Fleet
from hrnet_zoo.runs.looking import Look, Looking
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.quick import QuickLooks
from hrnet_zoo.runs.segments import Segments
from hrnet_zoo.runs.self_test import held_against_upstream
from hrnet_zoo.runs.taken_over import taken_over
from hrnet_zoo.system.devices import resolve_devices
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.system.sources import sources_digest
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.ahead import one_behind
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import WorstOptions
from hrnet_zoo.tasks.scored import Allowance
from hrnet_zoo.tasks.tracing import traced
from hrnet_zoo.verdicts.segments import digits_of
from hrnet_zoo.verdicts.self_test import disagreement
from hrnet_zoo.zoo.row import Row


class Images:
    """The images of a row's data set, which are looked at for all metrics together."""

    def __init__(
        self,
        row: Row,
        metrics: list[Metric],
        samples: Samples,
        options: MeasureOptions,
        file: RecordFile,
        progress: Progress,
    ) -> None:
        """Settle what can be settled before the first image."""
        self._row, self._metrics, self._samples = row, metrics, samples
        self._options, self._file, self._progress = options, file, progress
        self._task = TASKS[row.task]
        # Cheap checks first: nobody wants to learn after a long download that a library is missing.
        self._task.check_options(options.score)
        self._devices = resolve_devices(options.device, progress)
        self._quick = QuickLooks(row, len(samples), options, progress) if options.quick else None
        self._wanted = sorted(random_order(len(samples), options.seed)[: options.limit])
        if options.earlier is not None:
            self._wanted = options.earlier.indices(samples, options.limit, options.seed)
        self._counted, self._remarks = file.record.measurements, file.record.remarks
        self._resumed_from: Path | None = None
        self._checkpoint = options.file_for(row, progress)

    def measure(self) -> None:
        """Look at all images, add what they amount to to the record, and complete it."""
        options = self._options
        self._progress.begin("loading the model", None, "")
        with self._looking() as looking:
            for remark in looking.taken.remarks:
                self._progress.say(f"{self._checkpoint.path.name}: {remark}")
            if options.earlier is not None:
                options.earlier.require_same(self._checkpoint.sha256, looking.protocols)
            with self._journal(looking) as journal:
                results = self._results(looking, journal)
            if options.save_results is not None:
                save = partial(self._save_results, options.save_results, results)
                self._afterwards("results for other tools", save)
            if options.worst:
                draw = partial(self._draw_worst, looking, results)
                self._afterwards("pictures of the worst images", draw)

    def _results(self, looking: Looking | Fleet, journal: Journal) -> dict[str, ImageResult]:
        """Complete the record, and return what was found in every image."""
        given = (self._task, self._metrics, self._samples, self._file, self._progress)
        results = taken_over(journal, *given)
        self._resumed_from = journal.path if results else None
        self._file.update(
            checkpoint=self._options.checkpoint_used(self._row, self._checkpoint, looking.taken),
            num_images_taken_over=len(results),
            settings=looking.settings,
        )
        self._test_installation(looking)
        segments = Segments(self._file, looking, journal)
        if self._quick is not None:
            self._look_early(self._quick, looking, journal, results, segments)
            return results
        self._evaluate(looking, journal, results, segments)
        self._score(looking, results, segments)
        if self._options.earlier is not None:
            names = [metric.name for metric in self._metrics]
            self._file.update(unchanged=self._options.earlier.compared(names, results))
        close(self._file, journal, {name: each.digest for name, each in results.items()})
        return results

    def _afterwards(self, what: str, work: Callable[[], None]) -> None:
        """Do what was asked for beside the numbers: they are safe, whatever comes of it."""
        try:
            work()
        except ZooError as error:
            reason = str(error)
        except OSError as error:
            reason = explain_os_error(error)
        else:
            return
        remark = f"there are no {what}: {reason}"
        self._progress.say(f"{self._row.name}: {remark}")
        with suppress(RecordError):  # it is said, and the record stays as it is
            self._file.end("completed", remark)

    def _save_results(self, path: Path, results: Mapping[str, ImageResult]) -> None:
        self._progress.say(self._task.save_results(path, self._samples, results))

    def _look_early(
        self,
        quick: QuickLooks,
        looking: Looking | Fleet,
        journal: Journal,
        results: dict[str, ImageResult],
        segments: Segments,
    ) -> None:
        """Look at growing parts; the journal stays, for a run over all images goes on with it."""
        names = list[str]()
        for self._wanted in quick:
            self._evaluate(looking, journal, results, segments)
            names = [self._samples.name_of(i) for i in self._wanted]
            part = {name: results[name] for name in names}
            self._score(looking, part, segments)
            if quick.refutes(self._file, part):
                break
        digests = {name: results[name].digest for name in names}
        close(self._file, journal, digests, looks=names)

    def _looking(self) -> Looking | Fleet:
        """Return what looks at images: one device in this process, or several in theirs."""
        look = Look(
            name=self._row.name,
            setup=self._row.setup,
            metrics=[metric.name for metric in self._metrics],
            checkpoint=self._checkpoint.path,
            data_folder=self._options.folder_of(self._row),
            num_workers=self._options.num_workers,
            graphs=self._options.graphs,
            engine=self._options.engine,
        )
        if len(self._devices) == 1:
            return Looking(look, self._devices[0], self._progress, self._samples)
        if self._options.profile is not None:
            msg = "--profile traces one device in this process; name one with --device."
            raise UsageError(msg)
        names = [self._samples.name_of(i) for i in range(len(self._samples))]
        return Fleet(look, self._devices, names)

    def _test_installation(self, looking: Looking | Fleet) -> None:
        """Hold this installation against upstream's own code, once for each kind of device."""
        engine = looking.settings.engine.name
        given = (self._row, self._metrics, self._devices, self._options, self._progress)
        found = held_against_upstream(*given, engine=engine)
        self._file.update(self_test=found)
        if disagrees := disagreement(self._task, found):
            self._progress.say(f"{self._row.name}: {disagrees}, so no accuracy can be a match")

    def _draw_worst(self, looking: Looking | Fleet, results: Mapping[str, ImageResult]) -> None:
        if isinstance(looking, Fleet):
            looking = looking.in_this_process()
        folder = self._file.path.with_suffix(".worst")
        worst = WorstOptions(count=self._options.worst, folder=folder, device=looking.device)
        given = (self._row.setup, self._samples, looking.network, self._metrics[0], results, worst)
        self._task.networks.worst(*given).draw(self._progress)

    def _journal(self, looking: Looking | Fleet) -> Journal:
        """Return the journal of this run, which may hold the results of an unfinished one.

        All that decides about results is its identity, so that nothing is ever mixed; but threads,
        layouts and graphs, which only change the order of sums, and the images' files: what is
        taken over is held against those.
        """
        names = "+".join(metric.name for metric in self._metrics)
        limit, seed = self._options.limit, self._options.seed
        limited = f"-{limit}-of-seed-{seed}" if limit else ""
        if self._options.earlier is not None and self._options.earlier.is_part:
            limited += f"-of-{self._options.earlier.path.stem}"
        used = {name: used.model_dump(mode="json") for name, used in looking.protocols.items()}
        digits = digits_of(looking.settings, self._file.record.environment)
        identity = {
            "format": FORMAT,
            "checkpoint": self._checkpoint.sha256,
            "dataset": self._samples.stamp(),
            "setup": self._row.setup.model_dump(mode="json"),
            "protocol": used,
            "engine": digits.pop("engines"),
            "computed with": {**digits, "code of hrnet-zoo": sources_digest()},
        }
        return Journal(self._file.path.with_name(f".unfinished-{names}{limited}"), identity)

    def _evaluate(
        self,
        looking: Looking | Fleet,
        journal: Journal,
        results: dict[str, ImageResult],
        segments: Segments,
    ) -> None:
        """Add the result of every image that has none yet."""
        what = f"evaluating {self._row.name} on {looking.settings.device}"
        self._progress.begin(what, len(self._wanted), "images")
        missing = [i for i in self._wanted if self._samples.name_of(i) not in results]
        done = len(self._wanted) - len(missing)
        found = traced(looking.results(missing), self._options.profile, self._progress)
        # Written in a thread, while the next image is computed.
        for result, _ in one_behind(
            (each, partial(self._keep, each, journal, segments)) for each in found
        ):
            results[result.name] = result
            done += 1
            self._progress.update(done)
        self._file.update(
            settings=looking.settings,
            remarks=[*self._remarks, *looking.remarks],
            images_by_device=looking.images_by_device,
        )

    def _keep(self, result: ImageResult, journal: Journal, segments: Segments) -> None:
        texts = {name: self._task.to_text(found) for name, found in result.counted.items()}
        journal.append({"name": result.name, "digest": result.digest, "results": texts})
        segments.image_kept()

    def _allowances(
        self, looking: Looking | Fleet, results: dict[str, ImageResult]
    ) -> dict[str, list[Allowance]]:
        """Measure what a match may differ by, where there can be one."""
        is_whole = len(results) == len(self._samples) == self._row.setup.num_images
        if not is_whole:
            return {}
        if isinstance(looking, Fleet):
            looking = looking.in_this_process()
        given = (looking, self._samples, self._metrics, results, self._progress)
        return measured_allowances(*given)

    @contextmanager
    def _resumed(self) -> Iterator[None]:
        """Explain that the lines of an earlier run, all in due form, cannot be of these images."""
        try:
            yield
        except (ValueError, LookupError, TypeError, RuntimeError) as error:
            if self._resumed_from is None:
                raise
            msg = (
                f"What an earlier run left in {self._resumed_from} cannot be scored: {error}. Move "
                "it away to start anew."
            )
            raise RecordError(msg) from error

    def _score(
        self, looking: Looking | Fleet, results: dict[str, ImageResult], segments: Segments
    ) -> None:
        """Add the values, and what they rest on, to the record."""
        seconds, protocols = looking.seconds, looking.protocols
        setup, samples, metrics = self._row.setup, self._samples, self._metrics
        started = time.perf_counter()
        with self._resumed():
            scored = self._task.score(
                setup, samples, metrics, results, self._options.score, self._progress
            )
        seconds.metric += time.perf_counter() - started
        for name, measured in self._allowances(looking, results).items():
            scored[name] = scored[name].model_copy(update={"allowances": measured})
        used = [protocols[metric.protocol or ""] for metric in metrics]
        segments.note(seconds)
        self._file.update(
            dataset=DatasetUsed(
                name=setup.dataset,
                num_images=len(results),
                num_images_found=len(samples),
                fingerprint=fingerprint({name: each.digest for name, each in results.items()}),
            ),
            measurements=[
                *self._counted,
                *(
                    Measurement(metric=metric.name, protocol=protocol, **dict(scored[metric.name]))
                    for metric, protocol in zip(metrics, used, strict=True)
                ),
            ],
        )
