"""The page: all that is on it, and one HTML file of it with templates, styles and scripts."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hrnet_zoo.report.html.charts import chart_figures
from hrnet_zoo.report.html.details import (
    ShownRecord,
    class_tables,
    facts_of,
    links_of,
    shown_records,
    spark,
    thinned,
)
from hrnet_zoo.report.html.gathering import (
    Claim,
    ClaimRun,
    Gathered,
    Speed,
    UnusableFile,
    verdict_counts,
)
from hrnet_zoo.report.html.wording import MEANINGS, clipped, interval_text, moment
from hrnet_zoo.report.html.worst import WorstPicture, worst_pictures
from hrnet_zoo.report.judgements import measured_cells
from hrnet_zoo.report.text import metric_title, or_dash
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row

LARGEST_BYTES = 3_000_000
"""What the page may weigh."""

_STATIC = files(__package__).joinpath("static")
_END_OF_SCRIPT = re.compile(r"<(?=/script|!--|script)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """Something wrong in a document itself, whatever was measured."""

    code: str
    """Stable name of the kind of finding."""
    severity: str
    meaning: str
    """Of the code, in words."""
    line: int
    """Of the document, from 1."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that is on the page, before it becomes HTML."""

    made_at: datetime
    version: str
    gathered: Gathered
    records: dict[str, ShownRecord]
    """By path."""
    pictures: list[WorstPicture]
    num_pictures_left_out: int
    problems: list[UnusableFile]
    errata: list[Erratum] | None
    """None: nobody looked for any."""

    def id_of(self, run: ClaimRun | Speed | None) -> str | None:
        """Return the id of a record on the page, if it is there."""
        shown = self.records.get(run.path) if run else None
        return shown.id if shown else None


def page_of(
    gathered: Gathered, *, made_at: datetime, version: str, errata: list[Erratum] | None = None
) -> Page:
    """Return what the page says of a zoo and its records."""
    worst = worst_pictures(gathered.folder, gathered.claims)
    return Page(
        made_at=made_at,
        version=version,
        gathered=gathered,
        records=shown_records(gathered),
        pictures=worst.pictures,
        num_pictures_left_out=worst.num_left_out,
        problems=gathered.problems + worst.problems,
        errata=errata,
    )


def render_within(page: Page, vega: str, largest: int = LARGEST_BYTES) -> bytes:
    """Return the page as UTF-8, with fewer pictures of worst images if it would be too large.

    It can still be larger, if it is so without any picture.
    """
    content = render(page, vega)
    excess, pictures = len(content) - largest, list(page.pictures)
    while excess > 0 and pictures:
        # Names begin with the place: the worst image of each row goes last.
        least_bad = max(pictures, key=lambda picture: picture.image)
        pictures.remove(least_bad)
        excess -= len(least_bad.uri)
    removed = len(page.pictures) - len(pictures)
    if not removed:
        return content
    left_out = page.num_pictures_left_out + removed
    return render(replace(page, pictures=pictures, num_pictures_left_out=left_out), vega)


def render(page: Page, vega: str) -> bytes:
    """Return the page as UTF-8; it needs no other file and asks no server for anything.

    Args:
        page: what is on it.
        vega: the script that draws charts, from `vega_runtime`.
    """
    scripts = [_as_script(vega), _as_script(_static("page.js"))]
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= _FILTERS
    zoo, claims = page.gathered.zoo, page.gathered.claims
    text = environment.get_template("page.html").render(
        page=page,
        counts=verdict_counts(claims),
        datasets=list(dict.fromkeys(row.setup.dataset for row in zoo.rows)),
        lines=_lines(claims),
        groups=[_titles(claims, apart=apart) for apart in (False, True)],
        charts=chart_figures(page.gathered),
        class_tables=class_tables(claims),
        claims_of={row.name: [c for c in claims if c.row.name == row.name] for row in zoo.rows},
        meanings=MEANINGS,
        style=Markup(_static("page.css")),  # noqa: S704 - a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - likewise, and Vega's own
        policy=_policy(scripts),
    )
    # JSON can hold halves of surrogate pairs, which UTF-8 cannot.
    return text.encode("utf-8", errors="backslashreplace")


def _lines(claims: Iterable[Claim]) -> list[tuple[Row, list[Claim | None]]]:
    """Return each row, as an edition documents it, with what stands in its two groups of columns.

    That is its first accuracy, then the one that is told apart from it.
    """
    lines = []
    for _, group in groupby(claims, key=lambda claim: (claim.row.name, claim.row.edition)):
        of_row = list(group)
        accuracies = [claim for claim in of_row if METRICS[claim.metric].is_accuracy]
        by_place = {bool(METRICS[claim.metric].apart): claim for claim in accuracies}
        lines.append((of_row[0].row, [by_place.get(False), by_place.get(True)]))
    return lines


def _titles(claims: Iterable[Claim], *, apart: bool) -> str:
    """Return what one of the two groups of columns holds: "mIoU or box AP"."""
    metrics = [METRICS[name] for name in dict.fromkeys(claim.metric for claim in claims)]
    titles = [m.title for m in metrics if m.is_accuracy and bool(m.apart) == apart]
    return " or ".join(titles) or "-"


def _static(name: str) -> str:
    return _STATIC.joinpath(name).read_text(encoding="utf-8")


def _as_script(text: str) -> str:
    """Return JavaScript that no HTML parser ends early: "</script" only stands in its strings."""
    return _END_OF_SCRIPT.sub(r"\\x3c", text)


def _data_block(content: object) -> Markup:
    """Return a value as JSON that may stand in a <script>; it can neither end nor begin one."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing that HTML reads is left in it


def _text(text: str) -> Markup:
    """Return a text for the inside of an element, where quotes need not become five letters."""
    return Markup(html.escape(text, quote=False))  # noqa: S704 - nothing that HTML reads is left


def _breakable(name: str) -> Markup:
    """Return a name that may go on in the next line after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))


_FILTERS: dict[str, Callable[..., object]] = {
    "breakable": _breakable,
    "cells": measured_cells,
    "clipped": clipped,
    "data_block": _data_block,
    "facts": facts_of,
    "interval": interval_text,
    "links": links_of,
    "metric_title": metric_title,
    "moment": moment,
    "or_dash": or_dash,
    "size": complexity_of,
    "spark": spark,
    "text": _text,
    "thinned": thinned,
}


def _policy(scripts: Sequence[str]) -> str:
    """Return what the browser may do: run these scripts and no others, and fetch nothing.

    Should a string ever slip past the templates' escaping, it is still inert. Vega's expressions
    therefore run in its interpreter (page.js).
    """
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
