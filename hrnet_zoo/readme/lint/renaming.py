"""Whether two names of files are of one model: configurations are renamed, published files are not.

Source:
    open-mmlab's names before and after 2022: "fcn_hr18_512x1024_40k_cityscapes" and
    "fcn_hr18_4xb2-40k_cityscapes-512x1024", "resnet50_b32x8_imagenet" and "resnet50_8xb32_in1k".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks import TASKS

_BATCH = re.compile(r"\d+xb\d+|b\d+x\d+|\d{1,2}x\d{1,2}|batch\d+", re.ASCII)
_SINCE_2022 = re.compile(r"(?<![a-z0-9])\d+xb\d+(?!\d)", re.ASCII)
_STAMP = re.compile(r"\d{6}|\d{8}|[0-9a-f]{8}", re.ASCII)
_WITHOUT_MEANING = {"", "log", "train", "training", "run", "output", "ft", "finetune", "test", "ss"}
"""Words that tell no models apart; "ss" is a test at a single scale."""
_NOW = {"imagenet": "in1k", "mstrain": "ms", "fp16": "amp"}
"""Words that were replaced by others of the same meaning."""
_SIZES = {
    "nano", "tiny", "small", "medium", "base", "large", "xlarge", "huge",
    "n", "t", "s", "m", "b", "l", "x", "xl", "h",
}  # fmt: skip
"""Words that say how large a network of a family is."""


class Difference(NamedTuple):
    """The words of two names that only one of them has."""

    old: frozenset[str]
    new: frozenset[str]

    @property
    def is_spelling(self) -> bool:
        """Whether both say the same, in whichever order; one may leave out the data set."""
        return not (self.old | self.new).difference(DATASETS) and not self.contradicts

    @property
    def contradicts(self) -> bool:
        """Whether the two say different things of the same kind, such as "hr18" and "hr48".

        A number that one of them lacks is a kind, too: the 59 of "pascal_context_59".
        """
        both = self.old | self.new
        lacks_number = bool(both) and all(word.isdecimal() for word in both)
        return lacks_number or bool(set(map(_kind, self.old)) & set(map(_kind, self.new)))


def words(name: str) -> frozenset[str]:
    """Return what a name says, without numbers of GPUs and samples, dates and hashes."""
    parts = {part for part in re.split(r"[_.+-]", name.lower()) if not _STAMP.fullmatch(part)}
    said = {_NOW.get(part, part) for part in parts - _WITHOUT_MEANING}
    return frozenset(word for word in said if not _BATCH.fullmatch(word))


def difference(old: str, new: str) -> Difference:
    """Return how the names of two files differ, both without dates, hashes and endings."""
    return Difference(words(old) - words(new), words(new) - words(old))


def is_newer(name: str, than: str) -> bool:
    """Whether one name only has GPUs and samples as they are written since 2022, "4xb2".

    As names begin with their method, both having one that the other lacks is more than that.
    """
    is_since = _SINCE_2022.search(name) is not None and _SINCE_2022.search(than) is None
    first, its_first = (re.split("[_-]", one.lower())[0] for one in (name, than))
    return is_since and (first in words(than) or its_first in words(name))


def _kind(word: str) -> str:
    """Return what a word is about, as its letters: "hr#" of "hr18" and its small variant."""
    if word in _SIZES:
        return "size"
    if word in DATASETS:
        return "data set"
    if any(word in method.split("_") for task in TASKS.values() for method in task.methods):
        return "method"
    shape, numbers = re.subn(r"\d+", "#", word)
    return shape.removesuffix("s") if numbers else word
