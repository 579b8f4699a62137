"""Strategies from a sound file to what a stranger, a bad disk or a joker makes of it."""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import yaml
from hostile.case import Mutation
from hypothesis import strategies as st

T = TypeVar("T")

TEXTS = (
    "", " ", ".", "..", "../../../etc/passwd", "/etc/passwd", "~nobody/x", "a/b\\c", "NUL",
    "a\x00b", "\x1b[31mred\x1b[0m\x1b]0;title\x07", "one\ntwo", "a\n::error::hostile",
    "::error file=x::hostile", "##[error]hostile", "\r::set-output name=x::hostile", "\u202eback",
    "\u2028line", "\x85next", "\ud800", "\udcff.pth", "\ufeff", "é" * 300, "A" * 100_000, "=1+1",
    "@SUM(A1)", "<script>", "| x | y |", "[x](y)", "`", "%s%n", "{0}", "$(id)", "`id`", "nan",
    "inf", "1e999", "-1", "9" * 5000, "1_0", "٣", "2020-99-99", "0x10", "!!int", "http://[::1",
    "file:///x", "http://u:secret@127.0.0.1:1/x.pth", "ftp://127.0.0.1:1/x", "\\\\host\\x", "-rf",
    "--help", "con", "null", "true", "W" * 260, "x-0123abcd.pth", "x_20200101-0123abcd.pth",
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
)  # fmt: skip
"""Strings that mean something to somebody."""

VALUES = (
    "null", "true", "false", "0", "-0", "1", "-1", "0.5", "1e999", "-1e999", "NaN", "Infinity",
    "-Infinity", "1e308", "5e-324", "255", "256", "65536", "2147483647", "2147483648",
    "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
    "1" + "0" * 400, "9" * 5000, "[]", "{}", "[[]]", "[null]", "[0]", "[1, 2]", "[-1, 1e999]",
    '{"a": 1, "a": 2}', '{"": ""}', "[" * 60 + "]" * 60, "[" * 100_000 + "]" * 100_000,
    '{"a":' * 2000 + "1" + "}" * 2000, "[" + "0," * 30_000 + "0]", *map(json.dumps, TEXTS),
)  # fmt: skip
"""JSON texts of what nobody expects, and of limits."""

YAML_VALUES = (
    '!!int ""', "!!timestamp x", "!!float x", "!!bool maybe", "!!binary =", "!!null x", "!!set [1]",
    "!!omap [1]", "!!python/object/apply:os.system [touch executed]", "!!python/name:os.system",
    "&a [*a]", "*nowhere", "&a {<<: *a}", "<<: 1", "2020-99-99", "2020-01-01T99:99:99Z", "0o9",
    "1:99:99", "0b", "1__0", ".inf", "-.inf", ".nan", "? a", "|", ">", "'", '"', "[", "{", "%TAG",
    "!<x> y", "@", "\t", "---", "...", "!!str", "0x", "1e5", "~", "yes", "=", "!!merge x",
    "&a ['" + "x" * 50 + "', *a]", "{[a]: b}", "{{a: b}: c}", "? [a]\n: b",
)  # fmt: skip
"""YAML of the kind that its libraries stumble over."""

PIECES = (
    "|", "||", "\\|", "\n|-|-|\n", "\n\n", "\r", "\x00", "\u2028", "**", "`", "<table>", "</table>",
    "<tr>", "<td>", "</td>", "<th colspan=9999>", '<td rowspan="0">', '<td rowspan="99999999">',
    "<!--", "-->", "<", "&#0;", "&#x110000;", "&nbsp;", "<h2>", "[x][y]", "\n[x]: y.pth\n", "](",
    "[" * 2000, "](" * 2000, "![" * 2000, "_" * 5000, "*" * 5000, "`" * 5000, "> " * 500, "```\n",
    "# ", "### 2020-99-99\n", "    ", "%", "-", ": ", "{", "²", "٣", "https://[", ".pth", "mIoU",
    "box AP", "[m](http://[::1/x.pth)", "- -", "a" * 40_000, "| a " * 5000, *TEXTS,
)  # fmt: skip
"""Parts of Markdown and HTML."""

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40)
"""Sizes and counts that a binary file may declare."""


