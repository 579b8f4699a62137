"""Scoring in a process of its own: what is said where it never ends, or crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.bad_ends import crash, hang
from support.coco_tree import make_coco
from support.trees import RunCli

from hrnet_zoo.errors import ResultsError
from hrnet_zoo.runs.score import Asked, score_apart
from hrnet_zoo.system.progress import Silent


@pytest.mark.parametrize(
    ("work", "least_s", "said"),
    [(hang, 1.0, "was ended after 1 seconds"), (crash, 60.0, "by itself (killed by SIGSEGV)")],
)
def test_what_the_gate_overlooks_is_a_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[..., None],
    least_s: float,
    said: str,
) -> None:
    monkeypatch.setattr("hrnet_zoo.runs.score.scores_of", work)
    monkeypatch.setattr("hrnet_zoo.runs.score._LEAST_S", least_s)
    asked = Asked(
        results=tmp_path / "results.json",
        dataset="coco",
        folder=tmp_path,
        kind="auto",
        protocol="coco",
        backend="auto",
    )
    with pytest.raises(ResultsError) as ended:
        score_apart(asked, Silent())
    assert said in str(ended.value)
    assert str(ended.value).startswith(f"{asked.results} could not be scored. A process")


def test_the_process_says_what_is_wrong(run_cli: RunCli, tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    finished = run_cli("score", tmp_path / "no.json", "--dataset", "coco", "--data-root", root)
    assert finished.code == 3
    assert "no.json cannot be read: No such file or directory" in finished.err
