"""Workflow commands, by which a job's output becomes annotations on GitHub."""

from __future__ import annotations

# The percent sign comes first, or it would be escaped twice.
_IN_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_DATA, ":": "%3A", ",": "%2C"}


def command(level: str, message: str, **properties: str) -> str:
    """Return a workflow command.

    Args:
        level: "error", "warning" or "notice".
        message: may have several lines.
        properties: title, file, line and col, as far as they are known.

    Source:
        actions/toolkit, packages/core/src/command.ts, escapeData and escapeProperty.
    """
    listed = ",".join(f"{key}={_escaped(text, _IN_PROPERTIES)}" for key, text in properties.items())
    return f"::{level} {listed}::{_escaped(message, _IN_DATA)}"


def _escaped(text: str, codes: dict[str, str]) -> str:
    for character, code in codes.items():
        text = text.replace(character, code)
    return text
