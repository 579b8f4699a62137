"""Masks, READMEs, metafiles, manifests, records and options that broke earlier versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hostile.areas import coco, images, manifest, metafiles, readmes, records
from hostile.areas.manifest import ROW, ZOO
from hostile.attacks.making import Made, Sound, case
from support.coco_damage import NAME

ORDERS = "\x1b[2J\n::error::hostile"
HALF = "\ud800"
RESULTS = "given/results.json"
SCORE = ("score", f"../{RESULTS}", *coco.DATA, "--kind", "segm")
CHECK = ("data", "check", NAME, "--data-root", "../given")


def masks(sound: Sound) -> Made:
    """Masks that take all memory or time, in results or annotations that are otherwise sound."""
    tree = sound(coco.AREA)
    (path,) = (path for path in tree.rglob("*.json") if path != tree / RESULTS)
    annotations = path.relative_to(tree).as_posix()
    results = json.loads((tree / RESULTS).read_bytes())
    truth = json.loads(path.read_bytes())
    first = {"results": results[0], "annotations": truth["annotations"][0]}
    content = {"results": (RESULTS, results), "annotations": (annotations, truth)}
    line = [-1e5, 0.0, 1e5, 0.0]
    for name, mask, where in (
        ("outline", [line * 200], "results"),
        ("outline", [line * 200], "annotations"),
        ("outlines", [line * 2] * 400, "results"),
        ("text", "0" * 24_000_000, "results"),
        ("text", "0" * 24_000_000, "annotations"),
    ):
        kept = first[where]["segmentation"]
        is_outline = name.startswith("outline")
        first[where]["segmentation"] = (
            mask if is_outline else {"size": [120, 160], "counts": mask}
        )  # fmt: skip
        file, document = content[where]
        given = {file: json.dumps(document).encode()}
        first[where]["segmentation"] = kept
        yield f"mask in {where}: {name}", case(coco.AREA, SCORE, given)
    truth["categories"][0]["name"] = "x" * 3_000_000
    given = {annotations: json.dumps(truth).encode()}
    yield "category with a name of three megabytes", case(coco.AREA, CHECK, given)


HEAD = "# ADE20K\n\n| Backbone | mIoU | Download |\n|---|---|---|\n"
ACROSS = "<td colspan=100 rowspan=9999>" * 500
TITLES = f"{'<tr><td colspan=2>a' * 10_000}{'<tr><th>Model<th>mIoU' * 10_000}"
READMES = {
    "blanks in a span": (f"<table><tr><th>a<tr><td colspan={' ' * 100_000}x>b</table>", "import"),
    "lines short of a cell": (HEAD + "| W18 |\n" * 12_000, "lint"),
    "titles in HTML": (f"<table>{TITLES}<tr><td>a<td>1</table>", "readme"),
    "cells over all": (f"<table><tr>{ACROSS}{'<tr><td>' * 4000}</table>", "lint"),
    "headings": ("# h\n\n| Backbone | mIoU |\n|-|-|\n| W18 | 80.1 |\n\n" * 5000, "readme"),
    "orders": (f"{HEAD}| \x1b[2J W18 | \x1b]0;x\x07 | ::error::hostile |\n", "lint"),
    "orders again": (f"{HEAD}| \x1b[2J W18 | \x1b]0;x\x07 | ::error::hostile |\n", "import"),
}
"""What is quadratic in an earlier version -> the file and who reads it."""


def texts(sound: Sound) -> Made:
    """READMEs that take for ever, or write what is no text of theirs."""
    del sound
    for name, (text, command) in READMES.items():
        given = {"work/x.md": text.encode()}
        yield f"README: {name}", case(readmes.AREA, (command, "x.md"), given)


def importing(sound: Sound) -> Made:
    """Metafiles that lead to others without end, or to what is no file."""
    del sound
    names = [f"{i}.yml" for i in range(12)]
    made: dict[str, Mapping[str, str]] = {
        "all import all": dict.fromkeys(names, f"Import: {json.dumps(names)}"),
        "one within the other": {f"{i}.yml": f"Import: [{i + 1}.yml]" for i in range(1000)},
        "a device": {"0.yml": "Import: [/dev/zero]"},
        "what no file is called": {"0.yml": 'Import: ["x\\0.yml"]'},
        "orders": {"0.yml": f"Models: [{{Name: {json.dumps(ORDERS)}, Results: [{{Task: x}}]}}]"},
    }
    for name, files in made.items():
        given = {f"given/{file}": text.encode() for file, text in files.items()}
        yield f"metafile: {name}", case(metafiles.AREA, ("import", "../given/0.yml"), given)
    given = {"given/x.yml": b'Models: [{Name: !!int "", Results: !!timestamp x}]\n'}
    yield "metafile: a tag without a value", case(metafiles.AREA, ("lint", "../given/x.yml"), given)


CHANGES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "half a character": ({"environment": {"cpu": HALF}}, ("show",)),
    "half a reason": ({"reason": HALF, "status": "interrupted"}, ("show",)),
    "half a row": ({"row": HALF}, ("check", "index")),
    "half a remark": ({"remarks": [HALF]}, ("show",)),
    "orders": ({"environment": {"cpu": ORDERS}}, ("show",)),
    "orders as a reason": ({"reason": ORDERS, "status": "interrupted"}, ("show",)),
    "orders as a row": ({"row": ORDERS}, ("check",)),
    "early": ({"started_at": "0001-01-01T00:00:00+23:59"}, ("list", "export")),
    "late": ({"started_at": "9999-12-31T23:59:59-23:59"}, ("list", "export")),
}
"""What is changed in a sound record, and the commands that stumbled over it."""
NAMES = {
    "no UTF-8 in a name": ("x\udcff/\udcff.json", ("check",)),
    "orders in a name": (f"{ORDERS}.json", ("list", "check", "index", "prune", "tables")),
}


def stored(sound: Sound) -> Made:
    """Records that are sound but for one thing, or for what they are called."""
    tree = sound(records.AREA)
    (path,) = (tree / "work" / "records" / records.ROW).glob("*.json")
    record = json.loads(path.read_bytes())
    known = records.AREA.sound_commands[::-1]  # of several, the first one's form is for people
    reading = {arguments[i]: arguments for i in (0, 1) for arguments in known}
    for name, (changes, commands) in CHANGES.items():
        environment = record["environment"] | changes.get("environment", {})
        changed = record | changes | {"environment": environment}
        given = {path.relative_to(tree).as_posix(): json.dumps(changed).encode()}
        for command in commands:
            yield f"record: {name}, {command}", case(records.AREA, reading[command], given)
    for name, (file, commands) in NAMES.items():
        for command in commands:
            given = {f"work/records/{file}": b"{}"}
            yield f"record: {name}, {command}", case(records.AREA, reading[command], given)


def options(sound: Sound) -> Made:
    """Numbers that are none, addresses that are none, and names that give orders."""
    text = (sound(manifest.AREA) / "work" / "zoo.yaml").read_text()
    empty = {"work/zoo.yaml": text.replace("title: Demo zoo", 'title: !!int ""').encode()}
    yield "manifest: a tag without a value", case(manifest.AREA, ("list", *ZOO), empty)
    check = ("data", "check", "scenes", "--data-root")
    published = "fcn_hr18s_512x1024_40k_cityscapes"
    for arguments in (
        (*check, "../given\0"),
        (*check[:-1], "--data", "scenes=a\0"),
        ("time", ROW, *ZOO, "--device", "cpu", "--limit-seconds", "nan"),
        ("memory", ROW, *ZOO, "--device", "cuda:" + "9" * 5000),
        ("list", "--task", ORDERS),
        ("show", ORDERS, *ZOO),
        ("fetch", published, "--mirror", "http://[::1"),
    ):
        yield f"option: {arguments[-1][:20]!a}", case(images.AREA, arguments, {})
