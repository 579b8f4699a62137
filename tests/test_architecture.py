"""The layers of CONTRIBUTING.md, read off the imports; and the size budgets."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hrnet_zoo"
READMES = Path(__file__).parent / "data" / "readmes"
BUNDLE = PACKAGE.parent / "reports" / "demo" / "bundle.zip"
DEMO_RECORDS = [
    *("--zoo", str(PACKAGE / "demo" / "zoo.yaml")),
    *("--records", str(PACKAGE.parent / "reports" / "demo" / "records")),
]
FILES = sorted(PACKAGE.rglob("*.py"))

# Lower layers never import higher ones; modules of one layer do not import each other,
# except within one folder.
LAYERS = [
    {"errors"},
    {"system"},
    {"models", "datasets", "weights", "settings"},
    {"timing", "memory"},
    {"tasks"},
    {"zoo"},
    {"records"},
    {"verdicts"},
    {"report", "runs", "demo", "readme", "doctor", "bundles"},
    {"cli"},
]
TORCH_FREE = {"errors", "settings", "zoo", "records", "verdicts", "report", "readme", "bundles"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_LAYERS = 10
MAX_LOOSE_MODULES = 6
CONTRIBUTING = PACKAGE.parent / "CONTRIBUTING.md"


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(path: Path) -> set[str]:
    """Return the project modules a file imports, at the top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hrnet_zoo."):
            names.add((node.module or "").removeprefix("hrnet_zoo."))
        elif isinstance(node, ast.ImportFrom) and node.module == "hrnet_zoo":
            names |= {alias.name for alias in node.names if not alias.name.startswith("__")}
    return names


def top(module: str) -> str:
    return module.partition(".")[0]


def layer_of(part: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if part in layer)


def test_there_are_few_layers_and_few_modules_outside_folders() -> None:
    assert len(LAYERS) <= MAX_LAYERS
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(loose) <= MAX_LOOSE_MODULES, sorted(loose)


def test_every_module_and_folder_is_in_one_layer() -> None:
    parts = {top(module_of(path)) for path in FILES} - {"", "__main__"}
    assert sorted(part for layer in LAYERS for part in layer) == sorted(parts)


def documented_layers() -> list[set[str]]:
    """Return the names in the first column of the table of layers, from the top down."""
    text = CONTRIBUTING.read_text()
    _, _, below = text.partition("| layer | modules |\n")
    table = re.match(r"(?:\|.*\n)*", below)
    assert table is not None
    rows = table[0].splitlines()[1:]  # below the line of dashes
    return [set(re.findall(r"`(\w+)(?:/|\.py)`", row.split("|")[1])) for row in rows]


def test_contributing_lists_the_layers_from_the_top_down() -> None:
    assert documented_layers() == LAYERS[::-1]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_downwards(path: Path) -> None:
    own = top(module_of(path))
    if own in ("", "__main__"):
        return
    for module in imported(path):
        other = top(module)
        assert other == own or layer_of(other) < layer_of(own), f"{own} imports {module}"


