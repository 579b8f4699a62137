"""One way to write a value as JSON, so that its digest depends on nothing but the value."""

from __future__ import annotations

import hashlib
import json


def canonical_json(value: object) -> bytes:
    """Return a JSON value in UTF-8: keys in order, no spaces, numbers as Python's `repr` has them.

    Raises:
        ValueError: there is no such JSON: a number is not finite, or a text is half a character.
    """
    form = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    return json.dumps(value, **form, allow_nan=False).encode()  # type: ignore[arg-type]


def digest_of_json(value: object) -> str:
    """Return the SHA-256 of a JSON value as `canonical_json` writes it."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
