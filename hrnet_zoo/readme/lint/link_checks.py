"""3xx: whether links lead somewhere, and to this row's own files."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hrnet_zoo.readme.lint.document import Document, Finding, Patch, Spot, TableRow
from hrnet_zoo.readme.names import checkpoint_stem, log_name
from hrnet_zoo.weights.download import RETIRED_HOSTS
from hrnet_zoo.weights.file_name import promised_sha256


def check_links(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with links and with the names of what they lead to."""
    for link in document.links:
        yield from _host(link)
    yield from _shared("HZ304", "log", [row.log for row in document.rows])
    yield from _shared("HZ305", "checkpoint", [row.checkpoint for row in document.rows])
    for row in document.rows:
        if row.checkpoint is None:
            continue
        if promised_sha256(row.checkpoint.file_name) is None:
            message = (
                f"{row.checkpoint.file_name} does not end in the first 8 digits of its SHA-256, "
                'as in "-0123abcd.pth": nobody can tell whether it was changed'
            )
            yield Finding(code="HZ306", spot=row.checkpoint, message=message)
        yield from _log(row, row.checkpoint)


def _host(link: Spot) -> Iterator[Finding]:
    try:
        host = urlsplit(link.text).hostname or ""
    except ValueError:
        return  # no address at all
    new = RETIRED_HOSTS.get(host)
    if new is None:
        return
    message = f"{host} is retired; the same path is at {new}"
    end = link.text.lower().index(host) + len(host)
    patch = Patch(spot=link.part(0, end), new=new, is_safe=True)
    yield Finding(code="HZ301", spot=link, message=message, patch=patch)


def _shared(code: str, what: str, links: list[Spot | None]) -> Iterator[Finding]:
    seen: dict[str, Spot] = {}
    for link in links:
        if link is None:
            continue
        first = seen.setdefault(_file(link), link)
        if first is not link:
            message = f"the {what} {link.file_name} is also linked in line {first.line}"
            yield Finding(code=code, spot=link, message=message)


def _file(link: Spot) -> str:
    """Return what tells a file from others: its name, on whichever host, if that has a stamp."""
    name = link.file_name
    is_stamped = promised_sha256(name) is not None or log_name(name) is not None
    return name if is_stamped else link.text


def _log(row: TableRow, checkpoint: Spot) -> Iterator[Finding]:
    if row.log is None:
        return
    name = row.log.file_name
    stem = checkpoint_stem(checkpoint.file_name)
    parts = log_name(name)
    if parts is None and not name.startswith(stem):
        message = f"the log {name} is not named after its checkpoint, {checkpoint.file_name}"
        yield Finding(code="HZ303", spot=row.log, message=message)
    elif parts is None:
        message = f'the log {name} is not named as usual, "{stem}_<date>_<time>.log.json"'
        yield Finding(code="HZ302", spot=row.log, message=message)
    elif parts.stem != stem:
        message = f"the log is of {parts.stem}, the checkpoint of {stem}"
        yield Finding(code="HZ303", spot=row.log, message=message)
    elif parts.separator != "_":
        usual = name.replace(f"{stem}{parts.separator}", f"{stem}_", 1)
        message = (
            f'the log {name} has "{parts.separator}" before its time, its checkpoint "_"; rename '
            "the file before the link"
        )
        # Not safe: the link would lead nowhere until the file is renamed.
        at = row.log.text.index(name)
        patch = Patch(spot=row.log.part(at, at + len(name)), new=usual, is_safe=False)
        yield Finding(code="HZ302", spot=row.log, message=message, patch=patch)