def strategy(change: Callable[[st.DrawFn, bytes], bytes]) -> Mutation:
    """Make a mutation of a function that draws; unlike `composite`, it writes no content out."""

    def of(content: bytes) -> st.SearchStrategy[bytes]:
        @st.composite
        def changed(draw: st.DrawFn) -> bytes:
            return change(draw, content)

        return changed()

    return of


def times(draw: st.DrawFn) -> range:
    """Return how often to change something: mostly once."""
    return range(draw(st.sampled_from([1, 1, 1, 2, 5])))


def pick(draw: st.DrawFn, choices: Sequence[T]) -> T:
    """Return one of them; unlike `sampled_from`, without writing out all of them."""
    return choices[draw(st.integers(0, len(choices) - 1))]


@strategy
def any_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Flip, cut, repeat, insert, and write over declared sizes."""
    for _ in times(draw):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 64))
        number = draw(st.sampled_from(NUMBERS))
        order = draw(st.sampled_from(["big", "little"]))
        size = draw(st.sampled_from([1, 2, 4, 8]))
        how = draw(st.sampled_from(["flip", "cut", "drop", "repeat", "insert", "number", "number"]))
        new = {
            "flip": bytes([content[at] ^ (1 << length % 8)]) if at < len(content) else b"\xff",
            "cut": b"",
            "drop": b"",
            "repeat": content[at : at + length] * (1 + number % 1000),
            "insert": draw(st.binary(min_size=1, max_size=8)) if how == "insert" else b"",
            "number": (number % (1 << 8 * size)).to_bytes(size, order),  # type: ignore[arg-type]
        }[how]
        kept = {"flip": at + 1, "cut": len(content), "number": at + size}.get(how, at + length)
        content = content[:at] + new + content[kept:]
    return content


@strategy
def json_document(draw: st.DrawFn, content: bytes) -> bytes:
    """Replace values by hostile ones; delete, repeat and exchange parts; or any bytes."""
    if draw(st.integers(0, 9)) == 9:
        return draw(any_bytes(content))
    document = json.loads(content)
    raw: dict[str, str] = {}
    for _ in times(draw):
        places = _places_by_shape(document)
        if places:
            _damage(draw, *pick(draw, pick(draw, places)), raw)
    text = json.dumps(document, separators=(",", ":"))
    for marker, value in raw.items():
        text = text.replace(json.dumps(marker), value)
    return text.encode(errors="surrogatepass")


def _damage(draw: st.DrawFn, parent: Any, key: Any, raw: dict[str, str]) -> None:
    """Change what is at a key or an index, in place."""
    how = pick(draw, ["replace", "near", "near", "drop", "wrap", "rename"])
    if how == "drop":
        del parent[key]
    elif how == "wrap":
        parent[key] = [parent[key]]
    elif how == "rename" and isinstance(parent, dict):
        parent[pick(draw, [*parent, *TEXTS])] = parent[key]
    elif how == "near" and parent[key]:
        parent[key] = _near(draw, parent[key])
    else:
        marker = f"@{len(raw)}@"
        raw[marker] = pick(draw, VALUES)
        parent[key] = marker


def _near(draw: st.DrawFn, value: Any) -> Any:
    """Return almost the same value."""
    if isinstance(value, bool) or not isinstance(value, str | list | int | float):
        return value
    if isinstance(value, int | float):
        return pick(draw, [value + 1, value - 1, -value, 2 * value, value * 10**6, float(value)])
    at, length = draw(st.integers(0, len(value))), pick(draw, [0, 0, 1, 3, len(value)])
    if isinstance(value, list):
        return (
            value[:at] + pick(draw, [[], value[:1], value, 50 * value[:9]]) + value[at + length :]
        )
    new = pick(draw, ["", chr(draw(st.integers(32, 126))), pick(draw, TEXTS)])
    return value[:at] + new + value[at + length :]


def _places_by_shape(document: Any) -> list[list[tuple[Any, Any]]]:
    """Return (parent, key) of all values, those that differ in list indices only together."""
    found: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}

    def visit(value: Any, shape: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            keys, names = list(value), list(value)
        elif isinstance(value, list):
            keys, names = [*range(len(value))], ["*"] * len(value)
        else:
            return
        for key, name in zip(keys, names, strict=True):
            found.setdefault((*shape, name), []).append((value, key))
            visit(value[key], (*shape, name))

    visit(document, ())
    return list(found.values())


def lines(pieces: Sequence[str]) -> Mutation:
    """Drop, repeat and exchange lines, and put pieces into them."""
    return strategy(functools.partial(_lines, pieces=pieces))


def _lines(draw: st.DrawFn, content: bytes, pieces: Sequence[str]) -> bytes:
    text = content.decode(errors="surrogateescape").splitlines(keepends=True) or [""]
    for _ in times(draw):
        i, j = (draw(st.integers(0, len(text) - 1)) for _ in range(2))
        at = draw(st.integers(0, max(len(text[i]) - 1, 0)))
        how = draw(st.sampled_from(["piece", "piece", "piece", "drop", "repeat", "swap"]))
        if how == "piece":
            text[i] = text[i][:at] + pick(draw, pieces) + text[i][at:]
        elif how == "drop":
            text[i] = ""
        elif how == "repeat":
            text[i] *= draw(st.sampled_from([2, 50, 2000]))
        else:
            text[i], text[j] = text[j], text[i]
    return "".join(text).encode(errors="surrogatepass")


def parts(pattern: str, values: Sequence[str]) -> Mutation:
    """Replace what the group of a pattern finds, and quote nothing."""
    return strategy(functools.partial(_parts, pattern=pattern, values=values))


def _parts(draw: st.DrawFn, content: bytes, pattern: str, values: Sequence[str]) -> bytes:
    for _ in times(draw):
        spans = [match.span(1) for match in re.finditer(pattern, content.decode())]
        if not spans:
            return content
        begin, end = pick(draw, spans)
        text = content.decode()
        content = (text[:begin] + pick(draw, values) + text[end:]).encode(errors="backslashreplace")
    return content


def either(*mutations: Mutation) -> Mutation:
    """Change in one of several ways."""
    return lambda content: st.one_of([mutation(content) for mutation in mutations])


def _yaml_as_tree(content: bytes) -> st.SearchStrategy[bytes]:
    """Change a document's values; JSON is YAML."""
    return json_document(json.dumps(yaml.safe_load(content), default=str).encode())


