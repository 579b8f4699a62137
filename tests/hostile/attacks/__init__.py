"""What broke earlier versions, made by code; each is one case of an area."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hostile.attacks import packed, written
from hostile.attacks.making import Made, Sound

ATTACKS: Mapping[str, Callable[[Sound], Made]] = {
    "masks": written.masks,
    "texts": written.texts,
    "metafiles": written.importing,
    "records": written.stored,
    "options": written.options,
    "pictures": packed.pictures,
    "containers": packed.containers,
    "downloads": packed.downloads,
}