def test_no_import_cycles() -> None:
    graph = {module_of(path): imported(path) for path in FILES}
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in finished:
            for other in graph.get(module, ()):
                visit(other, (*trail, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def test_the_folders_of_tests_are_those_of_the_package() -> None:
    tests = PACKAGE.parent / "tests"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    # A browser's tests, those of tools/ and hostile input to all commands are of no one part.
    folders -= {Path("browser"), Path("hostile"), Path("tools")}
    assert len(folders) > 10
    assert not [folder for folder in folders if not (PACKAGE / folder).is_dir()]


def test_tests_and_benchmarks_know_nothing_of_each_other() -> None:
    files = {name: sorted((PACKAGE.parent / name).rglob("*.py")) for name in ("bench", "tests")}
    # But for the studies, whose quick form is a test.
    stems = {
        name: {path.stem for path in paths if path.parent.name != "studies"}
        for name, paths in files.items()
    }
    for name, other in (("bench", "tests"), ("tests", "bench")):
        for path in files[name]:
            found = re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
            strangers = set(found) & (stems[other] - stems[name] | {other})
            assert not strangers, f"{path} imports {strangers}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_size_budgets(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring
            assert lines <= MAX_FUNCTION_LINES, node.name


def test_only_settings_reads_the_environment() -> None:
    readers = [
        module_of(path)
        for path in FILES
        if "environ" in path.read_text().replace("environment", "")
    ]
    assert readers == ["settings"]


PRINTING = {"print", "secho", "print_exc", "print_exception", "print_stack", "Console"}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_only_the_terminal_module_prints(path: Path) -> None:
    """What is printed otherwise is not made harmless."""
    module = module_of(path)
    if module == "cli.terminal":
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    printed = {ast.unparse(call.func) for call in calls}
    names = {name for name in printed if name.rpartition(".")[2] in PRINTING}
    names |= {name for name in printed if re.search(r"click\.echo$|std(out|err)\.write", name)}
    names |= {ast.unparse(c) for c in calls if re.search(r"\.show\(\)$", ast.unparse(c))}
    # A bar and a line above it have to be of one console.
    assert names <= ({"Console", "self._console.print"} if module == "cli.progress" else set())


OPENING = {"open", "read_bytes", "read_text", "imread", "fromfile", "is_zipfile"}
OF_THEIR_OWN = {
    "system.opening: os.open": "it is the one",
    "system.environment: Path('/proc/cpuinfo').read_text": "/proc",
    "system.processors: _CPU_MAX.read_text": "/sys",
    "system.processors: _PROC_STAT.read_text": "/proc",
    "system.sources: path.read_bytes": "the package's own modules",
    "system.whole_file: os.open": "what it has written",
    "system.whole_file: temporary.open": "a new file, for writing",
    "datasets.imagenet: Path(__file__).with_name('imagenet_classes.txt').read_text": "ships along",
    "datasets.image_header: Image.open": "bytes",
    "datasets.prepare.archives: archive.open": "a member of an opened zip",
    "weights.bombs: archive.open": "an entry of an opened zip",
    "weights.partial_file: os.open": "one that no link leads to, for writing",
    "tasks.task: DATASETS[setup.dataset].open": "a data set",
    "zoo.complexity: FILE.read_text": "a list that ships along",
    "records.journal: self.path.open": "what it has written, to go on with it",
    "verdicts.memory: FILE.read_text": "a list that ships along",
    "report.html.page: _STATIC.joinpath(name).read_text": "a page that ships along",
    "runs.probing: renamed.open": "a data set",
    "runs.references: (FOLDER / 'references.json').read_text": "a list that ships along",
    "runs.self_test: path.read_bytes": "answers that ship along",
    "doctor.pictures: decoders.PICTURE.read_bytes": "a picture that ships along",
    "doctor.torch_build: (_PROC_DRIVER / 'version').read_text": "/proc",
    "bundles.keys: os.open": "new files, for writing",
    "cli: os.open": "the null device",
    "cli.compare: step_summary.open": "the summary of a workflow, for writing",
}
"""Module and call -> what is opened there otherwise than through `system/opening.py`."""


def openers(path: Path) -> set[str]:
    """Return the calls in a file by which files are opened."""
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    attributes = [f for f in calls if isinstance(f, ast.Attribute) and f.attr in OPENING]
    names = {f.id for f in calls if isinstance(f, ast.Name)} - {"read_bytes", "read_text"}
    return {ast.unparse(f) for f in attributes} | names & OPENING


def test_files_of_strangers_are_opened_in_one_way() -> None:
    """A pipe would be waited for, and a device read without end."""
    found = {f"{module_of(path)}: {call}" for path in FILES for call in openers(path)}
    assert found == OF_THEIR_OWN.keys()


def test_formats_are_named_where_pillow_opens() -> None:
    """It would start Ghostscript for an EPS file otherwise, whatever that is called."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open":
                assert "formats" in {keyword.arg for keyword in node.keywords}, path


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("part", sorted(TORCH_FREE))
def test_modules_below_the_line_import_without_torch(part: str) -> None:
    modules = [module_of(p) for p in FILES if top(module_of(p)) == part]
    imports = "; ".join(f"import hrnet_zoo.{module}" for module in modules)
    finished = python(f"import sys; sys.modules['torch'] = None; {imports}")
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["verify", "--help"],
        ["list"],
        ["list", "--format", "json"],
        ["show", "fcn_hr18_512x1024_40k_cityscapes"],
        ["report", "tables"],
        ["import", str(READMES / "mmdetection.md")],
        ["readme", str(READMES / "mmdetection.md"), "--columns", "both"],
        ["report", "html"],
        ["report", "figures", "--output", "figures"],
        ["report", "export", "--output", "values.csv"],
        ["report", "export", "--format", "parquet", "--output", "values.parquet"],
        ["report", "ro-crate", "--license", "https://example.org", *DEMO_RECORDS],
        ["data", "show", "potsdam"],
        ["data", "check", "scenes", "--data-root", str(PACKAGE / "demo" / "data")],
        ["data", "show", "coco"],
        ["score", "results.json", "--dataset", "coco"],
        ["fps", "times.json"],
        ["fps", "--records", "nowhere"],
        ["compare", "nowhere", "elsewhere"],
        ["fetch", "fcn_hr18_512x1024_40k_cityscapes", "--offline"],
        ["time", "--help"],
        ["lint", "--select", "HZ5"],
        ["doctor"],
        ["records", "list"],
        ["records", "prune", "--keep", "1"],
        ["bundle", "verify", str(BUNDLE), "--zoo", str(PACKAGE / "demo" / "zoo.yaml")],
    ],
    ids=" ".join,
)
def test_commands_that_need_no_torch_do_not_import_it(arguments: list[str]) -> None:
    finished = python(
        "import sys; sys.modules['torch'] = None\n"
        "from hrnet_zoo.cli import main\n"
        f"sys.argv = ['hrnet-zoo', *{arguments}]\nmain()"
    )
    codes = {"fetch": 3, "doctor": 3, "score": 3, "fps": 3, "compare": 2}
    assert finished.returncode == codes.get(arguments[0], 0), finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["show", "fcn_hr18_512x1024_40k_cityscapes"], ["report", "tables"]],
    ids=" ".join,
)
def test_what_starts_fast_imports_no_libraries_that_compute(arguments: list[str]) -> None:
    finished = python(
        "import sys; sys.modules.update(dict.fromkeys(['numpy', 'scipy', 'pandas']))\n"
        "from hrnet_zoo.cli import main\n"
        f"sys.argv = ['hrnet-zoo', *{arguments}]\nmain()"
    )
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("row", ["fcn_hr5s_180x270_2k_scenes", "hrnet-w2s_scenes"])
def test_only_detectors_wait_for_torchvision(row: str) -> None:
    demo = PACKAGE / "demo"
    arguments = ["verify", row, "--zoo", str(demo / "zoo.yaml"), "--data-root", str(demo / "data")]
    finished = python(
        "import sys; sys.modules['torchvision'] = None\n"
        "from hrnet_zoo.cli import main\n"
        f"sys.argv = ['hrnet-zoo', *{arguments}, '--device', 'cpu', '--limit', '1']\nmain()"
    )
    assert finished.returncode == 3, finished.stderr
    assert "images were evaluated" in finished.stdout
