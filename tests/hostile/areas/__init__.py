"""The kinds of foreign input. A new one: a file with an ``AREA``, and its line here."""

from __future__ import annotations

from hostile.areas import (
    archives,
    bundles,
    checkpoints,
    coco,
    fps,
    images,
    journals,
    locks,
    manifest,
    metafiles,
    readmes,
    records,
    settings,
)
from hostile.case import Area

AREAS: dict[str, Area] = {
    area.name: area
    for area in (
        manifest.AREA,
        readmes.AREA,
        metafiles.AREA,
        records.AREA,
        settings.AREA,
        fps.AREA,
        coco.AREA,
        images.AREA,
        archives.AREA,
        journals.AREA,
        locks.AREA,
        bundles.AREA,
        checkpoints.AREA,
    )
}
