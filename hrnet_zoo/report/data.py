"""What a data set should be like, what it is like, and what was made ready: text and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from hrnet_zoo.datasets.data_set import DataSet, Download
from hrnet_zoo.report.text import aligned, or_dash, to_json
from hrnet_zoo.system.foreign import on_one_line
from hrnet_zoo.system.wording import and_more

if TYPE_CHECKING:
    from hrnet_zoo.datasets.check_report import CheckReport, Problem
    from hrnet_zoo.datasets.prepare.preparing import PrepareSummary

_SIZES_SHOWN = 4
_CLASSES_SHOWN = 20


def dataset_as_text(dataset: DataSet, rows: Sequence[str]) -> str:
    """Return what a data set should be like, for reading.

    Args:
        dataset: what is described.
        rows: names of the rows that are evaluated on it.
    """
    sections = [
        ("expected in the folder that --data-root names", dataset.tree()),
        (dataset.stored_as, dataset.stored()),
        ("download", [*_download(dataset.download)]),
        ("rows", rows or ["none of the manifest's"]),
        ("classes (label, colour, name)", [*_classes(dataset)]),
    ]
    sizes = f"{dataset.num_images} images, {len(dataset.classes)} classes"
    lines = [f"{dataset.name}: {dataset.title}, {sizes}"]
    for heading, content in sections:
        lines += ["", heading, *(f"  {line}" for line in content)]
    return "\n".join(lines)


def dataset_as_json(dataset: DataSet, rows: Sequence[str]) -> str:
    """Return the same as `dataset_as_text`, for programs."""
    return to_json(
        {
            "name": dataset.name,
            "title": dataset.title,
            "num_images": dataset.num_images,
            "root": dataset.root,
            "image_dir": dataset.image_dir,
            **dataset.files(),
            "classes": [
                {"label": label, **dataset.class_fields(label), "name": name, "rgb": colour}
                for label, (name, colour) in enumerate(dataset.classes)
            ],
            "rows": rows,
            "download": dataset.download,
        }
    )


def check_as_text(dataset: DataSet, report: CheckReport) -> str:
    """Return what a data set is like, for reading."""
    title = click.style(dataset.title, bold=True)
    if report.root is None:
        return "\n".join([title, *map(on_one_line, _problems(report.problems))])
    facts = [
        ("images", f"{report.num_images} of {report.num_expected}"),
        *dataset.counted(report),
        ("read", _read(dataset, report)),
    ]
    if report.sizes:
        facts.append(("sizes", _sizes(report)))
    if report.unseen_classes is not None:
        facts.append(("classes", _seen_classes(dataset, report, report.unseen_classes)))
    if report.fingerprint:
        facts.append(("fingerprint", report.fingerprint))
    lines = [
        f"{title} in {report.root}",
        *(f"  {what:<12} {value}" for what, value in facts),
        *_problems(report.problems),
        _conclusion(report),
    ]
    return "\n".join(map(on_one_line, lines))


def check_as_json(report: CheckReport) -> str:
    """Return what a data set is like, for programs."""
    own = {"fine": report.is_fine, "sample_only": report.is_sample}
    return to_json({"name": report.name, "root": report.root, **own, **asdict(report)})


def prepared_as_text(dataset: DataSet, summary: PrepareSummary) -> str:
    """Return what a preparation did, for reading."""
    titles = ["folder", "written", "already there", "complete"]
    cells = [
        [f.folder, str(f.written), str(f.already_there), or_dash(f.expected)]
        for f in summary.folders
    ]
    table = aligned(titles, cells, "lrrr") if cells else ""
    heading = f"{click.style(dataset.title, bold=True)} in {summary.root}"
    return "\n  ".join([heading, *table.splitlines()])


def prepared_as_json(summary: PrepareSummary) -> str:
    """Return what a preparation did, for programs."""
    totals = {
        "complete": summary.is_complete,
        "written": summary.written,
        "already_there": summary.already_there,
    }
    return to_json({"name": summary.name, "root": summary.root, **totals, **asdict(summary)})


def _download(download: Download | None) -> Iterator[str]:
    if download is None:
        yield 'It ships with hrnet-zoo; "hrnet-zoo demo" uses it.'
        return
    for what, text in (
        ("files", ", ".join(download.archives)),
        ("from", download.obtained_from),
        ("terms", download.terms),
        ("prepare", download.preparation),
    ):
        # Addresses and archives have hyphens in their names, and are copied from here.
        lines = textwrap.wrap(text, 80, break_on_hyphens=False, break_long_words=False)
        for title, line in zip_longest([what], lines, fillvalue=""):
            yield f"{title:<9}{line}"


def _classes(dataset: DataSet) -> Iterator[str]:
    for label, (name, (r, g, b)) in enumerate(dataset.classes):
        swatch = click.style("  ", bg=(r, g, b))
        yield f"{label:>3}  {swatch} #{r:02x}{g:02x}{b:02x}  {name}"


def _read(dataset: DataSet, report: CheckReport) -> str:
    what = "pairs" if dataset.has_label_files else "images"
    if report.is_sample:
        return f"{report.num_read} of {report.num_pairs} {what}, a sample; the others were counted"
    return f"all {what}" if report.num_read else "none"


def _sizes(report: CheckReport) -> str:
    shown = [f"{s.width} x {s.height} ({s.images})" for s in report.sizes[:_SIZES_SHOWN]]
    more = len(report.sizes) - len(shown)
    return ", ".join(shown) + (f" and {more} more sizes" if more else "")


def _seen_classes(dataset: DataSet, report: CheckReport, unseen: Sequence[str]) -> str:
    total = len(dataset.classes)
    # Only label files are left out of a sample; what else tells classes is read in any case.
    where = " in the sample" if report.is_sample and dataset.has_label_files else ""
    if not unseen:
        return f"all {total} occur{where}"
    names = and_more([name.strip() for name in unseen], _CLASSES_SHOWN)
    return f"{total - len(unseen)} of {total} occur{where}; not seen: {names}"


def _problems(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems:
        count = f" ({problem.count})" if problem.count > 1 else ""
        yield click.style(f"  {problem.kind.value}{count}", fg="red")
        yield from (f"    {example}" for example in problem.examples)
        more = problem.count - len(problem.examples)
        if more:
            yield f"    and {more} more"


def _conclusion(report: CheckReport) -> str:
    if not report.is_fine:
        said = "not complete, or not intact; restore what is named from the official download"
        return click.style(said, fg="red")
    if report.is_sample:
        said = f"nothing wrong in a sample of {report.num_read}; without --sample all are read"
        return click.style(said, fg="yellow")
    return click.style("complete and intact", fg="green")
