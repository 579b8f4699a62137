"""What a person has to add to an imported entry: where it is found, and what similar rows have."""

from __future__ import annotations

from collections.abc import Sequence

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
"""Field of the setup -> where upstream's configuration states it."""

_ALIKE = ("architecture", "dataset")


def suggestion(zoo: Zoo, entry: Entry, field: str) -> tuple[object, str] | None:
    """Return what the zoo has for a field, as YAML has it, and why it is likely.

    It is suggested, never filled in: only a person who has read the configuration can tell.

    Args:
        zoo: rows that people have read already; this very row, or all rows that are alike, count.
        entry: an imported row.
        field: of the setup, and missing in the entry.
    """
    own = [row for row in zoo.rows if row.name == entry.name]
    found = _values(own, field)
    if len(found) == 1:
        return found[0], "as the zoo has it for this row"
    if field == "backbone" or any(key not in entry.setup for key in _ALIKE):
        return None
    alike = [
        row
        for row in zoo.rows
        if all(getattr(row.setup, key) == entry.setup[key] for key in _ALIKE)
    ]
    found = _values(alike, field)
    if len(found) != 1:
        return None
    return found[0], f"as in all {len(alike)} rows of the zoo that are alike"


def _values(rows: Sequence[Row], field: str) -> list[object]:
    """Return the different values of a field, for YAML."""
    values: list[object] = []
    for row in rows:
        content = row.setup.model_dump(mode="json")
        if field in content and content[field] not in values:
            values.append(content[field])
    return values
