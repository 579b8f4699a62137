"""Hostile input of every kind: one message or a result, a documented exit code, and no harm.

Seeds and numbers of inputs are fixed here; ``nox -s fuzz`` looks longer, with seeds of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fill import DATA
from hostile.areas import AREAS
from hostile.attacks import ATTACKS
from hostile.case import Case
from hostile.exploring import Explored, explore
from hostile.runner import Runner

# Hypothesis shows strategies to itself, whose READMEs are long.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

CORPUS = sorted(DATA.joinpath("hostile").glob("*.json"))
"""What a search found, and what was mended since."""
CORPUS_BYTES = 300_000


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with Runner(tmp_path_factory.mktemp("hostile")) as started:
        yield started


@pytest.mark.parametrize("name", AREAS)
def test_mutated_files_do_no_harm(
    name: str, runner: Runner, record_property: Callable[[str, object], None]
) -> None:
    found = Explored(AREAS[name])
    explore(runner, found, first_seed=0, done=lambda: True)
    record_property("hostile", found.line())
    assert not found.faults, found.report()


def test_sound_files_are_taken(runner: Runner) -> None:
    """Or else the mutated ones would be refused for another reason."""
    for area in AREAS.values():
        for arguments in area.sound_commands:
            fault = runner.fault(Case(area=area.name, arguments=arguments))
            assert not fault, (arguments, fault)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_once_broke_it_does_no_harm(name: str, runner: Runner) -> None:
    faults = {attack: runner.fault(case) for attack, case in ATTACKS[name](runner.sound_tree)}
    assert not (harm := {attack: fault for attack, fault in faults.items() if fault}), harm


def test_what_a_search_found_does_no_harm(runner: Runner) -> None:
    faults = {path.name: runner.fault(Case.from_json(path.read_text())) for path in CORPUS}
    assert not (harm := {name: fault for name, fault in faults.items() if fault}), harm


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS) < CORPUS_BYTES


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("open('../../outside', 'w')", "did what it may not: open"),
        ("os.system('true')", "did what it may not: os.system"),
        ("open('../given/zoo', 'w')", "did what it may not: open"),
        ("print('\\x1b[31m')", "raw controls in the output"),
        ("print('::error::hostile')", "an order to CI in the output"),
        ("1 / 0", "exit 70: ZeroDivisionError"),
        ("bytes(3 << 30)", "exit 70: MemoryError"),
        ("print('DefaultCPUAllocator: not enough memory')", "no memory in the output"),
        ("os.kill(os.getpid(), 11)", "killed by signal 11"),
        ("os.open(os.mkfifo('pipe') or 'pipe', os.O_RDONLY)", "no end"),
        ("[None for _ in iter(int, 1)]", "no end"),
    ],
)
def test_harm_is_noticed(content: str, kind: str, runner: Runner) -> None:
    fault = runner.fault_of_code(content)
    assert fault is not None
    assert fault.kind.startswith(kind), fault
