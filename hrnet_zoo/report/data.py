"""What a data set should be like, what it is like, and what was made ready: text and JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from hrnet_zoo.datasets.check_report import CheckReport, Problem
from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.layouts import IGNORED, DatasetLayout, DetectionLayout, layout_of
from hrnet_zoo.report.detection_data import detection_files, detection_labels, detection_tree

if TYPE_CHECKING:
    from hrnet_zoo.datasets.prepare import PrepareSummary
    from hrnet_zoo.datasets.prepare.downloads import Download

_SIZES_SHOWN = 4


def dataset_as_text(name: str, rows: Sequence[str], download: Download | None) -> str:
    """Return what a data set should be like, for reading.

    Args:
        name: of the data set.
        rows: names of the rows that are evaluated on it.
        download: where it comes from; None: it ships with this package.
    """
    layout = layout_of(name)
    num_classes = len(class_table(name).names)
    if isinstance(layout, DetectionLayout):
        tree, stored = detection_tree(layout), ("annotations", detection_labels(layout))
    else:
        tree, stored = _tree(layout), ("labels", [*_stored_labels(layout, num_classes)])
    sections = [
        ("expected in the folder that --data-root names", tree),
        stored,
        ("download", [*_download(download)]),
        ("rows", rows or ["none of the manifest's"]),
        ("classes (label, colour, name)", [*_classes(name)]),
    ]
    lines = [f"{name}: {layout.title}, {layout.num_images} images, {num_classes} classes"]
    for heading, content in sections:
        lines += ["", heading, *(f"  {line}" for line in content)]
    return "\n".join(lines)


def dataset_as_json(name: str, rows: Sequence[str], download: Download | None) -> str:
    """Return the same as `dataset_as_text`, for programs."""
    layout = layout_of(name)
    if isinstance(layout, DetectionLayout):
        files = detection_files(layout)
        ids = [{"category_id": id_} for id_ in layout.category_ids]
    else:
        files = _files(layout)
        ids = [{} for _ in class_table(name).names]
    content = {
        "name": name,
        "title": layout.title,
        "num_images": layout.num_images,
        "root": layout.root,
        "image_dir": layout.image_dir,
        **files,
        "classes": [
            {"label": label, **own, "name": class_name, "rgb": colour}
            for label, (class_name, colour, own) in enumerate(
                zip(class_table(name).names, class_table(name).palette, ids, strict=True)
            )
        ],
        "rows": list(rows),
        "download": None if download is None else asdict(download),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _files(layout: DatasetLayout) -> dict[str, object]:
    return {
        "image_suffix": layout.image_suffix,
        "label_dir": layout.label_dir,
        "label_suffixes": [kind.suffix for kind in layout.labels],
        "split_file": layout.split_file,
        "reduce_zero_label": layout.reduce_zero_label,
        "ignore_index": IGNORED,
    }


def check_as_text(report: CheckReport) -> str:
    """Return what a data set is like, for reading."""
    layout = layout_of(report.name)
    if report.root is None:
        return "\n".join([click.style(layout.title, bold=True), *_problems(report.problems)])
    facts = [
        ("images", f"{report.num_images} of {report.num_expected}"),
        *_what_belongs_to_images(report),
        ("read", _read(report)),
    ]
    if report.sizes:
        facts.append(("sizes", _sizes(report)))
    if report.unseen_classes is not None:
        facts.append(("classes", _seen_classes(report)))
    if report.fingerprint:
        facts.append(("fingerprint", report.fingerprint))
    lines = [
        f"{click.style(layout.title, bold=True)} in {report.root}",
        *(f"  {what:<12} {value}" for what, value in facts),
        *_problems(report.problems),
        _conclusion(report),
    ]
    return "\n".join(lines)


def check_as_json(report: CheckReport) -> str:
    """Return what a data set is like, for programs."""
    content = {
        "name": report.name,
        "root": None if report.root is None else str(report.root),
        "fine": report.is_fine,
        "sample_only": report.is_sample,
        "num_expected": report.num_expected,
        "num_images": report.num_images,
        "num_labels": report.num_labels,
        "num_pairs": report.num_pairs,
        "num_annotations": report.num_annotations,
        "num_read": report.num_read,
        "label_files": dict(report.label_files),
        "sizes": [asdict(size) for size in report.sizes],
        "unseen_classes": report.unseen_classes,
        "problems": [
            {
                "kind": problem.kind.name.lower(),
                "count": problem.count,
                "examples": list(problem.examples),
            }
            for problem in report.problems
        ],
        "fingerprint": report.fingerprint,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def prepared_as_text(summary: PrepareSummary) -> str:
    """Return what a preparation did, for reading."""
    titles = ["folder", "written", "already there", "complete"]
    cells = [
        [f.folder, f.written, f.already_there, "-" if f.expected is None else f.expected]
        for f in summary.folders
    ]
    align = ("left", "right", "right", "right")
    table = tabulate(cells, titles, tablefmt="simple", colalign=align) if cells else ""
    heading = f"{click.style(layout_of(summary.name).title, bold=True)} in {summary.root}"
    return "\n  ".join([heading, *table.splitlines()])


def prepared_as_json(summary: PrepareSummary) -> str:
    """Return what a preparation did, for programs."""
    content = {
        "name": summary.name,
        "root": str(summary.root),
        "written": summary.written,
        "already_there": summary.already_there,
        "folders": [asdict(folder) for folder in summary.folders],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _tree(layout: DatasetLayout) -> list[str]:
    """Draw the folders; in ASCII, which every terminal and log file can show."""
    labels = [f"<name>{kind.suffix}" for kind in layout.labels]
    folders = [
        (layout.image_dir, [f"<name>{layout.image_suffix}"]),
        (layout.label_dir, [" or ".join(labels)]),
    ]
    if layout.split_file:
        folder, _, file = layout.split_file.rpartition("/")
        folders.append((folder, [f"{file}, one <name> per line"]))
    lines = [f"{layout.root}/"]
    for number, (folder, files) in enumerate(folders, 1):
        is_last = number == len(folders)
        lines.append(f"{'`' if is_last else '|'}-- {folder}/")
        lines += [f"{' ' if is_last else '|'}   `-- {file}" for file in files]
    also = "the same for an image and its label"
    return [*lines, f"<name> is {also}{'' if layout.split_file else ', subfolders included'}"]


def _stored_labels(layout: DatasetLayout, num_classes: int) -> Iterator[str]:
    yield "PNG files with one 8-bit index per pixel, greyscale or palette"
    if layout.reduce_zero_label:
        yield f"0 and {IGNORED} are ignored; class c is stored as c + 1, so 1 to {num_classes}"
    for kind in layout.labels if not layout.reduce_zero_label else ():
        which = f"*{kind.suffix}: " if len(layout.labels) > 1 else ""
        if kind.remap is None:
            yield f"{which}0 to {num_classes - 1} are the classes, {IGNORED} is ignored"
        else:
            kept = sum(label != IGNORED for label in kind.remap.values())
            yield f"{which}ids, of which {kept} are mapped to classes and the others ignored"
    if len(layout.labels) > 1:
        yield "where an image has both, the first is used"
    if layout.boundaries_ignored:
        yield "the boundaries of objects are ignored pixels"


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


def _classes(name: str) -> Iterator[str]:
    table = class_table(name)
    for label, (class_name, (r, g, b)) in enumerate(zip(table.names, table.palette, strict=True)):
        swatch = click.style("  ", bg=(r, g, b))
        yield f"{label:>3}  {swatch} #{r:02x}{g:02x}{b:02x}  {class_name}"


def _what_belongs_to_images(report: CheckReport) -> Iterator[tuple[str, str]]:
    layout = layout_of(report.name)
    if isinstance(layout, DetectionLayout):
        if report.num_annotations is not None:
            yield "annotations", str(report.num_annotations)
        return
    yield "labels", f"{report.num_labels}{_label_files(layout, report)}"
    yield "pairs", str(report.num_pairs)


def _label_files(layout: DatasetLayout, report: CheckReport) -> str:
    """Say which kind of label file is used, where a data set may have several."""
    if len(layout.labels) == 1 or not report.label_files:
        return ""
    kinds = [f"*{suffix} ({count})" for suffix, count in sorted(report.label_files.items())]
    return f", {'mixed: ' if len(kinds) > 1 else ''}{' and '.join(kinds)}"


def _read(report: CheckReport) -> str:
    what = "pairs" if report.num_annotations is None else "images"
    if report.is_sample:
        return f"{report.num_read} of {report.num_pairs} {what}, a sample; the others were counted"
    return f"all {what}" if report.num_read else "none"


def _sizes(report: CheckReport) -> str:
    shown = [f"{s.width} x {s.height} ({s.images})" for s in report.sizes[:_SIZES_SHOWN]]
    more = len(report.sizes) - len(shown)
    return ", ".join(shown) + (f" and {more} more sizes" if more else "")


def _seen_classes(report: CheckReport) -> str:
    total, unseen = len(class_table(report.name).names), report.unseen_classes or ()
    # Annotations are read in any case.
    where = " in the sample" if report.is_sample and report.num_annotations is None else ""
    if not unseen:
        return f"all {total} occur{where}"
    names = ", ".join(name.strip() for name in unseen)
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
        return click.style("not complete, or not intact", fg="red")
    if report.is_sample:
        said = f"nothing wrong in a sample of {report.num_read}; without --sample all are read"
        return click.style(said, fg="yellow")
    return click.style("complete and intact", fg="green")
