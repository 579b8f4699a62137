"""YAML as it is written: every value is the text it was, with its line.

A metafile's 78.80 is not 78.8, so numbers are never made of it.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import yaml

from hrnet_zoo.errors import ReadmeError, explain_yaml_error

_NULL = "tag:yaml.org,2002:null"

_MOST_VALUES = 200_000
"""In a file, written or repeated; the metafiles of whole zoos have some thousand."""
_DEPTH = 12
"""Levels of lists and mappings that an import looks into, at most."""


class Item(NamedTuple):
    """A key of a mapping, and its value."""

    key: str
    line: int
    """Of the key, from 1."""
    node: yaml.Node


def compose(text: str, file: str) -> yaml.Node | None:
    """Return a file's content, or None if it is empty.

    Raises:
        ReadmeError: it is not YAML, or has more values than anybody wrote.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
        size = 0 if node is None else _size(node, _DEPTH, {})
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ReadmeError(explain_yaml_error(error, file)) from None
    if size > _MOST_VALUES:
        msg = f"{file}: more than {_MOST_VALUES} values, as often as aliases repeat them."
        raise ReadmeError(msg)
    return node


def _size(node: yaml.Node, depth: int, known: dict[tuple[int, int], int]) -> int:
    """Return how many values there are in one, and it itself, with those that aliases repeat.

    Args:
        node: the value. It can contain itself, by an alias.
        depth: how far lists and mappings in it are followed.
        known: what was counted already.
    """
    if isinstance(node, yaml.ScalarNode) or depth == 0:
        return 1
    if (id(node), depth) not in known:
        is_mapping = isinstance(node, yaml.MappingNode)
        parts = chain.from_iterable(node.value) if is_mapping else node.value
        known[id(node), depth] = 1 + sum(_size(part, depth - 1, known) for part in parts)
    return known[id(node), depth]


def line_of(node: yaml.Node) -> int:
    """Return the line on which a value begins, from 1."""
    return int(node.start_mark.line) + 1


def items(node: yaml.Node | None) -> list[Item]:
    """Return a mapping's entries; none if it is not a mapping."""
    if not isinstance(node, yaml.MappingNode):
        return []
    return [
        Item(str(key.value), line_of(key), value)
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    ]


def all_items(node: yaml.Node | None) -> list[Item]:
    """Return the entries of a mapping, or of all mappings in a list."""
    return [item for element in elements(node) for item in items(element)]


def is_list(node: yaml.Node | None) -> bool:
    """Whether it is a list."""
    return isinstance(node, yaml.SequenceNode)


def is_null(node: yaml.Node) -> bool:
    """Whether it is written, and nothing."""
    return bool(node.tag == _NULL)


def value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return what stands under a key, whatever the case of its letters."""
    return next((i.node for i in items(node) if i.key.casefold() == key.casefold()), None)


def elements(node: yaml.Node | None) -> list[yaml.Node]:
    """Return a list's elements, or a single value as the only one; none for nothing."""
    if node is None or node.tag == _NULL:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def scalar(node: yaml.Node | None) -> str | None:
    """Return a value's text; None if it is null, a list or a mapping."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL:
        return None
    return str(node.value)


def flat(node: yaml.Node, depth: int = 4) -> str:
    """Return all texts in a value, one after the other, with their keys.

    Args:
        node: the value. It can contain itself, by an alias.
        depth: how far lists and mappings in it are followed.
    """
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if depth == 0:
        return "..."
    if isinstance(node, yaml.MappingNode):
        return ", ".join(f"{item.key} {flat(item.node, depth - 1)}" for item in items(node))
    return ", ".join(flat(element, depth - 1) for element in elements(node))
