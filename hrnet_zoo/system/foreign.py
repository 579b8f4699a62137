"""Text that somebody else wrote, for messages and tables."""

from __future__ import annotations

import re

# Control characters of C0 and C1, what separates lines or turns the direction of writing, and
# halves of characters, which no output can hold.
UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that are not seen themselves, and change what else is seen."""
_BREAKS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Where Python, too, sees the end of a line."""
_NUMBER = re.compile(r"[+-]\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LONGEST = 300
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def shown(text: object, longest: int = _LONGEST) -> str:
    r"""Return foreign text on one line: ``\n`` for a line break, ``\x1b`` for escape.

    Args:
        text: the text, or what has one: the name of a file, an error.
        longest: characters that are shown; "..." follows if there are more.
    """
    whole = str(text)
    # Not all of it is looked at: it may be as long as a file.
    seen = UNSEEN.sub(_seen, whole[:longest])
    return f"{seen[:longest]}..." if len(whole) > longest or len(seen) > longest else seen


def _seen(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or escape(found[0])


def on_one_line(text: str) -> str:
    r"""Return text of ours that may hold foreign text, with line breaks written as ``\n``."""
    return text if text.isprintable() else _BREAKS.sub(_seen, text)


def as_cell(value: object) -> object:
    """Return what stands for a value in a CSV file, so that spreadsheets take text for text.

    What begins with =, +, -, @, a tab or a line break and is no number gets an apostrophe before
    it, which spreadsheets do not show.

    Source:
        OWASP, CSV Injection.
    """
    if not isinstance(value, str) or len(value) < 2 or value[0] not in "=+-@\t\r\n":
        return value
    return value if _NUMBER.fullmatch(value) else f"'{value}"


def escape(character: str) -> str:
    r"""Return how a character that is not seen is written.

    Beyond the first 32, which JSON never holds as they are, this is JSON's own spelling, too.
    """
    code = ord(character)
    return f"\\x{code:02x}" if code < 32 else f"\\u{code:04x}"
