"""hrnet-zoo records: listing, showing, indexing and pruning."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import filelock
import pytest
from made_up_runs import SETTINGS
from support.stored_runs import (
    BEGIN,
    OTHER,
    ROW,
    memory_of,
    record_of,
    store_memory,
    store_run,
    store_timing,
)
from support.trees import RunCli

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import Kind
from hrnet_zoo.records.files import new_record_path, write_record
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.prune import superfluous
from hrnet_zoo.records.runs import index_file, open_store, rebuild_index
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.gathering import read_all
from hrnet_zoo.verdicts.comparison.sides import read_side

pytestmark = pytest.mark.usefixtures("taken_as_sound")

LATER = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs of one row, one of another, and one timing."""
    folder = tmp_path / "records"
    for day, miou in ((0, 73.0), (1, 73.5), (2, 73.86)):
        store_run(folder, record_of(day=day, miou=miou))
    store_run(folder, record_of(OTHER, day=3, status="interrupted", measurements=[]))
    store_timing(folder, day=4)
    return folder


def listed(run_cli: RunCli, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    finished = run_cli("records", "list", *arguments, "--records", folder, "--format", "json")
    assert finished.code == 0
    runs: list[dict[str, Any]] = json.loads(finished.out)
    return runs


def test_the_list_is_newest_first_and_tells_values(folder: Path, run_cli: RunCli) -> None:
    finished = run_cli("records", "list", "--records", folder)
    lines = finished.out.splitlines()
    assert finished.code == 0
    assert [line[:10] for line in lines[2:7]] == [
        "2026-01-05", "2026-01-04", "2026-01-03", "2026-01-02", "2026-01-01",
    ]  # fmt: skip
    assert "documented 5.00 ms" in lines[2]
    assert "interrupted" in lines[3]
    assert "mIoU 73.86" in lines[4]
    assert lines[-1] == "5 runs"


def test_the_files_of_the_list_can_be_shown(folder: Path, run_cli: RunCli) -> None:
    for run in listed(run_cli, folder):
        assert run_cli("records", "show", run["file"], "--records", folder).code == 0


def test_times_are_in_utc(tmp_path: Path, run_cli: RunCli) -> None:
    there = timezone(timedelta(hours=2))
    store_run(tmp_path, record_of(started_at=datetime(2026, 1, 1, 1, 30, tzinfo=there)))
    out = run_cli("records", "list", "--records", tmp_path).out
    assert "2025-12-31 23:30:00" in out


@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        ([ROW], [5, 3, 2, 1]),
        (["fcn_hr48*"], [4]),
        (["fcn_hr18?_*", OTHER], [5, 4, 3, 2, 1]),
        (["--status", "interrupted"], [4]),
        (["--since", "2026-01-03"], [5, 4, 3]),
        (["--since", "2026-01-03T00:00:01"], [5, 4]),
        (["--since", "2026-01-03T01:00:00+01:00"], [5, 4, 3]),
        (["--since", "1h"], []),
    ],
    ids=str,
)
def test_filters(folder: Path, run_cli: RunCli, arguments: list[str], days: list[int]) -> None:
    runs = listed(run_cli, folder, *arguments)
    assert [int(run["started_at"][8:10]) for run in runs] == days


def test_mistyped_filters(folder: Path, run_cli: RunCli) -> None:
    finished = run_cli("records", "list", OTHER[:-1], "--records", folder)
    assert finished.code == 2
    assert f"Close: {OTHER}" in finished.err
    assert run_cli("records", "list", "--since", "yesterday").code == 2
    assert run_cli("records", "list", "--since", "999999d").code == 2
    assert run_cli("records", "list", "--records", folder / "nowhere").code == 2


def test_no_records_are_no_error(run_cli: RunCli) -> None:
    finished = run_cli("records", "list")
    assert (finished.code, finished.out) == (0, "0 runs\n")
    finished = run_cli("records", "index")
    assert (finished.code, finished.out[:7]) == (0, "0 runs:")