markdown = either(
    lines(PIECES), lines(PIECES), parts(r"(?m)(?<=\|)([^|\n]*)(?=\|)", PIECES), any_bytes
)  # fmt: skip
_ANY_YAML = (*YAML_VALUES, *VALUES, *TEXTS)
_yaml_scalars = parts(r"(?m)^[\s-]*(?:[\w ()%.]+:|-) +(\S.*)$", _ANY_YAML)
yaml_document = either(_yaml_as_tree, _yaml_scalars, _yaml_scalars, lines(_ANY_YAML))
_ANY_TOML = (*VALUES, *TEXTS, "1979-99-99", "'''", "{a=1,a=2}")
toml_document = either(parts(r"(?m)= *(.*)$", _ANY_TOML), lines(_ANY_TOML), any_bytes)


def each_line(unsealed: Callable[[bytes], bytes], sealed: Callable[[bytes], bytes]) -> Mutation:
    """Change a file of lines of JSON.

    Args:
        unsealed: takes away from a line what stands around its JSON.
        sealed: puts it there again.
    """

    @strategy
    def changed(draw: st.DrawFn, content: bytes) -> bytes:
        found = content.splitlines(keepends=True)
        how = pick(draw, ["value", "value", "value", "drop", "repeat", "swap", "bytes"])
        if how == "bytes":
            return draw(any_bytes(content))
        i, j = (draw(st.integers(0, len(found) - 1)) for _ in range(2))
        if how == "value":
            found[i] = sealed(draw(json_document(unsealed(found[i]))))
        elif how == "swap":
            found[i], found[j] = found[j], found[i]
        else:
            found[i] *= {"drop": 0, "repeat": 2}[how]
        return b"".join(found)

    return changed


sealed_lines = each_line(
    lambda line: line.partition(b" ")[2], lambda text: b"%08x %s\n" % (zlib.crc32(text), text)
)
"""Changes lines that begin with their checksum, which is right again afterwards."""
json_lines = each_line(lambda line: line, lambda text: text + b"\n")
