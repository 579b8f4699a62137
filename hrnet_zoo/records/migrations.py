"""Brings records of earlier versions into the shape of the newest one, one version at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""From the version of a record to the function that makes the next version of its content."""

FIRST_VERSION = 1


def migrate(content: dict[str, Any], newest_version: int, migrations: Migrations) -> dict[str, Any]:
    """Return a record's content in the newest version; content of an unknown version as it is.

    Args:
        content: a record as read from JSON; it stays as it is.
        newest_version: where to stop.
        migrations: one step for every version from `FIRST_VERSION` up to the newest but one.
    """
    version = content.get("schema_version", FIRST_VERSION)
    while isinstance(version, int) and version < newest_version and version in migrations:
        content = migrations[version](dict(content))
        version += 1
        content["schema_version"] = version
    return content


_PROTOCOLS = {"miou": "single", "miou_ms_flip": "ms_flip"}
"""Under which protocol version 1 counted what it kept by metric."""


def newest_line(line: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of one image in the newest form: its results by protocol."""
    counts = line.get("counts")
    if isinstance(counts, dict):
        results = {_PROTOCOLS.get(name, name): text for name, text in counts.items()}
    elif "detections" in line:
        results = {"single": line["detections"]}
    else:
        return line
    return {"name": line["name"], "digest": line.get("digest"), "results": results}


def newest_measurement(measurement: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement of version 1 in the form of version 2, which knows no tasks."""
    new = {key: measurement.get(key) for key in ("metric", "value", "interval", "protocol")}
    figures = {
        key: measurement[key] for key in ("macc", "aacc") if measurement.get(key) is not None
    }
    classes = [
        {"name": one["name"], "figures": {k: v for k, v in one.items() if k != "name"}}
        for one in measurement.get("classes", [])
    ]
    coco = measurement.get("coco")
    if coco is not None:
        figures, new["scoring"] = coco["figures"], coco["scoring"]
        classes = [{"name": c["name"], "figures": {"ap": c["ap"]}} for c in coco["categories"]]
    known = {name: value for name, value in figures.items() if value is not None}
    return new | {"figures": figures if coco else known, "classes": classes}


def accuracy_2(content: dict[str, Any]) -> dict[str, Any]:
    """Return a record of accuracy of version 1 as version 2 writes it."""
    measurements = [newest_measurement(m) for m in content.get("measurements", [])]
    return content | {"measurements": measurements}