@pytest.mark.parametrize(
    "content", ["{", '{"row": 1e400}', '{"row": NaN}', '{"schema_version": 99}', '{"row": 1}', "[]"]
)
def test_damaged_files_are_named_and_the_others_listed(
    folder: Path, run_cli: RunCli, content: str
) -> None:
    damaged = folder / ROW / "20260201T000000Z.json"
    damaged.write_text(content)
    for command in (["list"], ["index"], ["prune", "--keep", "9", "--yes"]):
        finished = run_cli("records", *command, "--records", folder)
        assert finished.code == 3
        assert str(damaged) in finished.err
        assert finished.err.count("error:") == 1
        assert "Traceback" not in finished.err
    assert "5 runs" in run_cli("records", "list", "--records", folder).out
    assert damaged.is_file()


@pytest.mark.parametrize(
    ("kind", "command"), [("accuracy", "verify"), ("timing", "time"), ("memory", "memory")]
)
def test_a_run_in_progress_is_not_damage(
    folder: Path, run_cli: RunCli, kind: Kind, command: str
) -> None:
    """Its file is empty, and so it stays if the run is killed."""
    path = new_record_path(folder, OTHER, BEGIN, kind)
    run = listed(run_cli, folder, "--status", "started")[0]
    assert (run["row"], run["kind"]) == (OTHER, command)
    assert len(list(read_records(folder, AccuracyRecord))) == 4
    assert len(list(read_records(folder, TimingRecord))) == 1
    shown = run_cli("records", "show", path)
    assert shown.code == 3
    assert "the run is going on, or was killed" in shown.err


def test_all_that_read_records_find_the_same(tmp_path: Path, run_cli: RunCli) -> None:
    """Deeper folders, links to folders and in circles, hidden files, and a link to nothing."""
    elsewhere = tmp_path / "elsewhere"
    store_run(elsewhere, record_of(day=0))
    folder = tmp_path / "records"
    store_run(folder / "a" / "b", record_of(day=1))
    store_run(folder / ".hidden", record_of(day=2))
    rebuild_index(folder)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "a" / "circle").symlink_to(folder)
    assert len(open_store(folder).runs) == 2
    assert len(list(read_records(folder, AccuracyRecord))) == 2
    assert len(list(read_all(folder))) == 2
    assert len(read_side(folder).accuracies) == 2
    dangling = folder / ROW / "20260109T000000Z.json"
    dangling.parent.mkdir()
    dangling.symlink_to(tmp_path / "nowhere")
    assert len(open_store(folder).damaged) == 1
    assert len(read_side(folder).problems) == 1
    with pytest.raises(RecordError, match="There is no record"):
        list(read_records(folder, AccuracyRecord))
    assert run_cli("report", "tables", "--records", folder).code == 3


