"""Whether a run found in every image what an earlier one did, whatever is documented."""

from __future__ import annotations

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.system.wording import Answer


class Since(Answer):
    """The answer to "is it as it was?"; only UNCHANGED is a yes."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NOT_COMPARABLE = "not_comparable"


EXIT_CODES = {Since.UNCHANGED: 0, Since.CHANGED: 1, Since.NOT_COMPARABLE: 3}
"""Of `verify --unchanged-since`."""


def since(record: AccuracyRecord) -> Since:
    """Return the answer of a run that was to be compared with an earlier one."""
    found = record.unchanged
    if found is None or record.status != "completed" or found.num_other_files:
        return Since.NOT_COMPARABLE
    return Since.CHANGED if found.num_different else Since.UNCHANGED
