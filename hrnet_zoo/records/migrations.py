"""Brings records of earlier versions into the shape of the newest one, one version at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hrnet_zoo.records.accuracy import AccuracyAsked
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.wording import GIB

Content = dict[str, Any]
Migrations = Mapping[int, Callable[[Content], Content]]
"""From the version of a record to the function that makes the next version of its content."""

FIRST_VERSION = 1


def migrate(content: Content, newest_version: int, migrations: Migrations) -> Content:
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


def newest_line(line: Content) -> Content:
    """Return what is kept of one image in the newest form: its results by protocol."""
    if isinstance(line.get("counts"), dict):
        results = {_PROTOCOLS.get(name, name): text for name, text in line["counts"].items()}
    elif "detections" in line:
        results = {"single": line["detections"]}
    else:
        return line
    return {"name": line["name"], "digest": line.get("digest"), "results": results}


def _measurement(measurement: Content) -> Content:
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


def _say_kind(content: Content) -> Content:
    """Version 2 says its kind, and types what was asked for and where it ran."""
    if "variants" in content:  # only its fields tell
        kind = "timing"
    elif "result" in content:
        kind, content = "memory", _memory(content)
    else:
        kind, content = "accuracy", _accuracy(content)
    return content | {"kind": kind, "environment": _environment(content.get("environment"))}


def _environment(content: object) -> Content:
    """Packages that are not installed were named, too, without a version."""
    if isinstance(content, dict) and isinstance(packages := content.get("packages"), dict):
        installed = {name: found for name, found in packages.items() if isinstance(found, str)}
        content = content | {"packages": installed}
    return _fitting(Environment, content)


def _accuracy(content: Content) -> Content:
    asked = _fitting(AccuracyAsked, content.pop("arguments", None))
    measurements = [_measurement(m) for m in content.get("measurements", [])]
    return content | {"asked": asked, "measurements": measurements}


def _memory(content: Content) -> Content:
    """It held what `memory --format json` printed of a row, whose sizes are in rounded GiB."""
    result, version = content.pop("result"), content.pop("hrnet_zoo")
    how, documented = result["how"], result["documented_train_memory_gb"]
    measured, inference = result["measured_train_memory_gb"], result["inference_peak_gib"]
    inference_measured = result["inference_peak_is"] == "measured"
    return content | {
        "edition": result["edition"],
        "task": None,
        "documented": None if documented is None else str(documented),
        "asked": {"device": content["device"]},
        "training": {
            "predicted": _bytes(result["predicted_train_memory_gb"]),
            "measured": _bytes(measured),
            "assumptions": how["assumptions"],
            "samples": how["samples_per_gpu"],
            "size": how["size_hw"],
        },
        "inference": {
            "predicted": None if inference_measured else _bytes(inference),
            "measured": _bytes(inference) if inference_measured else None,
            "reserved": _bytes(result["inference_reserved_gib"]),
            "assumptions": how["inference_assumptions"],
        },
        "problem": how["measured"] if measured is None else None,
        "environment": {"packages": {"hrnet-zoo": version}},
    }


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else round(gib * GIB)


def _fitting(model: type[BaseModel], content: object) -> Content:
    """Return the fields that a model takes from what nobody ever checked."""
    if not isinstance(content, dict):
        return {}
    known = {name: value for name, value in content.items() if name in model.model_fields}
    try:
        model.model_validate(known)
    except ValidationError as error:
        for wrong in error.errors():
            known.pop(str(wrong["loc"][0]), None)
    return known


MIGRATIONS: Migrations = {1: _say_kind}
"""One step for every version that ever was; the tests hold old records against it."""
