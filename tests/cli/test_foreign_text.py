"""Strings of records, manifests, READMEs and names of files stay in the line that shows them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_up_zoo import write_zoo
from support.trees import RunCli

from hrnet_zoo import demo

MARK = "FORGED"
TEXT = f"a\n{MARK}\r{MARK}\u2028\x1b[2J::error::x"
DEMO = Path(demo.__file__).parent / "zoo.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest and records, all of whose free strings try to be lines of their own."""
    folder = tmp_path_factory.mktemp("hostile")
    content = yaml.safe_load(DEMO.read_text())
    for row in content["rows"]:
        row["notes"] = [TEXT]
        row["method"] = TEXT
        row["printed"] |= {key: TEXT for key in row["printed"] if key in ("method", "backbone")}
        row["config_url"] = row["log_url"] = f"https://h/{TEXT}.py"
    for source in content["sources"].values():
        source["title"] = TEXT
    (folder / "zoo.yaml").write_text(yaml.safe_dump(content))
    write_zoo(folder / "records", runs=2, pictures=False)
    files = sorted((folder / "records").rglob("*.json"))
    for path in files[60:]:
        path.unlink()
    for path in files[:60]:
        path.write_text(json.dumps(spoilt(json.loads(path.read_text()))))
    strange = folder / "records" / TEXT.replace("/", "")
    strange.mkdir()
    (strange / "1.json").write_text(files[0].read_text())
    (strange / f"{MARK}\n{MARK}.json").write_text('{"row": 1}')
    (strange / "\udcff.json").write_text(files[1].read_text())
    (folder / "surrogate.json").write_text('{"row": "\\ud800"}')
    return folder


def spoilt(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: spoilt(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [spoilt(one, key) for one in value]
    free = (
        "reason",
        "cpu",
        "file_name",
        "title",
        "package_version",
        "device",
        "name",
        "url",
        "row",
    )
    return TEXT if isinstance(value, str) and key in free else value


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--zoo", "zoo.yaml"],
        ["list", "--zoo", "zoo.yaml", "--format", "json"],
        ["show", "fcn_hr5s_180x270_2k_scenes", "--zoo", "zoo.yaml"],
        ["lint", "zoo.yaml"],
        ["lint", "zoo.yaml", "--format", "github"],
        ["report", "tables", "--zoo", "zoo.yaml", "--records", "records"],
        ["records", "list", "--records", "records"],
        ["records", "list", "--records", "records", "--format", "json"],
        ["records", "list", TEXT + "x", "--records", "records"],
        ["records", "index", "--records", "records"],
        ["records", "show", TEXT, "--records", "records"],
        ["records", "show", TEXT + "x", "--records", "records"],
        ["records", "show", "surrogate.json"],
        ["records", "check", "records"],
        ["records", "prune", "--keep", "1", "--records", "records"],
        ["compare", "records", "surrogate.json"],
        ["compare", "records", TEXT],
        ["fps", "--records", "records"],
        ["verify", TEXT],
        ["fetch", TEXT],
        ["list", "--zoo", TEXT],
        ["lint", TEXT],
        ["lint", "--select", TEXT],
        ["import", TEXT + ".md"],
        ["import", TEXT],
        ["readme", TEXT],
        ["data", "show", TEXT],
        ["compare", "records", "records", "--row", TEXT],
        ["compare", "records", "surrogate.json", "--metrics", TEXT],
        ["compare", "records", "surrogate.json", "--fail-on", TEXT],
        ["verify", "fcn_hr5s_180x270_2k_scenes", "--metrics", TEXT],
        ["verify", "fcn_hr5s_180x270_2k_scenes", "--device", TEXT],
        ["verify", "fcn_hr5s_180x270_2k_scenes", "--tolerance", TEXT],
        ["verify", "fcn_hr5s_180x270_2k_scenes", "--data", TEXT],
        ["list", "--format", TEXT],
    ],
    ids=lambda arguments: " ".join(arguments).replace(TEXT, "TEXT"),
)
def test_no_line_is_forged(
    arguments: list[str], folder: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    finished = run_cli(*arguments)
    assert finished.code in (0, 1, 2, 3), finished.err[-1000:]
    lines = (finished.out + finished.err).split("\n")
    assert not [line for line in lines if line.startswith(MARK)]
    assert not {"\x1b[2J", "\r", "\u2028"} & set(finished.out + finished.err)
    assert sys.argv[0] == "hrnet-zoo"
