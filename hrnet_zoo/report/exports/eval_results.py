"""Results as a file below `.eval_results/` of a model's repository on the Hugging Face Hub.

Source: huggingface/hub-docs, `docs/hub/eval-results.md`; huggingface_hub 2.4.0, `EvalResultEntry`.
`verifyToken` is Hugging Face's own and never set, and neither is `revision`: it is a commit of the
benchmark's repository, and what was evaluated are files on this disk, whose fingerprint is noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hrnet_zoo.report.exports.counting import LeftOut, Result
from hrnet_zoo.report.exports.model_index import in_unit, source_of
from hrnet_zoo.zoo.zoo import Zoo


class Benchmark(NamedTuple):
    """A leaderboard on the Hub."""

    dataset: str
    """Repository of the benchmark: "organisation/name"."""
    task: str
    """One of the tasks of its `eval.yaml`."""


def eval_results(
    zoo: Zoo,
    results: Iterable[Result],
    benchmarks: Mapping[str, Benchmark],
    published: str | None,
) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """Return the entries of some results of one row, and those that belong to no benchmark.

    Args:
        zoo: whose row was measured.
        results: of one row.
        benchmarks: by the names of metrics; nobody but the user knows which one is meant.
        published: URL of the records or their bundle; None: sources are the tables.
    """
    entries, left_out = list[dict[str, Any]](), list[LeftOut]()
    for result in results:
        if (benchmark := benchmarks.get(result.metric.name)) is None:
            what = f"{result.row.name}, {result.metric.title}"
            reason = f"no --benchmark {result.metric.name}=... says where it belongs"
            left_out.append(LeftOut(what=what, reason=reason))
            continue
        record = result.run.record
        entries.append(
            {
                "dataset": {"id": benchmark.dataset, "task_id": benchmark.task},
                "value": result.value,
                "date": (record.finished_at or record.started_at).isoformat(),
                **source_of(zoo, result, published),
                "notes": _notes(result),
            }
        )
    return entries, left_out


def _notes(result: Result) -> str:
    judgement, data = result.judgement, result.data
    version = result.run.record.environment.packages.get("hrnet-zoo", "")
    return "; ".join(
        [
            in_unit(result),
            f"{judgement.verdict.label} with the documented {judgement.documented}",
            f"{data.num_images} images of {data.name}, fingerprint {data.fingerprint}",
            f"checkpoint SHA-256 {result.checkpoint.sha256}",
            f"hrnet-zoo {version}".rstrip(),
        ]
    )
