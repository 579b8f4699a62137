"""Which mistakes of an evaluation are caught, by what, and what each changes in the demo's values.

    python bench/studies/mutations.py

Every change of tools/mistakes.py is made while `verify` evaluates the rows of the demo, or, where
only other networks can show it, while reference images are looked at. What catches it is asked of
the verdicts. Nothing is random. It takes a quarter of an hour on one core and prints Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mistakes import EQUIVALENTS, MISTAKES, Change, found_with

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.references import all_references
from hrnet_zoo.runs.verify import verify_row
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.verdicts.accuracy import MISMATCHES, Verdict, judge
from hrnet_zoo.verdicts.self_test import disagreement
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

REFERENCES = {each.name: each for each in all_references()}
METRICS_OF = {
    "fcn_hrnet": {"single": "miou", "ms_flip": "miou_ms_flip"},
    "fcos_hrnet": {"single": "box_ap"},
    "hrnet_classifier": {"single": "top1"},
}
"""Architecture of a row of the demo -> protocol -> its accuracy."""

SETUPS: list[tuple[str, str, dict[str, Any]]] = [
    ("a box of 216 x 144", "fcn_hrnet", {"test": {"scale": (216, 144)}}),
    ("score threshold 0.5 for 0.05", "fcos_hrnet", {"test": {"score_threshold": 0.5}}),
    (
        "normalisation of an older edition",
        "fcos_hrnet",
        {"normalisation": {"mean": (102.9801, 115.9465, 122.7717), "std": (1.0, 1.0, 1.0)}},
    ),
    ("shorter side 64 for 72", "hrnet_classifier", {"test": {"resize_short": 64}}),
]
"""Mistakes in how a row is set up: name, architecture, part -> what is changed in it."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the table."""

    change: str
    on: str
    points: float | None
    """Change of the demo's value; None: no network of the demo can show it."""
    agreement: str
    caught_by: str


class Demo:
    """The demo's rows, with what they give unchanged as their documented values, ms+flip too."""

    def __init__(self, folder: Path) -> None:
        """Evaluate all rows as they are."""
        self._folder, self._runs = folder, 0
        rows = {row.setup.architecture: row for row in load_zoo(MANIFEST).rows}
        self.values: dict[str, float] = {}
        for architecture, row in rows.items():
            names = list(METRICS_OF[architecture].values())
            self.values |= values_of(self.run(row, names), names)
        zoo = load_zoo(self._with_ms_flip(self.values["miou_ms_flip"]))
        self.rows = {row.setup.architecture: row for row in zoo.rows}

    def _with_ms_flip(self, value: float) -> Path:
        text = MANIFEST.read_text(encoding="utf-8")
        text = text.replace(
            "      mIoU: miou\n", "      mIoU: miou\n      mIoU(ms+flip): miou_ms_flip\n"
        )
        printed = '      miou: "81.59"\n'
        text = text.replace(printed, f'{printed}      miou_ms_flip: "{value:.2f}"\n')
        path = self._folder / "zoo.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, row: Row, metrics: Sequence[str], change: Change | None = None) -> AccuracyRecord:
        """Verify a row, with a change; the installation is tested anew."""
        self._runs += 1
        own = self._folder / str(self._runs)
        options = MeasureOptions(
            fetch=FetchOptions(cache_dir=own / "cache"),
            manifest_dir=MANIFEST.parent,
            data_folders=DataFolders(root=DATA_ROOT),
            device="cpu",
        )
        with change.make() if change else nullcontext():
            record = verify_row(row, metrics, options, own, Silent()).record
        assert record.status == "completed", record.reason
        return record

    def line(self, name: str, row: Row, record: AccuracyRecord, metric: str) -> Line:
        """Ask the verdicts what is wrong with a run that was to measure a row's metric."""
        documented = self.rows[row.setup.architecture]
        task = TASKS[row.task]
        protocol = METRICS[metric].protocol
        found = [
            each
            for each in record.self_test or []
            if REFERENCES[each.reference].protocol == protocol
        ]
        alone = judge(documented, record.model_copy(update={"self_test": None}), metric)
        by = ["value"] if alone.verdict in MISMATCHES else []
        by += ["protocol"] if alone.verdict is Verdict.NOT_COMPARABLE else []
        by += ["agreement"] if disagreement(task, found) else []
        is_match = judge(documented, record, metric).verdict is Verdict.MATCH
        assert is_match is (not by), (name, metric)
        return Line(
            change=name,
            on=f"{row.setup.architecture}, {METRICS[metric].title}",
            points=values_of(record, [metric])[metric] - self.values[metric],
            agreement="; ".join(_agreement(each) for each in found),
            caught_by=", ".join(by) or "nothing",
        )

    def lines(self, change: Change) -> Iterator[Line]:
        """Yield what comes of a change, on the demo's networks and on others."""
        protocols: dict[str, list[str]] = {}
        for name in change.on:
            reference = REFERENCES[name]
            architecture = reference.setup.architecture
            if architecture in self.rows and "slide" not in name:
                protocols.setdefault(architecture, []).append(reference.protocol)
            else:
                yield _on_reference(change, name, self._folder / f"{change.name} {name}")
        for architecture, of_references in protocols.items():
            metrics = [METRICS_OF[architecture][each] for each in dict.fromkeys(of_references)]
            row = self.rows[architecture]
            record = self.run(row, metrics, change)
            yield from (self.line(change.name, row, record, metric) for metric in metrics)

    def set_up_wrongly(self, name: str, architecture: str, parts: dict[str, Any]) -> Line:
        """Return what comes of a mistake in a row's setup."""
        row = self.rows[architecture]
        changed = {
            part: getattr(row.setup, part).model_copy(update=values)
            for part, values in parts.items()
        }
        other = row.model_copy(update={"setup": row.setup.model_copy(update=changed)})
        metric = METRICS_OF[architecture]["single"]
        return self.line(name, other, self.run(other, [metric]), metric)


def values_of(record: AccuracyRecord, metrics: Sequence[str]) -> dict[str, float]:
    """Return what was measured."""
    values = {}
    for name in metrics:
        measurement = record.measurement(name)
        assert measurement is not None
        assert measurement.value is not None
        values[name] = measurement.value
    return values


def _agreement(found: ReferenceAgreement) -> str:
    """Return the share of equal answers, and the largest difference of their scores."""
    difference = found.largest_score_difference
    return f"{found.share:.3%}" + ("" if difference is None else f", scores {difference:.0e}")


def _on_reference(change: Change, name: str, folder: Path) -> Line:
    found, task = found_with(change, name, folder), TASKS[REFERENCES[name].setup.task]
    return Line(
        change=change.name,
        on=name,
        points=None,
        agreement=_agreement(found),
        caught_by="agreement" if disagreement(task, [found]) else "nothing",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("changes", nargs="*", help="parts of names; none: all changes")
    wanted = parser.parse_args().changes or [""]
    changes = [c for c in (*MISTAKES, *EQUIVALENTS) if any(part in c.name for part in wanted)]
    setups = [setup for setup in SETUPS if any(part in setup[0] for part in wanted)]
    print("| change | network, metric | points | equal answers | caught by |")
    print("|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        demo = Demo(Path(folder))
        for change in changes:
            for line in demo.lines(change):
                _print(line)
        for setup in setups:
            _print(demo.set_up_wrongly(*setup))


def _print(line: Line) -> None:
    points = "" if line.points is None else f"{line.points:+.3f}"
    print(
        f"| {line.change} | {line.on} | {points} | {line.agreement} | {line.caught_by} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
