"""Makes a bundle of records: what anybody needs to judge them again, without data or network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from hrnet_zoo import __version__
from hrnet_zoo.bundles.container import packed
from hrnet_zoo.bundles.envelope import sealed
from hrnet_zoo.bundles.evaluating import evaluations_of, files_of, record_name, resource
from hrnet_zoo.bundles.reading import ATTESTATIONS, MANIFEST, RECORD_NAME, run_in, subjects_of
from hrnet_zoo.bundles.statement import (
    Assurance,
    EvaluationStatement,
    Harness,
    PolicyStatement,
    Predicate,
    result_of,
)
from hrnet_zoo.errors import BundleError
from hrnet_zoo.system.sources import sources_digest
from hrnet_zoo.verdicts.criteria import row_content
from hrnet_zoo.zoo.zoo import Zoo

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


def bundle_of(
    zoo: Zoo,
    paths: Sequence[Path],
    made_at: datetime,
    *,
    third_party: bool = False,
    signer: CryptoSigner | None = None,
) -> bytes:
    """Return the file of a bundle.

    Args:
        zoo: with the rows to judge by.
        paths: of completed records of accuracy, whose images files lie beside them.
        made_at: the time now.
        third_party: whether others publish the weights than those who measured.
        signer: signs it; None: nobody does.

    Raises:
        RecordError: a record cannot be read.
        BundleError: a record is no evidence, or two cannot lie in one bundle.
        UsageError: the zoo has not the row of a record.
    """
    runs = sorted((run_in(path) for path in paths), key=record_name)
    names = [record_name(run) for run in runs]
    for run, name in zip(runs, names, strict=True):
        is_twice = names.count(name) > 1
        if is_twice or not RECORD_NAME.fullmatch(name):
            why = "another one is, too" if is_twice else "no record is"
            msg = f"{run.path} would be called {name!r} in the bundle, and {why}. Leave it out."
            raise BundleError(msg)
    declared: Assurance = "third_party" if third_party else "self_attested"
    evaluations = evaluations_of(zoo, runs, [declared] * len(runs))
    manifest = manifest_of(zoo, {run.record.row for run in runs})
    predicate = Predicate(
        made_at=made_at,
        made_by=Harness(version=__version__, sources_sha256=sources_digest()),
        signer=signer.public_key.keyval["public"] if signer else None,
        manifest=resource(MANIFEST, manifest),
        evaluations=evaluations,
    )
    subject = subjects_of(predicate)
    ours = EvaluationStatement(subject=subject, predicate=predicate)
    standard = PolicyStatement(subject=subject, predicate=result_of(predicate))
    members = {
        ATTESTATIONS: sealed(ours, signer) + sealed(standard, signer),
        MANIFEST: manifest,
    }
    for run, each in zip(runs, evaluations, strict=True):
        members[each.record.name], members[each.images.name] = files_of(run)
    return packed(members)


def manifest_of(zoo: Zoo, names: set[str]) -> bytes:
    """Return a manifest of these rows alone, which are as they were."""
    rows = [row for row in zoo.rows if row.name in names]
    tables = [t for t in zoo.tables if any(zoo.table_of(row) is t for row in rows)]
    cited = {row.source for row in rows} | {row.later.source for row in rows if row.later}
    content = {
        "schema_version": 1,
        "sources": {key: zoo.sources[key].model_dump() for key in zoo.sources if key in cited},
        "tables": [table.model_dump() for table in tables],
        "rows": [row_content(row) for row in rows],
    }
    # Aliases would make one row depend on another, and manifests have none.
    dumper = type("WithoutAliases", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    return yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True).encode()
