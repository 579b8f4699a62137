"""Bundles of the demo's records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hrnet_zoo.bundles.making import bundle_of
from hrnet_zoo.bundles.reading import opened
from hrnet_zoo.bundles.verifying import Verified, verify
from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.zoo import Zoo

RECORDS = Path(__file__).parents[2] / "reports" / "demo" / "records"
SEGMENTOR, DETECTOR, CLASSIFIER = (row.name for row in load_zoo(MANIFEST).rows)
MADE_AT = datetime(2026, 12, 1, tzinfo=UTC)


def record_of(row: str, folder: Path = RECORDS) -> Path:
    """Return where the record of a row is."""
    (path,) = (folder / row).glob("*Z.json")
    return path


def bundled(paths: Sequence[Path], zoo: Zoo | None = None, **how: Any) -> bytes:
    """Return a bundle of some records, judged by the demo's rows or those of another zoo."""
    return bundle_of(zoo or load_zoo(MANIFEST), paths, MADE_AT, **how)


def verified(file: Path, trusted: str | None = None) -> Verified:
    """Return what is in a bundle, whose rows are held against the demo's."""
    with opened(file) as bundle:
        return verify(bundle, load_zoo(MANIFEST), trusted)


def changed_manifest(folder: Path, old: str, new: str) -> Path:
    """Write the demo's manifest with a text changed where it first occurs."""
    text = MANIFEST.read_text()
    assert old in text
    path = folder / "zoo.yaml"
    path.write_text(text.replace(old, new, 1))
    return path
