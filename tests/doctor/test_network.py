from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.http_server import FaultyServer, stall, status

from hrnet_zoo.doctor import network
from hrnet_zoo.doctor.finding import State
from hrnet_zoo.doctor.network import check, folder, one_per_server, published, server
from hrnet_zoo.zoo.manifest import load_zoo

URLS = published(load_zoo().rows)


def test_the_servers_are_those_that_fetch_would_ask() -> None:
    assert [*one_per_server(URLS, None)] == ["download.openmmlab.com"]
    assert len(URLS) > 76


def test_a_server_that_answers_is_fine_and_sends_no_file() -> None:
    with FaultyServer() as local:
        finding = server("local", local.serve("/a.pth", b"x" * 1000))
        assert (finding.state, finding.found) == (State.FINE, "HTTP 200 OK")
        assert local.bytes_sent == 0


@pytest.mark.parametrize(("code", "said"), [(404, "HTTP 404"), (503, "HTTP 503")])
def test_a_server_without_the_file_is_broken(code: int, said: str) -> None:
    with FaultyServer() as local:
        finding = server("local", local.serve("/a.pth", b"", status(code)))
    assert finding.state is State.BROKEN
    assert finding.found.startswith(said)
    assert "--mirror" in str(finding.remedy)


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TIMEOUT_S", 0.2)
    with FaultyServer() as local:
        finding = server("local", local.serve("/a.pth", b"", stall))
    assert finding.state is State.BROKEN
    assert "no answer: " in finding.found


def test_a_refused_connection_is_broken() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    (finding,) = check(f"http://127.0.0.1:{port}")
    assert finding.state is State.BROKEN
    assert "Connection refused" in finding.found
    assert "HTTPS_PROXY" in str(finding.remedy)


def test_a_mirror_in_a_folder_is_counted(tmp_path: Path) -> None:
    assert folder(str(tmp_path), URLS).state is State.BROKEN
    (tmp_path / URLS[0].rpartition("/")[2]).touch()
    finding = folder(str(tmp_path), URLS)
    assert finding.state is State.FINE
    assert finding.found == f"1 of {len(URLS)} checkpoints"
