"""Manifest rows, and what was published later of them: text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hrnet_zoo.report.text import aligned, metric_title, section, to_json
from hrnet_zoo.system.foreign import as_cell, on_one_line
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.network_size import CONVENTION
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import EditionName, LaterEdition, Row
from hrnet_zoo.zoo.zoo import Zoo

if TYPE_CHECKING:
    from hrnet_zoo.weights.lock import LockedFile

Locked = Mapping[EditionName, "LockedFile | None"]
"""What a lock says of the file of each edition of a row."""

_PRINTED_FIELDS = (
    "backbone",
    "crop_size",
    "lr_schd",
    "style",
    "gn",
    "ms_train",
    "model",
    "pretrain",
)


def row_as_dict(row: Row) -> dict[str, object]:
    """Return a row for programs: quoted text as text, documented values as numbers or None."""
    counted = complexity_of(row)
    return {
        "name": row.name,
        "task": row.task,
        "table": row.table,
        "position": row.position,
        "method": row.method,
        **{field: row.text(field) for field in _PRINTED_FIELDS},
        "documented": {metric: row.documented(metric) for metric in METRICS},
        "config_url": row.config_url,
        "checkpoint_url": row.checkpoint_url,
        "log_url": row.log_url,
        "parameters": counted and counted.parameters,
        "multiply_adds": counted and counted.multiply_adds,
        "multiply_adds_input": counted and counted.input_size,
        "later": None if row.later is None else _later_as_dict(row.later),
    }


def rows_as_json(rows: Iterable[Row]) -> str:
    """Return the rows as a JSON array."""
    return to_json([row_as_dict(row) for row in rows])


def rows_as_csv(rows: Iterable[Row]) -> str:
    """Return the rows as CSV; documented values as printed, so that no decimals are lost."""
    buffer = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        flat = row_as_dict(row)
        del flat["documented"], flat["later"]
        flat |= {metric: row.text(metric) for metric in METRICS}
        if counted := complexity_of(row):
            flat["multiply_adds_input"] = counted.describe_input()
        if writer is None:
            writer = csv.DictWriter(buffer, list(flat), lineterminator="\n")
            writer.writeheader()
        writer.writerow({column: as_cell(value) for column, value in flat.items()})
    return buffer.getvalue().rstrip("\n")


def rows_as_text(rows: Sequence[Row]) -> str:
    """Return the rows as one aligned list per table of the READMEs."""
    parts = []
    for (source, table), group in groupby(rows, key=lambda row: (row.source, row.table)):
        members = list(group)
        metrics = [m for m in METRICS if any(m in r.printed for r in members)]
        cells = [
            [
                r.name,
                r.text("backbone") or r.text("model") or "",
                r.setup.backbone,
                *(r.text(m) or "" for m in metrics),
            ]
            for r in members
        ]
        titles = ["name", "as printed", "our reading", *map(metric_title, metrics)]
        listing = aligned(titles, cells, "lll" + "r" * len(metrics))
        parts.append(f"{table} ({source})\n{listing}")
    linked = sum(row.checkpoint_url is not None for row in rows)
    blank = len(rows) - linked
    return "\n\n".join([*parts, f"{len(rows)} rows: {linked} with a checkpoint, {blank} blank"])


def row_as_json(row: Row, locked: Locked) -> str:
    """Return everything about one row as JSON, with what a lock says of its files."""
    content = row_as_dict(row) | {
        "source": row.source,
        "printed": row.printed,
        "setup": row.setup.model_dump(mode="json"),
        "checkpoint_sha256_prefix": row.checkpoint_sha256_prefix,
        "locked": locked,
        "notes": row.notes,
    }
    return to_json(content)


def row_as_text(zoo: Zoo, row: Row, locked: Locked) -> str:
    """Return everything about one row, for reading, with what a lock says of its files."""
    titles = {column: title for title, column in zoo.table_of(row).columns.items()}
    printed = [
        (titles[column], _printed_cell(column, text))
        for column, text in row.printed.items()
        if column in titles
    ]
    links = [
        ("config", row.config_url),
        ("checkpoint", row.checkpoint_url),
        *_known_of_file(row, locked),
        ("log", row.log_url),
        ("README", zoo.sources[row.source].url),
    ]
    sections = [
        (f"printed in {row.source}, {row.table}, row {row.position + 1}", printed),
        ("our reading", _setup(row)),
        ("size", _size(row)),
        ("links", [(what, link or "(none)") for what, link in links]),
    ]
    if row.later is not None:
        sections.append(("editions", list(_editions_side_by_side(row, row.later))))
        source = zoo.sources[row.later.source]
        sections.append(
            (
                f"links of the later edition, {source.title}",
                [
                    ("checkpoint", row.later.checkpoint_url),
                    *_known_of_file(row.in_edition("later"), locked),
                    ("source", source.url),
                ],
            )
        )
    parts = [row.name, *(section(heading, pairs, width=17) for heading, pairs in sections)]
    if row.notes:
        parts.append("\n".join(["notes", *(f"  - {on_one_line(note)}" for note in row.notes)]))
    return "\n\n".join(parts)


def _known_of_file(row: Row, locked: Locked) -> Iterator[tuple[str, str]]:
    """Yield what a row's file has to be."""
    if row.checkpoint_url is None:
        return
    digits, entry = row.checkpoint_sha256_prefix, locked[row.edition]
    yield "SHA-256", f"begins with {digits} (32 bits: an accident is found, a forger not)"
    yield "locked", f"{entry.sha256} since {entry.locked_on}" if entry else "no"


