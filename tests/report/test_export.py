"""Values as CSV and Parquet, and figures, read back."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas
import pytest
import vl_convert
from made_up_runs import write_run
from made_up_zoo import write_zoo
from PIL import Image
from pyarrow import parquet
from support.trees import RunCli

import hrnet_zoo
from hrnet_zoo import demo
from hrnet_zoo.errors import UsageError
from hrnet_zoo.report import export
from hrnet_zoo.report.export import COLUMNS, Value, values_of
from hrnet_zoo.report.html.chart_drawing import (
    OF_PAGE,
    delta_chart,
    delta_points,
    history_chart,
    history_points,
    on_page,
)
from hrnet_zoo.report.html.gathering import gather
from hrnet_zoo.zoo.manifest import load_zoo

pytestmark = pytest.mark.usefixtures("taken_as_sound")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("values") / "records"
    write_zoo(folder, runs=2, pictures=False)
    return folder


@pytest.fixture(scope="module")
def values(records: Path) -> list[Value]:
    return list(values_of(gather(load_zoo(), records)))


def test_every_run_of_every_number_has_a_line(records: Path, values: list[Value]) -> None:
    rows = {value.row for value in values}
    assert rows == {row.name for row in load_zoo().rows}
    written = list(records.glob("*/*.json"))
    named = {value.record for value in values if value.metric != "fps"} - {None}
    assert named == {path.relative_to(records).as_posix() for path in written}
    for path in written[:20]:
        content = json.loads(path.read_text())
        here = path.relative_to(records).as_posix()
        measured = {v.metric: v.measured for v in values if v.record == here and v.measured}
        assert measured == {m["metric"]: m["value"] for m in content["measurements"]}


def test_csv_comes_back_with_every_digit(
    run_cli: RunCli, tmp_path: Path, records: Path, values: list[Value]
) -> None:
    output = tmp_path / "deep" / "values.csv"
    assert run_cli("report", "export", "--records", records, "--output", output).code == 0
    with output.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(values)
    for line, value in zip(lines, values, strict=True):
        for name in ("documented", "measured", "delta", "interval_low"):
            number = getattr(value, name)
            assert line[name] == ("" if number is None else repr(number))
        assert line["documented_printed"] == (value.documented_printed or "")
        assert line["reason"] == (value.reason or "")
        assert line["counts"] == ("true" if value.counts else "false")
        assert line["started_at"] == (value.started_at.isoformat() if value.started_at else "")


def test_formulas_of_strangers_are_text_and_numbers_stay_numbers(
    tmp_path: Path, values: list[Value], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = replace(values[0], row="=HYPERLINK(1)", documented=-1.5, documented_printed="-1.5")
    monkeypatch.setattr(export, "values_of", lambda _: iter([line]))
    export.write_csv(None, tmp_path / "values.csv")  # type: ignore[arg-type]
    [read] = csv.DictReader((tmp_path / "values.csv").read_text().splitlines())
    assert read["row"] == "'=HYPERLINK(1)"
    assert read["documented"] == read["documented_printed"] == "-1.5"


def test_parquet_comes_back_with_types(
    run_cli: RunCli, tmp_path: Path, records: Path, values: list[Value]
) -> None:
    output = tmp_path / "values.parquet"
    arguments = ("--records", records, "--format", "parquet", "--output", output)
    assert run_cli("report", "export", *arguments).code == 0
    table = parquet.read_table(output)
    assert tuple(table.column_names) == COLUMNS
    assert str(table.schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("multiply_adds").type) == "int64"
    assert [Value(**line) for line in table.to_pylist()] == values


def test_results_are_the_lines_that_have_a_run(records: Path, values: list[Value]) -> None:
    table = hrnet_zoo.results(records)
    assert tuple(table.columns) == COLUMNS
    measured = [value for value in values if value.record is not None]
    assert 0 < len(measured) < len(values)
    lines: list[dict[str, Any]] = [
        {name: None if pandas.isna(cell) else cell for name, cell in line._asdict().items()}
        for line in table.itertuples(index=False)
    ]
    assert [Value(**line) for line in lines] == measured
    types = {name: str(table[name].dtype) for name in ("measured", "parameters", "counts")}
    assert types == {"measured": "float64", "parameters": "Int64", "counts": "bool"}
    assert str(table["started_at"].dtype) == "datetime64[us, UTC]"


def test_results_name_what_they_leave_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        hrnet_zoo.results(tmp_path / "nowhere")
    write_run(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    with pytest.warns(UserWarning, match=r"left out: broken\.json: "):
        table = hrnet_zoo.results(str(tmp_path))
    assert table["measured"].tolist() == [70.0]
    (tmp_path / "broken.json").unlink()
    assert len(hrnet_zoo.results(tmp_path, hrnet_zoo.load_zoo())) == 1


def test_figures_are_pictures_of_every_data_set(
    run_cli: RunCli, tmp_path: Path, records: Path
) -> None:
    finished = run_cli("report", "figures", "--records", records, "--output", tmp_path / "figures")
    assert finished.code == 0, finished.err
    names = {"verdicts", "accuracy_fps", "accuracy_parameters", "deltas"}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == names
    for name in names:
        svg = ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot()
        texts = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
        assert "var(" not in (tmp_path / "figures" / f"{name}.svg").read_text()
        wanted = {"match", "error"} if name == "verdicts" else {"cityscapes", "coco", "loveda"}
        assert wanted <= texts
        with Image.open(tmp_path / "figures" / f"{name}.png") as image:
            assert image.width > 1000
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20


def test_figures_without_measurements_are_left_out(run_cli: RunCli, tmp_path: Path) -> None:
    run_cli("report", "figures", "--output", tmp_path / "figures")
    stems = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert stems == {"verdicts", "accuracy_fps", "accuracy_parameters"}


def test_a_single_row_is_not_rounded_at_the_axes(run_cli: RunCli, tmp_path: Path) -> None:
    run_cli("report", "figures", "--zoo", demo.MANIFEST, "--output", tmp_path)
    svg = (tmp_path / "accuracy_parameters.svg").read_text()
    for row in load_zoo(demo.MANIFEST).rows:
        assert f">{row.text('miou') or row.text('box_ap') or row.text('top1')}<" in svg


def test_charts_of_the_page_show_one_data_set(records: Path) -> None:
    """Drawn without a browser: one mark for each claim or run of the data set, and no other."""
    claims = gather(load_zoo(), records).claims
    for points, spec in (
        (delta_points(claims), on_page(delta_chart(delta_points(claims), OF_PAGE), OF_PAGE)),
        (history_points(claims), on_page(history_chart(history_points(claims), OF_PAGE), OF_PAGE)),
    ):
        spec["params"][0]["value"] = "potsdam"
        drawn = vl_convert.vegalite_to_scenegraph(spec | {"width": 400, "height": 300})
        expected = [point for point in points if point.dataset == "potsdam"]
        assert 0 < len(expected) < len(points)
        assert json.dumps(drawn).count('"shape"') == len(expected)
