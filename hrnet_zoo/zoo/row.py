"""What a row of a results table is: what the source prints, beside our reading of it.

A row is complete in itself: nothing is inherited from another row. This module is the shape of the
manifest; it does not know YAML, files on disk, models or records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    PrivateAttr,
    SerializeAsAny,
    StringConstraints,
    create_model,
)
from pydantic_core import PydanticCustomError

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.setup import Setup
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import LABELS, titles_of_columns
from hrnet_zoo.zoo.printed import printed_number

EditionName = Literal["readme", "later"]
EDITIONS: tuple[EditionName, ...] = ("readme", "later")
"""What is claimed of a row: by the README's table, or by what upstream published later."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]


class Source(Strict):
    """A document the manifest quotes: a README with its tables, or a later metafile."""

    title: str
    """Heading of the README, or what the document is."""
    url: str
    """Where the document is published."""


def _one_of(what: str, known: Callable[[], Iterable[str]]) -> AfterValidator:
    """Return the check that a text is one of those that are known: a program may add some."""

    def check(name: str) -> str:
        if name not in known():
            close = did_you_mean(name, known()) or f" There are: {', '.join(known())}."
            msg = f"not a {what}.{close.removesuffix('.')}"
            raise PydanticCustomError("not_known", "{msg}", {"msg": msg})
        return name

    return AfterValidator(check)


class Table(Strict):
    """One results table of a README."""

    source: str
    """Key of the README in `sources`."""
    heading: str
    """The heading above the table, as printed."""
    task: Annotated[str, _one_of("task", lambda: TASKS)]
    """What the models of the table do."""
    columns: dict[str, Annotated[str, _one_of("column", titles_of_columns)]]
    """Column titles as printed, left to right, and what each holds; see zoo/columns.py."""


def _without_nulls(cells: object) -> object:
    # Manifests used to write null for each column that a table lacks.
    if not isinstance(cells, dict):
        return cells
    return {column: text for column, text in cells.items() if text is not None}


Printed = Annotated[
    dict[str, str],
    BeforeValidator(_without_nulls, json_schema_input_type=dict[str, str | None]),
]
"""The cells of one row, character for character: column -> text, without the links.

Numbers are text on purpose: "78.80" is not "78.8", and "-" or "" is not 0.
"""


class LaterEdition(Strict):
    """What upstream published later for a row's configuration; its numbers are text, too.

    Network, test scale and thresholds are the row's own. Null is what the source does not state.
    """

    source: str
    """Key of the document in `sources`."""
    checkpoint_url: str
    """Weights, as linked; often, but not always, the very file that the README links."""
    train_memory_gb: str | None
    """Training memory per GPU."""
    box_ap: str | None
    """COCO box AP, percent."""
    mask_ap: str | None
    """COCO mask AP, percent."""
    inference_ms: str | None
    """Milliseconds per image at inference; the README prints images per second instead."""
    normalisation: Normalisation
    """What goes with that file; it need not be the normalisation of the README's file."""

    @property
    def quantities(self) -> dict[str, str | None]:
        """Return what it can state, as text: metrics by their names, and milliseconds."""
        others = ("source", "checkpoint_url", "normalisation")
        return {name: value for name, value in self if name not in others}

    @property
    def numbers(self) -> dict[str, str]:
        """Return what it states of the row's metrics; milliseconds are of no metric."""
        return {q: text for q, text in self.quantities.items() if q in METRICS and text is not None}

    def stated(self, metric: str, decimals: int = 1) -> str | None:
        """Return what it states of a metric, or None if nothing.

        Args:
            metric: its name.
            decimals: of images per second, which are computed: 1000 / `inference_ms`.
        """
        ms = printed_number(self.inference_ms)
        if metric == "fps" and ms is not None:
            return str(round(1000 / ms, decimals))
        return self.numbers.get(metric)

    @property
    def checkpoint_sha256_prefix(self) -> str | None:
        """Return the first 8 hex digits of the SHA-256 that the checkpoint's file name promises."""
        return promised_sha256(link_file_name(self.checkpoint_url))


