"""Runs as an RO-Crate: what was done when with which inputs, and the files that say so.

Source: RO-Crate 1.1, and Process Run Crate 0.5 of the Workflow Run RO-Crate profiles. Weights and
images are not in the crate; contextual entities name them by their digests.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed, DatasetUsed
from hrnet_zoo.records.folder import CRATE_NAME, Found
from hrnet_zoo.records.images_file import named_by
from hrnet_zoo.report.exports.counting import LeftOut, RowRun, on_the_web
from hrnet_zoo.report.text import metric_title
from hrnet_zoo.system.opening import open_regular
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import UNFINISHED, judge
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.zoo.row import Row

Entity = dict[str, Any]

_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
"""Has sha256, which those of the crate lack."""
_COMPLETED = "http://schema.org/CompletedActionStatus"
_FAILED = "http://schema.org/FailedActionStatus"


def ro_crate(
    runs: Iterable[RowRun],
    folder: Path,
    *,
    licence: str,
    made_at: datetime,
    bundle: Path | None = None,
) -> tuple[Entity, list[LeftOut]]:
    """Return the metadata of a crate, and which runs are not in it.

    Args:
        runs: newest first, whatever came of them.
        folder: of the records; without a bundle that of the crate, too.
        licence: URL of the one under which the files may be used.
        made_at: when this is published.
        bundle: the file that has the records, whose folder is the crate's.
    """
    crate = _Crate(folder if bundle is None else bundle.parent)
    left_out = list[LeftOut]()
    inside = [] if bundle is None else [crate.add_file(bundle, "application/zip")]
    for each in runs:
        row, run = each.row, each.run
        evidence = evidence_of(row, run.record, run.path)
        if reason := _unfit(run.record, evidence):
            left_out.append(LeftOut(what=f"{row.name}, {run.path.name}", reason=reason))
            continue
        files = inside or [crate.add_file(*file) for file in _files(run)]
        own = quote(os.fsencode(run.path.relative_to(folder).with_suffix("")))
        crate.add_run(row, run.record, evidence, f"#run/{own}", files)
    return crate.metadata(licence, made_at), left_out


def as_json(metadata: Entity) -> str:
    """Return the text of the file."""
    return json.dumps(metadata, indent=2, allow_nan=False) + "\n"


def _unfit(record: AccuracyRecord, evidence: Evidence) -> str:
    """Return why a run is not worth telling; empty if it is."""
    if record.status == "started":
        return UNFINISHED["started"]
    first, *others = evidence.found or [""]
    return f"{first} (and {len(others)} more)" if others else first


def _files(run: Found[AccuracyRecord]) -> Iterator[tuple[Path, str]]:
    yield run.path, "application/json"
    images = named_by(run.record, run.path)
    if images is not None and images.is_file():
        yield images, "application/jsonl"


class _Crate:
    """The entities of a crate; each is there once, however many runs have to do with it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entities: dict[str, Entity] = {}
        self._files: dict[str, Entity] = {}
        self._actions: list[Entity] = []

    def add_file(self, path: Path, form: str) -> Entity:
        """Add a file below the root, of a media type, and return what refers to it."""
        with open_regular(path) as file:
            content = file.read()
        own = quote(os.fsencode(path.relative_to(self._root)))
        entity = {
            "@id": own,
            "@type": "File",
            "name": path.name,
            "encodingFormat": form,
            "contentSize": str(len(content)),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        self._files[own] = self._add(entity)
        return self._files[own]

    def add_run(
        self, row: Row, record: AccuracyRecord, evidence: Evidence, own: str, files: list[Entity]
    ) -> None:
        """Add a run, called ``own`` here, with what it took and gave."""
        taken = list[Entity]()
        if record.checkpoint is not None:
            taken.append(self._add(_checkpoint(record.checkpoint)))
        if record.dataset is not None:
            taken.append(self._add(_data(record.dataset)))
        action = {
            "@id": own,
            "@type": "CreateAction",
            "name": f"hrnet-zoo verify {row.name}, edition {row.edition}",
            "description": _circumstances(record),
            "instrument": self._add(_software(record)),
            "startTime": record.started_at.isoformat(),
            "endTime": record.finished_at and record.finished_at.isoformat(),
            "object": taken,
        }
        if record.status == "completed":
            values = [self._add(value) for value in _values(row, record, evidence, own)]
            action |= {"actionStatus": _COMPLETED, "result": [*files, *values]}
        else:
            # Its own reason may name folders of the machine.
            error = UNFINISHED.get(record.status, "it could not be run")
            action |= {"actionStatus": _FAILED, "error": error, "result": files}
        self._actions.append(self._add(action))

    def metadata(self, licence: str, made_at: datetime) -> Entity:
        """Return all of it, the crate itself first."""
        descriptor = {
            "@id": CRATE_NAME,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CRATE},
            "about": {"@id": "./"},
        }
        root = {
            "@id": "./",
            "@type": "Dataset",
            "name": "Runs of hrnet-zoo",
            "description": f"{len(self._actions)} evaluations of published HRNet checkpoints: "
            "measured values, the result of every image, and the machines they ran on.",
            "datePublished": made_at.isoformat(),
            "license": {"@id": licence},
            "conformsTo": {"@id": _PROFILE},
            "hasPart": [*self._files.values()],
            "mentions": self._actions,
        }
        profile = {"name": "Process Run Crate", "version": "0.5"}
        self._add({"@id": _PROFILE, "@type": "CreativeWork"} | profile)
        self._add({"@id": licence, "@type": "CreativeWork", "name": licence})
        graph = [descriptor, root, *self._entities.values()]
        return {"@context": [f"{_CRATE}/context", _TERMS], "@graph": graph}

    def _add(self, entity: Entity) -> Entity:
        said = {key: value for key, value in entity.items() if value not in (None, [])}
        self._entities.setdefault(entity["@id"], said)
        return {"@id": entity["@id"]}


