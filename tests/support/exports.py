"""Records of any row, for exports, and the Hub's own reading of what is exported."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from huggingface_hub import EvalResult, EvalResultEntry, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results
from support.stored_runs import record_of, store_run
from support.trees import Finished

from hrnet_zoo import demo
from hrnet_zoo.records.accuracy import AccuracyAsked, DatasetUsed, Measurement
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.zoo.manifest import load_zoo

DEMO = ("--zoo", demo.MANIFEST, "--records", Path(__file__).parents[2] / "reports/demo/records")
FINGERPRINT = "ab" * 32


def store(folder: Path, name: str, values: dict[str, float], **changes: Any) -> Path:
    """Write the record of a complete run of a row, and return its path."""
    row = load_zoo().row(name)
    num_images = row.setup.num_images
    measurements = [
        Measurement(
            metric=metric,
            value=value,
            protocol=TASKS[row.task].protocol_used(row.setup, METRICS[metric].protocol or ""),
        )
        for metric, value in values.items()
    ]
    found: dict[str, Any] = {
        "asked": AccuracyAsked(metrics=list(values)),
        "dataset": DatasetUsed(
            name=row.setup.dataset,
            num_images=num_images,
            num_images_found=num_images,
            fingerprint=FINGERPRINT,
        ),
        "measurements": measurements,
    }
    return store_run(folder, record_of(name, **(found | changes)))


def in_crate(finished: Finished) -> dict[str, dict[str, Any]]:
    """Return the entities of a crate by their ids, after what the specifications say a crate MUST.

    Source: RO-Crate 1.1, sections Root Data Entity, Data Entities, Contextual Entities and RO-Crate
    JSON-LD; Process Run Crate 0.5, Requirements.
    """
    assert finished.code == 0, finished.err
    content = json.loads(finished.out)
    assert list(content) == ["@context", "@graph"]
    assert content["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in content["@graph"]}
    assert len(entities) == len(content["@graph"])
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert descriptor["about"] == {"@id": "./"}
    assert root["@type"] == "Dataset"
    assert {"name", "description", "license"} <= root.keys()
    assert datetime.fromisoformat(root["datePublished"]).tzinfo is not None
    assert entities[root["conformsTo"]["@id"]]["@type"] == "CreativeWork"
    assert root["conformsTo"]["@id"].startswith("https://w3id.org/ro/wfrun/process/")
    files = {each["@id"] for each in entities.values() if each["@type"] == "File"}
    assert {part["@id"] for part in root["hasPart"]} == files
    for entity in entities.values():
        assert_flat(entity, entities)
        if entity["@type"] == "CreateAction":
            assert entities[entity["instrument"]["@id"]]["@type"] == "SoftwareApplication"
            assert {"@id": entity["@id"]} in root["mentions"]
    return entities


def assert_flat(entity: dict[str, Any], entities: dict[str, Any]) -> None:
    """Hold an entity against the form of RO-Crates: texts, numbers and links to known entities."""
    assert re.fullmatch(r"(?:[\w.~/:#?=&+!$'()*,;@-]|%[0-9A-F]{2})+", entity["@id"], re.ASCII)
    for key, value in entity.items():
        for one in value if isinstance(value, list) else [value]:
            if key == "conformsTo" and entity["@id"] == "ro-crate-metadata.json":
                continue  # the specification itself
            assert isinstance(one, str | float) or one["@id"] in entities, key
            assert isinstance(one, str | float) or one.keys() == {"@id"}


def closed(required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
LINK = {"type": "string", "pattern": "^https?://"}
ANY = {"type": "object"}

# What huggingface/hub-docs documents in modelcard.md, and `source` as huggingface_hub 2.4.0 reads
# it; without `verified` and `verifyToken`, which only Hugging Face may set.
MODEL_INDEX = closed(
    {
        "model-index": {
            "type": "array",
            "minItems": 1,
            "items": closed(
                {
                    "name": TEXT,
                    "results": {
                        "type": "array",
                        "minItems": 1,
                        "items": closed(
                            {
                                "task": closed({"type": TEXT}, {"name": TEXT}),
                                "dataset": closed(
                                    {"type": TEXT, "name": TEXT},
                                    {"config": TEXT, "split": TEXT, "revision": TEXT, "args": ANY},
                                ),
                                "metrics": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": closed(
                                        {"type": TEXT, "value": {"type": "number"}},
                                        {"name": TEXT, "config": TEXT, "args": ANY},
                                    ),
                                },
                            },
                            {"source": closed({"url": LINK}, {"name": TEXT})},
                        ),
                    },
                },
                {},
            ),
        }
    },
    {},
)

# The same of docs/hub/eval-results.md.
EVAL_RESULTS = {
    "type": "array",
    "minItems": 1,
    "items": closed(
        {
            "dataset": closed(
                {"id": {"type": "string", "pattern": "^[^/ ]+/[^/ ]+$"}, "task_id": TEXT},
                {"revision": TEXT},
            ),
            "value": {"type": "number"},
        },
        {
            "date": {
                "type": "string",
                "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$",
            },
            "source": closed({"url": LINK}, {"name": TEXT, "user": TEXT, "org": TEXT}),
            "notes": TEXT,
        },
    ),
}


def in_card(finished: Finished) -> dict[str, list[EvalResult]]:
    """Return what the Hub's library finds in a model card: results by the names of models."""
    assert finished.code == 0, finished.err
    content = yaml.safe_load(finished.out)
    jsonschema.validate(content, MODEL_INDEX)
    return dict(model_index_to_eval_results([model]) for model in content["model-index"])


def in_file(finished: Finished) -> list[EvalResultEntry]:
    """Return what the Hub's library finds in a file of .eval_results/."""
    assert finished.code == 0, finished.err
    content = yaml.safe_load(finished.out)
    jsonschema.validate(content, EVAL_RESULTS)
    return parse_eval_result_entries(content)
