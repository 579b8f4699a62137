"""hrnet-zoo records: the records in a folder, listed, shown, checked, indexed and pruned."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import COUNT, PATH, RECORDS, format_option, loaded_zoo, records_option
from hrnet_zoo.cli.terminal import complain, echo

if TYPE_CHECKING:
    from hrnet_zoo.records.base import Status
    from hrnet_zoo.records.runs import Store
    from hrnet_zoo.zoo.zoo import Zoo

_STATUSES = ("started", "completed", "not_run", "error", "interrupted")
_AGE = re.compile(r"(\d{1,6})([dh])", re.ASCII)


def _parse_since(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> datetime | None:
    """Read "2026-01-31", "2026-01-31T12:00" (UTC, unless it says otherwise), "7d" or "12h"."""
    if value is None:
        return None
    age = _AGE.fullmatch(value)
    try:
        if age is not None:
            span = {"d": timedelta(days=1), "h": timedelta(hours=1)}[age[2]]
            return datetime.now(UTC) - int(age[1]) * span
        since = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        msg = f'"{value}" is not a time; write e.g. 2026-01-31, 2026-01-31T12:00, 7d or 12h.'
        raise click.BadParameter(msg) from None
    return since if since.tzinfo else since.replace(tzinfo=UTC)


@click.group()
def records() -> None:
    """List, show, check, index and delete records of runs."""


@records.command("list")
@click.argument("patterns", nargs=-1, metavar="[ROW]...")
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs that ended like this.")
@click.option(
    "--since",
    metavar="TIME",
    callback=_parse_since,
    help="Only runs that began then or later: 2026-01-31, 2026-01-31T12:00 (UTC), 7d or 12h ago.",
)
@records_option
@format_option("table", "json")
def list_records(
    patterns: tuple[str, ...],
    status: Status | None,
    since: datetime | None,
    folder: Path,
    form: str,
) -> int:
    """List the runs in a folder, newest first.

    ROW may contain "*" and "?", and several may be given. Files that are not records are named on
    standard error, and the exit code is 3 then.
    """
    from hrnet_zoo.records.runs import open_store
    from hrnet_zoo.report.runs import runs_as_json, runs_as_text

    store = open_store(folder)
    runs = store.select(patterns, status, since)
    echo(runs_as_json(runs) if form == "json" else runs_as_text(runs))
    return _name_damaged(store)


@records.command("show")
@click.argument("name", metavar="FILE|ROW")
@records_option
@format_option("text", "json")
@loaded_zoo
def show_record(name: str, folder: Path, form: str, zoo: Zoo) -> None:
    """Show one run with the verdicts on it.

    FILE may be as "records list" prints it; of a ROW, its newest run is shown.
    """
    from hrnet_zoo.records.files import read_record
    from hrnet_zoo.records.runs import open_store
    from hrnet_zoo.report.runs import record_as_json, record_as_text

    found = [path for path in (Path(name), folder / name) if path.is_file()]
    path = found[0] if found else folder / open_store(folder).newest(name).file
    render = record_as_json if form == "json" else record_as_text
    echo(render(zoo, read_record(path), path))


@records.command()
@click.argument("place", metavar="[FILE|FOLDER]", type=PATH, required=False)
@format_option("text", "json")
@loaded_zoo
def check(place: Path | None, form: str, zoo: Zoo) -> int:
    """Recompute records from their images files.

    Every contradiction between a record and its images file, and within a record, is named. Damage
    and edits are found; somebody who writes both files anew is not. FOLDER is the usual one, unless
    it is given. Exit code: 0 if records were checked and nothing contradicts, 1 if something does,
    3 if there was nothing to check or it cannot be read or recomputed.
    """
    from hrnet_zoo.report.checks import checked_records, checks_as_json, checks_as_text, exit_code

    place = place or RECORDS
    if not place.exists():
        msg = f"There is no file or folder {place}; name what verify wrote."
        raise click.UsageError(msg)
    checks = checked_records(zoo, place)
    echo(checks_as_json(checks) if form == "json" else checks_as_text(checks))
    return exit_code(checks)


@records.command()
@records_option
def index(folder: Path) -> int:
    """Write index.json, for fast lists.

    It is a cache: lists are the same without it, and files that changed since are read anyway.
    """
    from hrnet_zoo.records.runs import index_file, rebuild_index

    if not folder.is_dir():
        echo(f"0 runs: there is no folder {folder}, so there is nothing to index.")
        return 0
    store = rebuild_index(folder)
    echo(f"{index_file(folder)}: {len(store.runs)} runs")
    return _name_damaged(store)


@records.command()
@click.option(
    "--keep",
    type=COUNT,
    required=True,
    help="Newest runs that stay, of each row, edition and command.",
)
@click.option("--yes", is_flag=True, help="Delete; without it, only say what would go.")
@records_option
def prune(keep: int, yes: bool, folder: Path) -> int:
    """Delete old runs and their files.

    The newest completed run of each row, edition and command stays, as does the newest over most
    images of every metric or variant on every device, every run that may be going on, and every
    file that is not a record.
    """
    from hrnet_zoo.records.files import now
    from hrnet_zoo.records.prune import delete, superfluous
    from hrnet_zoo.records.runs import index_file, open_store, write_index
    from hrnet_zoo.report.runs import doomed_as_text, freed_as_text

    store = open_store(folder)
    doomed = superfluous(store, keep, now())
    if doomed:
        echo(doomed_as_text(doomed))
    if yes:
        echo(f"deleted: {freed_as_text(len(doomed), delete(doomed))}")
        if index_file(folder).exists():
            write_index(open_store(folder))
    else:
        size = sum(one.size_bytes for one in doomed)
        echo(f"would go: {freed_as_text(len(doomed), size)}; delete with --yes")
    return _name_damaged(store)


def _name_damaged(store: Store) -> int:
    """Name the files that are not records, and return the exit code."""
    for message in store.damaged:
        complain(message)
    return 3 if store.damaged else 0
