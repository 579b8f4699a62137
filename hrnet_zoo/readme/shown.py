"""What happens to a README, for people and for programs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict

from hrnet_zoo.readme.markdown import split_lines
from hrnet_zoo.readme.plan import Change, Columns
from hrnet_zoo.readme.update import Update


def unified_diff(update: Update, name: str) -> str:
    """Return the difference as a patch; empty if there is none."""
    old, new = split_lines(update.old), split_lines(update.new)
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    whole = (
        f"{line}\n\\ No newline at end of file\n" if _is_open(line) else line for line in lines
    )
    return "".join(whole)


def changes_as_text(update: Update, name: str) -> list[str]:
    """Return one line for each change: where, and from what to what."""
    return [f"{name}:{change.line}: {_describe(change)}" for change in update.changes]


def remarks(update: Update, name: str, columns: Columns) -> Iterator[str]:
    """Yield what was left as it is, and why."""
    for unknown in update.unknown:
        yield f"{name}:{unknown.line.number}: left as it is: {unknown.reason}."
    if columns != "documented" and update.num_unmeasured:
        yield (
            f"{update.num_unmeasured} of {update.num_documented} documented values have no full, "
            "comparable measurement; their cells stay as they are."
        )


def summary(update: Update, name: str, *, written: bool) -> str:
    """Return in one sentence what was found and done."""
    rows = f"{update.num_rows} rows in {update.num_tables} tables"
    if not update.changes:
        return f"{name}: {rows}; nothing to change"
    count = f"{len(update.changes)} change{'s' if len(update.changes) > 1 else ''}"
    return f"{name}: {rows}; {count} {'made' if written else 'to make'}"


def update_as_json(update: Update, name: str, columns: Columns, *, written: bool) -> str:
    """Return all of it as one JSON object."""
    content = {
        "file": name,
        "columns": columns,
        "written": written,
        "rows": update.num_rows,
        "changes": [asdict(change) for change in update.changes],
        "unknown": [{"line": u.line.number, "reason": u.reason} for u in update.unknown],
        "documented_values": update.num_documented,
        "unmeasured_values": update.num_unmeasured,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _is_open(line: str) -> bool:
    return not line.endswith(("\n", "\r"))


def _describe(change: Change) -> str:
    if change.old is None:
        return f'column "{change.column}" is added, {change.new} filled'
    if change.new is None:
        return f'column "{change.column}" is removed, {change.old} filled'
    return f'{change.column} of {change.row}: "{change.old}" becomes "{change.new}"'
