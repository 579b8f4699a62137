"""5xx: whether printed numbers fit what is known of the network."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, Patch, TableRow
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.printed import decimals_of

_CLEARLY_MORE = 1.1
"""Ratio of multiply-adds from which on a network should be slower."""


def check_networks(document: Document) -> Iterator[Finding]:
    """Yield speeds and sizes that do not fit the networks."""
    for table in document.tables:
        yield from _order(table)
        for row in table.rows:
            yield from _parameters(row)


def _order(table: LintTable) -> Iterator[Finding]:
    """Yield the networks that are documented as faster than one that computes clearly less.

    Rows of one network are taken together, as the median of their fps: they differ by chance.
    """
    networks: dict[int, list[tuple[TableRow, float]]] = {}
    for row in table.rows:
        counted = complexity_of(row.row) if row.row else None
        fps = row.readable("fps")
        if counted is not None and fps is not None:
            networks.setdefault(counted.multiply_adds, []).append((row, float(fps)))
    speeds = {adds: median(fps for _, fps in rows) for adds, rows in networks.items()}
    for adds, rows in networks.items():
        lighter = [other for other in speeds if adds > _CLEARLY_MORE * other]
        slower = [other for other in lighter if speeds[other] < speeds[adds]]
        if not slower:
            continue
        slowest = min(slower, key=lambda other: speeds[other])
        first, other = rows[0][0], networks[slowest][0][0]
        message = (
            f"{first.text('backbone')} computes {adds / slowest:.2f} times as much as "
            f"{other.text('backbone')}, line {other.place.line}, but is documented as faster: "
            f"{speeds[adds]:g} against {speeds[slowest]:g} fps"
        )
        yield Finding(code="HZ501", spot=first.spot("fps"), message=message)


def _parameters(row: TableRow) -> Iterator[Finding]:
    counted = complexity_of(row.row) if row.row else None
    printed = row.readable("params_m")
    if printed is None or counted is None:
        return
    decimals = decimals_of(printed)
    right = f"{counted.parameters / 1e6:.{decimals}f}"
    # A whole unit of the last digit: others may count the statistics of BatchNorm, or truncate.
    if abs(float(printed) - counted.parameters / 1e6) > max(10**-decimals, 0.01 * float(printed)):
        cell = row.spot("params_m")
        at = cell.text.index(str(printed))
        spot = cell.part(at, at + len(str(printed)))
        message = f"{printed} M parameters; the network has {right} M"
        patch = Patch(spot=spot, new=right, is_safe=False)
        yield Finding(code="HZ502", spot=spot, message=message, patch=patch)
