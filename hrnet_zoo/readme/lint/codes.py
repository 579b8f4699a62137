"""Every kind of finding: its code, how grave it is, and what it means.

Codes never change their meaning, and a code that is no longer found is not given away again.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]


class Rule(NamedTuple):
    """What a code stands for."""

    severity: Severity
    """An error is certainly wrong, a warning mostly; an info is worth knowing."""
    meaning: str


RULES: dict[str, Rule] = {
    "HZ101": Rule("error", "a line of a table has more or fewer cells than its header"),
    "HZ102": Rule("warning", "a blank row: neither numbers nor a file"),
    "HZ103": Rule("warning", "a row with numbers but no file, or a file but no accuracy"),
    "HZ104": Rule("info", "fewer or more decimals than the rest of the column"),
    "HZ105": Rule("warning", "two rows of a table claim to be the same thing"),
    "HZ106": Rule("warning", "something else than a number in a column of numbers"),
    "HZ107": Rule("error", "an impossible number"),
    "HZ201": Rule("error", "the backbone's label contradicts the name of the linked file"),
    "HZ202": Rule("error", "a row without a file has a backbone's label that is wrong elsewhere"),
    "HZ203": Rule("error", "the schedule contradicts the name of the linked file"),
    "HZ204": Rule("warning", "crop size, GN or MS train contradicts the name of the linked file"),
    "HZ205": Rule("error", "the linked configuration and the linked file have different names"),
    "HZ301": Rule("error", "a link to a host that is retired"),
    "HZ302": Rule("warning", "a log that is named otherwise than its checkpoint"),
    "HZ303": Rule("error", "a log of another model"),
    "HZ304": Rule("error", "the same log in two rows"),
    "HZ305": Rule("error", "the same checkpoint in two rows"),
    "HZ306": Rule("warning", "a checkpoint whose name does not end in eight digits of its SHA-256"),
    "HZ401": Rule("warning", "upstream replaced these weights later"),
    "HZ402": Rule("warning", "weights much newer than their table: speed and memory may be older"),
    "HZ403": Rule("info", "upstream published this row's numbers later"),
    "HZ404": Rule("warning", "upstream states another value for the same weights later"),
    "HZ501": Rule("info", "fps out of order with multiply-adds"),
    "HZ502": Rule("error", "a number of parameters that is not the network's"),
    "HZ601": Rule("error", "a file whose content has another SHA-256 than its name promises"),
    "HZ602": Rule("error", "a file whose tensors have another width than the label or name says"),
    "HZ603": Rule("error", "a file that cannot be read as a checkpoint"),
}
"""1xx the table itself, 2xx names, 3xx links, 4xx what came later, 5xx numbers against the network,
6xx against files on disk."""
