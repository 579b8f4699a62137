"""The READMEs' results tables as Markdown, with measured values where there are records."""

from __future__ import annotations

from hrnet_zoo.report.text import aligned
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.network_size import CONVENTION
from hrnet_zoo.verdicts.accuracy import Measured, compared_cells
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.printed import decimals_of
from hrnet_zoo.zoo.row import Row, Table
from hrnet_zoo.zoo.zoo import Zoo

_RIGHT = ("lr_schd",)
_LINKS = ("config", "download")
_SIZE_TITLES = ("Params (M)", "MACs (G)", "at (height x width)")


def render_tables(zoo: Zoo, measured: Measured, *, with_size: bool = False) -> dict[str, str]:
    """Return one Markdown text per source of tables: a heading and a table for each.

    Args:
        zoo: the tables and their rows.
        measured: what stands beside the printed numbers.
        with_size: whether the tables have columns that the READMEs do not have: parameters,
            multiply-adds and at which size of input; the text then ends with what is counted.
    """
    texts: dict[str, list[str]] = {table.source: [] for table in zoo.tables}
    for table in zoo.tables:
        markdown = render_table(table, zoo.rows_of(table), measured, with_size=with_size)
        texts[table.source].append(f"### {table.heading}\n\n{markdown}\n")
    if with_size:
        for parts in texts.values():
            parts.append(f"MACs: {CONVENTION}\n")
    return {source: "\n".join(parts) for source, parts in texts.items()}


def render_table(
    table: Table, rows: list[Row], measured: Measured, *, with_size: bool = False
) -> str:
    """Return one table with its printed columns; every measured metric adds two beside its own."""
    shown = {m for m in METRICS if any((row.name, m) in measured for row in rows)}
    titles: list[str] = []
    align = ""
    for title, column in table.columns.items():
        added = [f"{title} measured", f"{title} delta"] if column in shown else []
        titles += [title, *added]
        align += ("r" if column in METRICS or column in _RIGHT else "l") + "r" * len(added)
    cells = [
        [cell for column in table.columns.values() for cell in _cells(row, column, shown, measured)]
        for row in rows
    ]
    if with_size:
        # Before the links, which come last: behind those nobody would look for numbers.
        place = len(titles) - sum(column in _LINKS for column in table.columns.values())
        titles[place:place] = _SIZE_TITLES
        align = f"{align[:place]}{'r' * len(_SIZE_TITLES)}{align[place:]}"
        for row, line in zip(rows, cells, strict=True):
            line[place:place] = _size_cells(row)
    return aligned(titles, cells, align, form="pipe")


def _cells(row: Row, column: str, shown: set[str], measured: Measured) -> list[str]:
    """Return a column's cell and, where the metric was measured in this table, two more."""
    if column == "config":
        return [f"[config]({row.config_url})" if row.config_url else ""]
    if column == "download":
        links = {"model": row.checkpoint_url, "log": row.log_url}
        return [" &#124; ".join(f"[{text}]({url})" for text, url in links.items() if url)]
    printed = row.text(column) or ""
    if column not in shown:
        return [printed]
    judgement = measured.get((row.name, column))
    if judgement is None or judgement.documented is None or judgement.delta is None:
        return [printed, "", ""]
    return [printed, *compared_cells(judgement, decimals_of(judgement.documented))]


def _size_cells(row: Row) -> list[str]:
    counted = complexity_of(row)
    if counted is None:
        return ["" for _ in _SIZE_TITLES]
    return [
        f"{counted.parameters / 1e6:.2f}",
        f"{counted.multiply_adds / 1e9:.2f}",
        counted.describe_input(),
    ]