class Row(Strict):
    """One row of a results table: the quotation, the links, and our reading beside them."""

    name: Name
    """Stem of the upstream config; the checkpoint's file name begins with it."""
    source: str
    """Key of the README in `sources`."""
    table: str
    """Heading of the table the row stands in."""
    position: Annotated[int, Field(ge=0)]
    """Place of the row in that table, from 0."""
    method: str
    """The method by its printed name, from the row or, lacking such a column, the heading."""
    printed: Printed
    """The row's cells, quoted: one for each column of its table that does not hold links."""
    config_url: str | None
    """Training configuration, where the row links one."""
    checkpoint_url: str | None
    """Weights, as linked; null for a blank row. A relative path is relative to the manifest."""
    log_url: str | None
    """Training log, as linked."""
    setup: SerializeAsAny[Setup]
    """Our understanding of the row, from upstream's configuration."""
    later: LaterEdition | None = None
    """What upstream published later for the same configuration; null if nothing."""
    notes: list[str] = Field(default_factory=list)
    """Oddities worth knowing when reading the number."""
    _readme: Row | None = PrivateAttr(default=None)
    """In a later edition, the row of the README it was made from; see `in_edition`."""

    @property
    def task(self) -> str:
        """Return the name of its task in `TASKS`."""
        return self.setup.task

    def text(self, column: str) -> str | None:
        """Return the cell of a column as printed, or None where the table has no such column."""
        return self.printed.get(column)

    def documented(self, metric: str) -> Decimal | None:
        """Return the documented value with its printed decimals, or None where none is printed."""
        return printed_number(self.text(metric))

    @property
    def checkpoint_sha256_prefix(self) -> str | None:
        """Return the first 8 hex digits of the SHA-256 that the checkpoint's file name promises."""
        return promised_sha256(self.checkpoint_file_name)

    @property
    def checkpoint_file_name(self) -> str:
        """Return the file name in the checkpoint link, or an empty string for a blank row."""
        return link_file_name(self.checkpoint_url or "")

    @property
    def edition(self) -> EditionName:
        """Return which claim this row makes."""
        return "readme" if self._readme is None else "later"

    @property
    def editions(self) -> tuple[Row, ...]:
        """Return this row as each edition claims it, the README's first."""
        return tuple(self.in_edition(name) for name in EDITIONS if name == "readme" or self.later)

    def in_edition(self, name: EditionName) -> Row:
        """Return this row as the edition called ``name`` claims it.

        It is a row like any other: what fetches, loads, measures and judges rows need not know
        that there are editions.

        Raises:
            UsageError: the row has no such edition.
        """
        if name not in EDITIONS:
            msg = f'"{name}" is not an edition; there are: {", ".join(EDITIONS)}.'
            raise UsageError(msg)
        if name == self.edition:
            return self
        if self._readme is not None:
            return self._readme
        if self.later is None:
            msg = (
                f"{self.name} has no later edition: nothing was published for it after the README, "
                'as far as the manifest knows. Leave out "--edition later".'
            )
            raise UsageError(msg)
        return self._as_published_later(self.later)

    def _as_published_later(self, later: LaterEdition) -> Row:
        # No number of the README stays: an fps beside milliseconds would be another protocol's.
        labels = {column: text for column, text in self.printed.items() if column in LABELS}
        row = self.model_copy(
            update={
                "printed": labels | later.numbers,
                "checkpoint_url": later.checkpoint_url,
                "log_url": None,
                "setup": self.setup.model_copy(update={"normalisation": later.normalisation}),
            }
        )
        row._readme = self
        return row

    def editions_of(self, sha256: str) -> tuple[EditionName, ...]:
        """Return the editions of this row that promise a file of this SHA-256: none, one or both.

        Args:
            sha256: of a whole file, 64 hex digits.
        """
        readme = self._readme or self
        promised: dict[EditionName, str | None] = {
            "readme": readme.checkpoint_sha256_prefix,
            "later": self.later.checkpoint_sha256_prefix if self.later else None,
        }
        return tuple(
            name for name, prefix in promised.items() if prefix and sha256.startswith(prefix)
        )


class Manifest(Strict):
    """The manifest file as a whole."""

    schema_version: Literal[1]
    sources: dict[str, Source]
    tables: list[Table]
    rows: list[Row]


_SETUP_KEYS = AliasChoices("setup", "reading")
"""What manifests call a row's setup; the second is how they spelt it before version 0.2."""


def manifest_type() -> type[Manifest]:
    """Return the manifest whose rows are set up for one of `TASKS`, told apart by architecture."""
    return _manifest_of(tuple(task.setup for task in TASKS.values()))


@cache  # rows of two manifests can only be equal if they are of one type
def _manifest_of(setups: tuple[type[Setup], ...]) -> type[Manifest]:
    setup: Any = Union[setups]  # noqa: UP007 - from a table
    row: Any = create_model(
        "Row",
        __base__=Row,
        setup=(
            setup,
            Field(
                discriminator="architecture",
                validation_alias=_SETUP_KEYS,
                description="Our understanding of the row, from upstream's configuration.",
            ),
        ),
    )
    return create_model("Manifest", __base__=Manifest, rows=(list[row], ...))
