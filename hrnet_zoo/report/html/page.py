"""Makes one HTML file of the page: templates, styles, scripts and the Vega runtime in one."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hrnet_zoo.report.html.content import Page

LARGEST_BYTES = 3_000_000
"""What the page may weigh."""

_STATIC = files(__package__).joinpath("static")
_END_OF_SCRIPT = re.compile(r"<(?=/script|!--|script)", re.IGNORECASE)


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
    environment.filters |= {"data_block": _data_block, "text": _text, "breakable": _breakable}
    text = environment.get_template("page.html").render(
        page=page,
        style=Markup(_static("page.css")),  # noqa: S704 - a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - likewise, and Vega's own
        policy=_policy(scripts),
    )
    # JSON can hold halves of surrogate pairs, which are no text in UTF-8.
    return text.encode("utf-8", errors="backslashreplace")


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


def _policy(scripts: Sequence[str]) -> str:
    """Return what the browser may do: run these scripts and no others, and fetch nothing."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
