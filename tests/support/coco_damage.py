"""Results and annotations damaged at random, and what the command line says to them.

It runs in a process of its own: pycocotools gives back no control where it never ends.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import sys
import traceback
from itertools import chain
from pathlib import Path
from typing import Any

from support.coco_tree import Json, make_coco, perfect_results, read_annotations

from hrnet_zoo.cli import main as command_line
from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.runs import score

NAME = "scenes_boxes"
ODD: list[Any] = [
    None, True, 0, -1, 1, 7.5, 42.0, 1e6, 1e9, 1e308, 10**400, 2**63, -(2**70), float("nan"),
    float("inf"), "", "0", "abcdefgh", "\ud800", "a\x00b", ".", [], [[]], [[1, 2]], [[1, 2, 3, 4]],
    [0, 0, 5, 0, 5, 5], [[[0, 0], [5, 0], [5, 5], [0, 5], [0, 0]]], {}, {"counts": "0"},
    {"size": [120, 160], "counts": [0]}, {"size": [120, 160], "counts": "0"},
]  # fmt: skip


def many_forms(truth: Json) -> list[Json]:
    """Return results whose masks are COCO's text, polygons and lists of runs, in turn."""
    results = perfect_results(truth, masks=True)
    objects = [annotation for annotation in truth["annotations"] if not annotation["iscrowd"]]
    for result, annotation in list(zip(results, objects, strict=True))[1::3]:
        result["segmentation"] = annotation["segmentation"]
    for result in results[2::3]:
        height, width = result["segmentation"]["size"]
        counts = [height, height, (width - 2) * height]
        result["segmentation"] = {"size": [height, width], "counts": counts}
    return results


def damage(content: Any, rng: random.Random) -> None:
    """Change something somewhere in a JSON document, in place; in every other one, in a mask."""
    objects: Any = content.get("annotations") if isinstance(content, dict) else content
    masked = [objects[i] for i in places(objects) if "segmentation" in places(objects[i])]
    parent, key = content, rng.choice(places(content))
    if masked and rng.random() < 0.5:
        parent, key = rng.choice(masked), "segmentation"
    while places(parent[key]) and rng.random() < 0.8:
        parent = parent[key]
        key = rng.choice(places(parent))
    value, how = parent[key], rng.random()
    if isinstance(value, str) and how < 0.7:
        at = rng.randrange(len(value) + 1)
        cut, longer = (
            value[: -rng.randint(1, 3)],
            value[:at] + chr(rng.randint(48, 111)) + value[at:],
        )
        parent[key] = rng.choice([cut, longer])
    elif how < 0.2:
        del parent[key]
    elif how < 0.3:
        parent[key] = [value]
    elif how < 0.4 and isinstance(value, int):
        parent[key] = float(value)
    elif how < 0.5 and isinstance(value, list):
        parent[key] = value[:-1]
    else:
        parent[key] = copy.deepcopy(rng.choice(ODD))


def places(value: Any) -> list[Any]:
    """Return the keys of an object or the indices of a list; anything else has none."""
    if isinstance(value, dict):
        return list(value)
    return [*range(len(value))] if isinstance(value, list) else []


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code of the command line and all that it wrote."""
    # As on a terminal: what UTF-8 cannot hold may be said on one of them only.
    written = io.BytesIO()
    out = io.TextIOWrapper(written, "utf-8", write_through=True)
    err = io.TextIOWrapper(written, "utf-8", "backslashreplace", write_through=True)
    sys.argv = ["hrnet-zoo", *arguments]
    code = -1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command_line()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else -1
        except BaseException:  # noqa: BLE001 - evaluators in Rust raise others than Exception
            traceback.print_exc()
    return code, written.getvalue().decode()


def damaged_runs(folder: Path, seed: int, count: int) -> None:
    """Print a line of JSON per run: what was run, its exit code and its output."""
    # This process is one of its own already.
    vars(score)["in_new_process"] = lambda progress, work, *given, **_: work(*given, progress)
    root = make_coco(folder, name=NAME)
    truth = read_annotations(root, NAME)
    annotations, results = root / of_kind(CocoInstances)[NAME].annotation_file, folder / "r.json"
    for i in range(seed, seed + count):
        rng = random.Random(i)
        pair = copy.deepcopy([truth, many_forms(truth)])
        for _ in range(rng.choice([1, 1, 2, 5])):
            damage(pair[i % 2], rng)
        for path, content in zip((annotations, results), pair, strict=True):
            path.write_text(json.dumps(content))
        data = ("--data-root", str(folder))
        asked = {
            "--kind": rng.choice(["auto", "auto", "bbox", "segm"]),
            "--protocol": rng.choice(["coco", "mmdet"]),
            "--coco-backend": rng.choice(["pycocotools", "faster", "hotcoco"]),
        }
        command = ["score", str(results), "--dataset", NAME, *chain.from_iterable(asked.items())]
        if i % 8 == 0:
            command = ["data", "check", NAME, "--sample", "1"]
        _tell({"seed": i, "command": command})
        code, written = run(*command, *data)
        _tell({"seed": i, "code": code, "written": written})


def _tell(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    damaged_runs(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
