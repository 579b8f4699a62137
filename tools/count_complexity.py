"""Count what the rows' networks hold and compute, the demo's included; about a minute.

python tools/count_complexity.py > hrnet_zoo/zoo/complexity.json
"""

from __future__ import annotations

import json

from hrnet_zoo import demo
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.multiply_adds import count_complexity
from hrnet_zoo.zoo.complexity import identity
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row


def distinct_rows() -> list[Row]:
    """Return one row for each network and input, in the order of the manifests."""
    rows = (*load_zoo().rows, *load_zoo(demo.MANIFEST).rows)
    return list({json.dumps(identity(row)): row for row in rows}.values())


def entry(row: Row) -> str:
    """Return a row's line of the file."""
    counted = count_complexity(TASKS[row.task], row.setup)
    content = {
        "parameters": counted.parameters,
        "multiply_adds": counted.multiply_adds,
        "input": counted.input_size,
        "row": identity(row),
    }
    return json.dumps(content)


if __name__ == "__main__":
    print("[\n" + ",\n".join(entry(row) for row in distinct_rows()) + "\n]")