def _size(row: Row) -> list[tuple[str, str]]:
    counted = complexity_of(row)
    if counted is None:
        return [("parameters", "not counted for this network and test")]
    pairs = [
        ("parameters", f"{counted.parameters / 1e6:.2f} M"),
        (
            "multiply-adds",
            f"{counted.multiply_adds / 1e9:.2f} G at {counted.describe_input()} (height x width)",
        ),
    ]
    return pairs + [("", line) for line in textwrap.wrap(CONVENTION, 79)]


def _printed_cell(column: str, text: str) -> str:
    if column in METRICS and text in NOT_PRINTED:
        return f"{text} (not documented)".lstrip()
    return text or "(blank)"


def _setup(row: Row) -> list[tuple[str, str]]:
    setup = row.setup
    return [
        ("task", row.task),
        ("architecture", setup.architecture),
        ("backbone", setup.backbone),
        ("data set", f"{setup.dataset}, {setup.num_classes} classes"),
        ("channel order", setup.normalisation.channel_order),
        *TASKS[row.task].describe(setup),
    ]


def _later_as_dict(later: LaterEdition) -> dict[str, object]:
    """Return a later edition for programs: documented values as numbers or None."""
    return {
        "source": later.source,
        "documented": {q: printed_number(text) for q, text in later.quantities.items()},
        "checkpoint_url": later.checkpoint_url,
        "checkpoint_sha256_prefix": later.checkpoint_sha256_prefix,
        "normalisation": later.normalisation.model_dump(mode="json"),
    }


def _editions_side_by_side(row: Row, later: LaterEdition) -> Iterator[tuple[str, str]]:
    """Yield lines of (quantity, README's and later text in columns), titles first."""
    lines = [("", "README", "later"), *_differences(row, later)]
    width = max(len(readme) for _, readme, _ in lines)
    for what, readme, published_later in lines:
        yield what, f"{readme:<{width}}  {published_later}"


def _differences(row: Row, later: LaterEdition) -> Iterator[tuple[str, str, str]]:
    for name, published_later in later.quantities.items():
        readme = row.text(name)
        if name in METRICS and (readme is not None or published_later is not None):
            yield METRICS[name].title, _documented(readme), _documented(published_later)
    fps = later.stated("fps")
    speed = "not documented" if fps is None else f"{fps} fps ({later.inference_ms} ms)"
    yield "speed", _documented(row.text("fps"), "fps"), speed
    ours, theirs = row.setup.normalisation, later.normalisation
    if ours != theirs:
        yield "channel order", ours.channel_order, theirs.channel_order
        for field in ("mean", "std"):
            mine, other = (", ".join(map(str, getattr(n, field))) for n in (ours, theirs))
            yield field, mine, other
    yield "checkpoint", *_files(row)


def _documented(text: str | None, unit: str = "") -> str:
    return "not documented" if text is None or text in NOT_PRINTED else f"{text} {unit}".rstrip()


def _files(row: Row) -> tuple[str, str]:
    """Return what tells the files apart: their names after the row's name, which both share."""
    later = row.in_edition("later")
    same = row.checkpoint_sha256_prefix == later.checkpoint_sha256_prefix
    readme, published_later = (
        f"..{r.checkpoint_file_name.removeprefix(r.name)}" for r in (row, later)
    )
    return readme if row.checkpoint_url else "(none)", "same file" if same else published_later
