"""A zoo whose strings try to become part of the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from made_up_zoo import write_zoo
from PIL import Image

from hrnet_zoo.zoo.manifest import load_zoo

MARK = "hacked"
"""What every string tries to set, as a property of the window."""

ATTACKS = (
    f"<script>window.{MARK}=1;alert(1)</script>",
    f'"><img src=x onerror="window.{MARK}=1">',
    f"</script><script>window.{MARK}=1</script>",
    f"' onmouseover='window.{MARK}=1' autofocus onfocus='window.{MARK}=1'",
    f"</style></textarea></title><svg/onload=window.{MARK}=1>",
    f"<!--<script>window.{MARK}=1",
    "{{ 7 * 7 }}{% raise %}",
    "\u2028]]>&lt;b&gt;",
)


def write_hostile_zoo(folder: Path) -> tuple[Path, Path]:
    """Write a manifest of five rows and records full of attacks; return manifest and records."""
    records, manifest = folder / "records", folder / "zoo.yaml"
    content = yaml.safe_load(Path(load_zoo().path).read_text(encoding="utf-8"))
    content["rows"] = [row for row in content["rows"] if not row.get("later")][:5]
    _spoil_manifest(content)
    manifest.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    write_zoo(records, runs=2, zoo=load_zoo(manifest))
    for path in sorted(records.glob("*/*.json")):
        _spoil_record(path)
    for path in sorted(records.glob("*/timings/*.json")):
        timing = json.loads(path.read_text())
        timing["environment"]["cpu"] = ATTACKS[1]
        timing["variants"][0]["description"] = ATTACKS[2]
        path.write_text(json.dumps(timing))
    unknown = records / "<img src=x onerror=window.hacked=1>"
    unknown.mkdir()
    record = json.loads(next(records.glob("*/*.json")).read_text())
    (unknown / "1.json").write_text(json.dumps(record | {"row": ATTACKS[0]}))
    (unknown / "half <script>.json").write_text('{"row": "<script>window.hacked=1</script>')
    return manifest, records


def _spoil_manifest(content: dict[str, object]) -> None:
    rows = content["rows"]
    assert isinstance(rows, list)
    for i, row in enumerate(rows):
        attack = ATTACKS[i % 5]
        row["notes"] = [*ATTACKS[:7]]
        row["method"] = attack
        row["printed"] |= {column: attack for column in ("method", "backbone", "lr_schd")
                           if column in row["printed"]}  # fmt: skip
        row["config_url"] = f"javascript:window.{MARK}=1"
        row["log_url"] = f"data:text/html,{attack}"


def _spoil_record(path: Path) -> None:
    record = json.loads(path.read_text())
    record["environment"] = {
        "cpu": ATTACKS[2],
        "gpus": list(ATTACKS),
        "packages": dict(zip(ATTACKS, reversed(ATTACKS), strict=True)),
    }
    record["asked"]["device"] = ATTACKS[5]
    record["reason"] = ATTACKS[0]
    if record["checkpoint"]:
        record["checkpoint"]["file_name"] = ATTACKS[1]
        record["dataset"]["fingerprint"] = ATTACKS[2]
    for measurement in record["measurements"]:
        for i, scored in enumerate(measurement["classes"]):
            scored["name"] = f"{ATTACKS[i % 7]} {i}"
    path.write_text(json.dumps(record))
    for picture in path.with_suffix(".worst").glob("01_*.png"):
        shutil.copy(picture, picture.with_name('02_<img src=x onerror="hacked=1">.png'))
        Image.new("RGB", (8, 8)).save(picture.with_name("04_fine.png"))
        picture.with_name("03_<script>.png").write_text("no picture")
