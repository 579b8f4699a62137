from __future__ import annotations

import pytest

from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.processors import load, processors, thread_settings
from hrnet_zoo.timing.observations import MachineState


@pytest.mark.parametrize(
    ("visible", "allowed", "threads", "state", "remedy"),
    [
        (8, None, 8, State.FINE, None),
        (8, None, 4, State.FINE, None),
        (8, None, 16, State.NOTE, "OMP_NUM_THREADS=8"),
        (64, 4.0, 64, State.NOTE, "OMP_NUM_THREADS=4"),
        (64, 0.5, 2, State.NOTE, "OMP_NUM_THREADS=1"),
        (16, None, 1, State.NOTE, "Unset OMP_NUM_THREADS"),
    ],
)
def test_threads_against_processors(
    visible: int, allowed: float | None, threads: int, state: State, remedy: str | None
) -> None:
    finding = processors(visible, allowed, threads)
    assert finding.state is state
    assert finding.remedy == remedy or str(remedy) in str(finding.remedy)


def state(others: float | None, average: float | None) -> MachineState:
    return MachineState(num_processors=4, load_before=average, load_after=average, others=others)


@pytest.mark.parametrize(
    ("others", "average", "expected"),
    [
        (0.1, 0.5, State.FINE),
        (1.5, 0.5, State.NOTE),
        (0.0, 9.0, State.NOTE),
        (None, None, State.FINE),
    ],
)
def test_a_machine_that_others_use(
    others: float | None, average: float | None, expected: State
) -> None:
    finding = load(state(others, average))
    assert finding.state is expected
    if expected is State.NOTE:
        assert "verify takes fewer threads by itself" in str(finding.remedy)


def test_settings_are_listed() -> None:
    assert thread_settings({"OMP_NUM_THREADS": "2"}).found == "OMP_NUM_THREADS=2"
    assert thread_settings({}).found.startswith("none")