def _software(record: AccuracyRecord) -> Entity:
    version = record.environment.packages.get("hrnet-zoo")
    return {
        "@id": f"#hrnet-zoo-{quote(version or 'unknown', errors='replace')}",
        "@type": "SoftwareApplication",
        "name": "hrnet-zoo",
        "softwareVersion": version,
    }


def _circumstances(record: AccuracyRecord) -> str:
    """Return on what a run took place, as far as the record says."""
    settings, machine = record.settings, record.environment
    said = [settings.device if settings else "", *machine.gpus, machine.cpu, machine.platform]
    said += [f"{name} {version}" for name, version in machine.packages.items()]
    said += [f"opencv {machine.opencv}"] if machine.opencv else []
    return "; ".join(filter(None, said)) or "nothing is known of the machine"


def _checkpoint(used: CheckpointUsed) -> Entity:
    return {
        "@id": f"#checkpoint-{used.sha256}",
        "@type": "CreativeWork",
        "name": used.file_name,
        "description": "the weights that were evaluated",
        "contentSize": str(used.size_bytes),
        "sha256": used.sha256,
        "url": on_the_web(used.url),
    }


def _data(used: DatasetUsed) -> Entity:
    title = DATASETS[used.name].title if used.name in DATASETS else used.name
    return {
        "@id": f"#data-{quote(f'{used.name}-{used.fingerprint}', errors='replace')}",
        "@type": "CreativeWork",
        "name": f"{title}, validation split",
        "description": f"{used.num_images} images; the identifier is the SHA-256 over names and "
        "contents of all evaluated images and labels",
        "identifier": used.fingerprint,
    }


def _values(row: Row, record: AccuracyRecord, evidence: Evidence, own: str) -> Iterator[Entity]:
    """Yield what was measured, with the verdict on it."""
    for measurement in record.measurements:
        metric = measurement.metric
        if metric not in METRICS or measurement.value is None:
            continue
        judgement = judge(row, record, metric, evidence=evidence)
        said = [judgement.verdict.label, judgement.reason]
        said.append("" if judgement.documented is None else f"documented {judgement.documented}")
        yield {
            "@id": f"{own}/{metric}",
            "@type": "PropertyValue",
            "name": metric_title(metric),
            "propertyID": metric,
            "value": measurement.value,
            "unitText": METRICS[metric].unit,
            "description": "; ".join(filter(None, said)),
        }