class TestIndex:
    def test_it_changes_nothing_about_the_list(self, folder: Path, run_cli: RunCli) -> None:
        without = listed(run_cli, folder)
        assert run_cli("records", "index", "--records", folder).code == 0
        assert listed(run_cli, folder) == without

    def test_files_it_knows_are_not_read(self, folder: Path) -> None:
        rebuild_index(folder)
        path = next((folder / OTHER).glob("*.json"))
        stat = path.stat()
        path.write_bytes(b" " * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert not open_store(folder).damaged
        index_file(folder).unlink()
        assert open_store(folder).damaged

    def test_changed_new_and_deleted_files_are_noticed(self, folder: Path, run_cli: RunCli) -> None:
        rebuild_index(folder)
        path = next((folder / OTHER).glob("*.json"))
        write_record(record_of(OTHER, day=3, miou=12.0), path)
        store_run(folder, record_of(day=9))
        (folder / ROW / "20260101T000000Z.json").unlink()
        runs = listed(run_cli, folder)
        assert [int(run["started_at"][8:10]) for run in runs] == [10, 5, 4, 3, 2]
        assert runs[2]["values"] == {"miou": 12.0}

    @pytest.mark.parametrize("content", ["", "[]", '{"index_version": 1, "runs": []}'])
    def test_a_damaged_one_is_not_used(self, folder: Path, run_cli: RunCli, content: str) -> None:
        index_file(folder).write_text(content)
        assert len(listed(run_cli, folder)) == 5

    def test_it_is_no_record(self, folder: Path) -> None:
        rebuild_index(folder)
        assert len(rebuild_index(folder).runs) == 5

    @pytest.mark.alone
    def test_ten_thousand_runs_are_listed_within_two_seconds(self, tmp_path: Path) -> None:
        folder = tmp_path / "many"
        text = record_of().model_dump_json()
        for row in range(10):
            parent = folder / f"row{row}"
            parent.mkdir(parents=True)
            for run in range(1000):
                (parent / f"{run}.json").write_text(text)
        rebuild_index(folder)
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            assert len(open_store(folder).runs) == 10_000
            seconds.append(time.perf_counter() - begin)
        assert min(seconds) < 2


class TestShow:
    def test_of_a_row_the_newest(self, folder: Path, run_cli: RunCli) -> None:
        store_run(folder, record_of(day=8, miou=73.861))
        out = run_cli("records", "show", ROW, "--records", folder).out
        assert "73.861   +0.001  match" in out
        assert "2026-01-09 00:00:00 UTC" in out
        for said in ("Fast CPU", "500", "metrics miou", "channel_order"):
            assert said in out

    def test_json_holds_record_and_verdicts(self, folder: Path, run_cli: RunCli) -> None:
        path = store_run(folder, record_of(OTHER, day=8, miou=70.0))
        content = json.loads(run_cli("records", "show", path, "--format", "json").out)
        assert content["verdicts"]["miou"]["verdict"] == "mismatch_worse"
        assert content["record"] == json.loads(path.read_text())

    def test_why_a_run_did_not_complete(self, tmp_path: Path, run_cli: RunCli) -> None:
        record = record_of(status="not_run", measurements=[], reason="there was no data")
        path = store_run(tmp_path, record)
        out = run_cli("records", "show", path).out
        assert "not run" in out
        assert "there was no data" in out

    @pytest.mark.parametrize("metrics", [None, 3, "miou", [["miou"]], {"miou": 1}])
    def test_arguments_of_another_shape(
        self, tmp_path: Path, run_cli: RunCli, metrics: object
    ) -> None:
        old = record_of().model_dump(mode="json", exclude={"asked", "kind"})
        path = tmp_path / "1.json"
        path.write_text(json.dumps(old | {"schema_version": 1, "arguments": {"metrics": metrics}}))
        finished = run_cli("records", "show", path)
        assert finished.code == 0
        assert "73.860" in finished.out

    def test_rows_that_the_manifest_does_not_know(self, tmp_path: Path, run_cli: RunCli) -> None:
        path = store_run(tmp_path, record_of().model_copy(update={"row": "mine"}))
        finished = run_cli("records", "show", path)
        assert finished.code == 0
        assert 'no verdict: No row is called "mine"' in finished.out
        assert "73.860" in finished.out
        content = json.loads(run_cli("records", "show", path, "--format", "json").out)
        assert content["verdicts"] is None

    def test_timings(self, folder: Path, run_cli: RunCli) -> None:
        path = store_timing(folder, day=20)
        out = run_cli("records", "show", path).out
        assert "documented" in out
        assert "5.00" in out
        content = json.loads(run_cli("records", "show", path, "--format", "json").out)
        assert content["variants"][0]["seconds"] == [0.004, 0.005, 0.006]

    def test_of_neither_file_nor_row(self, folder: Path, run_cli: RunCli) -> None:
        finished = run_cli("records", "show", ROW[:-1], "--records", folder)
        assert finished.code == 2
        assert f"Close: {ROW}" in finished.err

    def test_of_a_damaged_file(self, tmp_path: Path, run_cli: RunCli) -> None:
        (tmp_path / "r.json").write_text('{"row": "a')
        finished = run_cli("records", "show", tmp_path / "r.json")
        assert finished.code == 3
        assert "not a readable record" in finished.err


class TestPrune:
    def test_the_only_timing_of_an_edition_stays(self, tmp_path: Path, run_cli: RunCli) -> None:
        store_timing(tmp_path, day=0, edition="later")
        store_timing(tmp_path, day=1)
        store_timing(tmp_path, day=2)
        run_cli("records", "prune", "--keep", "1", "--yes", "--records", tmp_path)
        runs = listed(run_cli, tmp_path)
        assert [run["edition"] for run in runs] == ["readme", "later"]
        assert "time, later" in run_cli("records", "list", "--records", tmp_path).out

    def test_memory_is_counted_apart(self, tmp_path: Path, run_cli: RunCli) -> None:
        for day in (0, 1):
            store_memory(tmp_path, memory_of(day=day))
        store_timing(tmp_path, day=2)
        store_run(tmp_path, record_of(day=3))
        run_cli("records", "prune", "--keep", "1", "--yes", "--records", tmp_path)
        runs = listed(run_cli, tmp_path)
        assert [run["kind"] for run in runs] == ["verify", "time", "memory"]
        assert runs[-1]["values"] == {"predicted": pytest.approx(1.66)}

    def test_the_only_value_of_a_number_stays(self, tmp_path: Path, run_cli: RunCli) -> None:
        """Of another metric, of another device, and of all images rather than some."""
        multi_scale = record_of(day=0).measurements[0].model_copy(update={"metric": "miou_ms_flip"})
        full = record_of(day=3)
        assert full.dataset is not None
        partial = full.dataset.model_copy(update={"num_images": 5})
        for changes in (
            {"measurements": [multi_scale]},
            {"settings": SETTINGS.model_copy(update={"device": "cuda"})},
            {},
            {},
            {"dataset": partial},
            {"dataset": partial},
        ):
            day = len(list((tmp_path / ROW).glob("*.json")))
            store_run(tmp_path, record_of(day=day, **changes))
        for day, device in enumerate(("cuda", "cpu", "cpu")):
            path = store_timing(tmp_path, day=day)
            path.write_text(path.read_text().replace('"device": "cpu"', f'"device": "{device}"'))
        run_cli("records", "prune", "--keep", "1", "--yes", "--records", tmp_path)
        left = [(run["kind"], run["started_at"][8:10]) for run in listed(run_cli, tmp_path)]
        assert sorted(left) == [
            *(("time", day) for day in ("01", "03")),
            *(("verify", day) for day in ("01", "02", "04", "06")),
        ]

    def test_folders_inside_count_for_themselves(self, tmp_path: Path) -> None:
        store_run(tmp_path / "baseline", record_of(day=0))
        store_run(tmp_path, record_of(day=1))
        assert superfluous(open_store(tmp_path), 1, datetime.now(UTC)) == []

    def test_nothing_goes_unless_told_so(self, folder: Path, run_cli: RunCli) -> None:
        before = sorted(folder.rglob("*"))
        finished = run_cli("records", "prune", "--keep", "1", "--records", folder)
        assert "would go: 2 runs" in finished.out
        assert "--yes" in finished.out
        assert sorted(folder.rglob("*")) == before

    def test_old_runs_go_with_all_that_lies_beside_them(
        self, folder: Path, run_cli: RunCli
    ) -> None:
        worst = folder / ROW / "20260101T000000Z.worst"
        worst.mkdir()
        (worst / "01.png").write_bytes(b"x" * 5000)
        rebuild_index(folder)
        size = sum(p.stat().st_size for p in folder.rglob("20260101*.*") if p.is_file())
        finished = run_cli("records", "prune", "--keep", "2", "--yes", "--records", folder)
        assert f"1 run, {(size + 5000) / 1000:.1f} kB" in finished.out
        assert not list((folder / ROW).glob("20260101*"))
        assert len(listed(run_cli, folder)) == 4
        assert "20260101" not in index_file(folder).read_text()

    def test_rows_editions_and_commands_are_counted_apart(self, tmp_path: Path) -> None:
        base = record_of()
        for day, changes in enumerate(
            [{"row": LATER}, {"row": LATER, "edition": "later"}, {"row": OTHER}]
        ):
            began = BEGIN + timedelta(days=day)
            store_run(tmp_path, base.model_copy(update=changes | {"started_at": began}))
        store_timing(tmp_path, day=7)
        assert superfluous(open_store(tmp_path), 1, datetime.now(UTC)) == []

    def test_the_newest_completed_run_stays(self, tmp_path: Path, run_cli: RunCli) -> None:
        store_run(tmp_path, record_of(day=0))
        completed = store_run(tmp_path, record_of(day=1))
        for day in (2, 3):
            store_run(tmp_path, record_of(day=day, status="error"))
        run_cli("records", "prune", "--keep", "1", "--yes", "--records", tmp_path)
        left = [run["started_at"][8:10] for run in listed(run_cli, tmp_path)]
        assert left == ["04", "02"]
        assert completed.is_file()

    def test_a_run_that_may_be_going_on_stays(self, tmp_path: Path) -> None:
        day = timedelta(days=1)
        old = store_run(tmp_path, record_of(day=0, status="started"))
        store_run(tmp_path, record_of(day=5))

        def going(now: datetime) -> list[str]:
            return [one.run.file for one in superfluous(open_store(tmp_path), 1, now)]

        assert going(BEGIN + 6 * day) == []
        assert going(BEGIN + 8 * day) == [old.relative_to(tmp_path).as_posix()]
        journal = old.with_name(".unfinished-miou.jsonl.lock")
        with filelock.FileLock(journal):
            assert going(BEGIN + 8 * day) == []

    def test_a_journal_goes_with_the_last_run_that_wrote_it(
        self, tmp_path: Path, run_cli: RunCli
    ) -> None:
        killed = store_run(tmp_path, record_of(day=0, status="started"))
        again = store_run(tmp_path, record_of(day=1, status="interrupted"))
        store_run(tmp_path, record_of(day=2))
        journals = {}
        for metric, runs in {"miou": [killed], "miou_ms_flip": [killed, again]}.items():
            journals[metric] = killed.with_name(f".unfinished-{metric}.jsonl")
            lines = [f'00000000 {{"record": "{path.name}"}}\n' for path in runs]
            journals[metric].write_text("".join(lines) + '00000000 {"record"')
            journals[metric].with_name(f"{journals[metric].name}.lock").touch()
        run_cli("records", "prune", "--keep", "2", "--yes", "--records", tmp_path)
        assert not killed.exists()
        assert not journals["miou"].exists()
        assert journals["miou_ms_flip"].exists()
        run_cli("records", "prune", "--keep", "1", "--yes", "--records", tmp_path)
        assert not list((tmp_path / ROW).glob(".unfinished-*"))

    def test_what_cannot_be_deleted_is_named(
        self, folder: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, **_: bool) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", refuse)
            finished = run_cli("records", "prune", "--keep", "1", "--yes", "--records", folder)
        assert finished.code == 3
        assert "cannot be deleted: Permission denied" in finished.err
        assert len(listed(run_cli, folder)) == 5


def test_two_runs_of_one_second_keep_their_order(tmp_path: Path) -> None:
    for _ in range(2):
        write_record(record_of(), new_record_path(tmp_path, ROW, BEGIN))
    files = [Path(run.file).name for run in open_store(tmp_path).runs]
    assert files == ["20260101T000000Z-2.json", "20260101T000000Z.json"]
