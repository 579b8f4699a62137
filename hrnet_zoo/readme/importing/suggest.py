"""What a person has to add to an imported entry: where it is found, and what similar rows have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hrnet_zoo.readme.importing.entries import Entry
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

WHERE = {
    "architecture": "model.type and its heads; hrnet-zoo has those that zoo.schema.json lists",
    "backbone": "the channels of the first branch of model.backbone.extra.stage4",
    "neck": "model.neck.type",
    "channels": "model.neck.out_channels",
    "num_classes": "num_classes of the heads",
    "dataset": "dataset_type and data_root",
    "num_images": "the images of the validation split",
    "test": "the test pipeline's scale, model.test_cfg",
    "normalisation": "img_norm_cfg, with to_rgb as the channel order",
    "train_crop": "crop_size",
    "samples_per_gpu": "data.samples_per_gpu",
    "gpus": "the number of GPUs in the training log",
}
"""Field of the reading -> where upstream's configuration states it."""

_ALIKE = ("architecture", "dataset")
_OF_THE_ROW_ALONE = ("backbone",)


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a field most likely is."""

    value: object
    """As YAML has it."""
    why: str


def suggestion(zoo: Zoo, entry: Entry, field: str) -> Suggestion | None:
    """Return what the zoo has for a field: in this very row, or in all rows that are alike.

    Args:
        zoo: rows that people have read already.
        entry: an imported row.
        field: of the setup, and missing in the entry.
    """
    own = [row for row in zoo.rows if row.name == entry.name]
    found = _values(own, field)
    if len(found) == 1:
        return Suggestion(value=found[0], why="as the zoo has it for this row")
    if field in _OF_THE_ROW_ALONE or any(key not in entry.setup for key in _ALIKE):
        return None
    alike = [row for row in zoo.rows if _is_alike(row, entry)]
    found = _values(alike, field)
    if len(found) != 1:
        return None
    return Suggestion(value=found[0], why=f"as in all {len(alike)} rows of the zoo that are alike")


def _is_alike(row: Row, entry: Entry) -> bool:
    return all(getattr(row.setup, key) == entry.setup[key] for key in _ALIKE)


def _values(rows: Iterable[Row], field: str) -> list[object]:
    """Return the different values of a field, for YAML."""
    values: list[object] = []
    for row in rows:
        content = row.setup.model_dump(mode="json")
        if field in content and content[field] not in values:
            values.append(content[field])
    return values
