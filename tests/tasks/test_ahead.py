"""Work ahead of time: order, errors, and how many threads it takes."""

from __future__ import annotations

import threading
import time

import pytest

from hrnet_zoo.tasks import ahead as module
from hrnet_zoo.tasks.ahead import StageSeconds, ahead


def test_results_come_in_order_whatever_takes_longest() -> None:
    def work(index: int) -> int:
        time.sleep(0.02 if index % 3 == 0 else 0)
        return index

    for num_workers in (1, 4, None):
        assert list(ahead(work, range(12), num_workers, StageSeconds())) == list(range(12))


def test_an_error_comes_in_its_turn() -> None:
    def work(index: int) -> int:
        return 1 // (3 - index)

    results = ahead(work, range(6), 2, StageSeconds())
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize(("decode_s", "network_s"), [(0.02, 0.0), (0.0, 0.02)])
def test_threads_are_added_only_while_the_network_waits(
    monkeypatch: pytest.MonkeyPatch, decode_s: float, network_s: float
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    seconds, at_once, most = StageSeconds(), threading.Semaphore(8), [0]

    def work(index: int) -> int:
        with at_once:
            most[0] = max(most[0], 8 - at_once._value)
            time.sleep(decode_s)
        return index

    for _ in ahead(work, range(40), None, seconds):
        time.sleep(network_s)
    if decode_s:
        assert seconds.num_workers > 4
        assert most[0] > 4
    else:
        assert seconds.num_workers <= 4


def test_a_fixed_number_stays_fixed() -> None:
    seconds = StageSeconds()
    for result in ahead(lambda index: index, range(20), 3, seconds):
        time.sleep(0.001 * (result % 2))
    assert seconds.num_workers == 3


def test_no_more_than_needed_is_taken_from_the_indices() -> None:
    """Memory does not grow with the number of images."""
    taken: list[int] = []

    def indices() -> object:
        for i in range(1000):
            taken.append(i)
            yield i

    results = ahead(lambda i: i, indices(), None, StageSeconds())  # type: ignore[arg-type]
    for _ in range(10):
        next(results)
    assert len(taken) <= 10 + 2 * module._MOST_WORKERS
    results.close()  # type: ignore[attr-defined]
