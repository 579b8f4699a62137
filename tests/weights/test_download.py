from __future__ import annotations

import errno
import hashlib
import io
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import requests
from support.http_server import (
    FaultyServer,
    Handler,
    announces,
    drip,
    drip_head,
    drop_after,
    endless,
    hold_after,
    ignore_range,
    normal,
    redirect,
    redirect_endlessly,
    stall,
    status,
    truncate_at,
    without_length,
)

from hrnet_zoo.errors import CheckpointError, UsageError
from hrnet_zoo.weights import partial_file, transfer
from hrnet_zoo.weights.address import file_name_of, resolve_url
from hrnet_zoo.weights.download import FetchedFile, fetch_file, sha256_of
from hrnet_zoo.weights.lock import LockedFile, Pin

CONTENT = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "fcn_hr18-f196fb4e.pth"
PATH = f"/mmsegmentation/v0.5/{NAME}"

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")

# Prints one line per notice and the result, as a command would.
CHILD = """
import signal, sys
from pathlib import Path
from hrnet_zoo.weights.download import fetch_file
from hrnet_zoo.errors import ZooError
signal.signal(signal.SIGINT, signal.default_int_handler)
say = lambda text: print(text, flush=True)
{before}
try:
    url, prefix, cache = sys.argv[1:]
    got = fetch_file(url, sha256_prefix=prefix, cache_dir=Path(cache), notify=say)
except ZooError as error:
    say(f"error: {{error}}")
else:
    say(f"from_cache={{got.from_cache}}")
"""


@pytest.fixture(autouse=True)
def _fast_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "BASE_DELAY_S", 0.01)
    monkeypatch.setattr(transfer, "TIMEOUTS_S", (5.0, 5.0))
    monkeypatch.setattr(partial_file, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 4096)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def fetch(cache: Path, notices: list[str]) -> Callable[..., FetchedFile]:
    def call(url: str, **options: object) -> FetchedFile:
        settings = {"sha256_prefix": SHA256[:8], "cache_dir": cache, "notify": notices.append}
        return fetch_file(url, **(settings | options))  # type: ignore[arg-type]

    return call


Fetch = Callable[..., FetchedFile]


def part_of(cache: Path) -> Path:
    return cache / f"{NAME}.part"


def leave_part(cache: Path, content: bytes) -> None:
    cache.mkdir(exist_ok=True)
    part_of(cache).write_bytes(content)


def assert_fetched(got: FetchedFile, cache: Path, *, from_cache: bool = False) -> None:
    assert got == FetchedFile(
        path=cache / NAME, sha256=SHA256, size_bytes=len(CONTENT), from_cache=from_cache
    )
    assert got.path.read_bytes() == CONTENT
    assert not part_of(cache).exists()


def start_child(url: str, cache: Path, before: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(before=before), url, SHA256[:8], str(cache)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str]) -> str:
    output, _ = child.communicate(timeout=15)
    return output


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited for 10 s in vain"
        time.sleep(0.01)


# Where a file is read from


RETIRED_HOSTS = (
    "open-mmlab.s3.ap-northeast-2.amazonaws.com",
    "s3.ap-northeast-2.amazonaws.com/open-mmlab",
    "S3.ap-northeast-2.amazonaws.com/open-mmlab",
    "openmmlab.oss-accelerate.aliyuncs.com",
)


@pytest.mark.parametrize("host", RETIRED_HOSTS)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_retired_host_is_replaced_and_the_path_kept(scheme: str, host: str) -> None:
    url = f"{scheme}://{host}/pretrain/third_party/x-1.pth?v=1"
    assert resolve_url(url) == "https://download.openmmlab.com/pretrain/third_party/x-1.pth?v=1"


def test_other_buckets_of_a_server_are_left_alone() -> None:
    url = "https://s3.ap-northeast-2.amazonaws.com/open-mmlab-copy/x-1.pth"
    assert resolve_url(url) == url


@pytest.mark.parametrize("scheme", ["https", "http", "HTTPS"])
def test_other_hosts_are_left_alone(scheme: str) -> None:
    assert resolve_url(f"{scheme}://h.example:8080/a/b.pth?v=1") == (
        f"{scheme.lower()}://h.example:8080/a/b.pth?v=1"
    )


@pytest.mark.parametrize("mirror", ["http://m.example:81/zoo", "http://m.example:81/zoo/"])
@pytest.mark.parametrize("host", ["download.openmmlab.com", *RETIRED_HOSTS])
def test_web_mirror_replaces_the_host(host: str, mirror: str) -> None:
    assert resolve_url(f"https://{host}/a/b.pth", mirror) == "http://m.example:81/zoo/a/b.pth"


def test_mirror_folder_may_keep_or_drop_the_folders(tmp_path: Path) -> None:
    expected = (tmp_path / "a b" / "c.pth", tmp_path / "c.pth")
    assert resolve_url("https://h.example/a%20b/c.pth", str(tmp_path)) == expected
    assert resolve_url("https://h.example/a%20b/c.pth", tmp_path.as_uri()) == expected


def test_local_sources_ignore_the_mirror_and_know_their_folder(tmp_path: Path) -> None:
    assert resolve_url("w/x.pth", "https://m.example", tmp_path) == (tmp_path / "w/x.pth",)
    assert resolve_url("file:///w%20w/x.pth") == (Path("/w w/x.pth"),)
    assert resolve_url(str(tmp_path / "x.pth"), base_dir=Path("/else")) == (tmp_path / "x.pth",)


def test_file_name_is_the_last_part_without_query() -> None:
    assert file_name_of("https://h.example/a/x%20y.pth?version=2#top") == "x y.pth"
    assert file_name_of("folder/x.pth") == "x.pth"


@pytest.mark.parametrize(
    "url", ["https://h.example", "https://h.example/a/", "https://h.example/a/%2e%2e"]
)
def test_address_without_file_name_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="does not end in a file name"):
        file_name_of(url)


@pytest.mark.parametrize("location", ["s3://bucket/x.pth", "ftp://h.example/x.pth"])
def test_unknown_scheme_is_refused_in_address_and_mirror(location: str) -> None:
    with pytest.raises(UsageError, match="use http://, https://, file://"):
        resolve_url(location)
    with pytest.raises(UsageError, match="cannot be read"):
        resolve_url("https://h.example/x.pth", location)


def test_file_address_with_a_host_is_refused() -> None:
    with pytest.raises(UsageError, match="three slashes"):
        resolve_url("file://weights/x.pth")


@pytest.mark.parametrize("prefix", ["", "f196", "not-hexdigits"])
def test_a_hash_that_proves_nothing_is_refused(fetch: Fetch, prefix: str) -> None:
    with pytest.raises(ValueError, match="hex digits"):
        fetch("https://h.example/x.pth", sha256_prefix=prefix)


# The plain way


def test_file_is_fetched_once_and_then_found(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    url = server.serve(PATH, CONTENT)
    assert_fetched(fetch(url, sha256_prefix=SHA256[:8].upper()), cache)
    assert_fetched(fetch(url), cache, from_cache=True)
    assert [(a.path, a.range, a.encoding) for a in server.asked] == [(PATH, None, "identity")]
    assert notices == []
    assert sha256_of(cache / NAME) == SHA256


@pytest.mark.parametrize("behaviour", [normal, without_length])
def test_progress_runs_from_zero_to_the_end(
    server: FaultyServer, fetch: Fetch, behaviour: Callable[..., None]
) -> None:
    total = len(CONTENT) if behaviour is normal else None
    calls: list[tuple[int, int | None]] = []
    fetch(server.serve(PATH, CONTENT, behaviour), on_progress=lambda *seen: calls.append(seen))
    assert calls[0] == (0, total)
    assert calls[-1] == (len(CONTENT), total)
    assert len(calls) < 50  # far fewer than the 74 chunks


def test_redirect_is_followed_and_the_name_stays(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    server.serve("/elsewhere/blob", CONTENT)
    assert_fetched(fetch(server.serve(PATH, b"", redirect("/elsewhere/blob"))), cache)


def test_endless_redirect_is_explained_and_not_retried(
    server: FaultyServer, fetch: Fetch, notices: list[str]
) -> None:
    with pytest.raises(CheckpointError, match="30 redirects"):
        fetch(server.serve(PATH, b"", redirect(PATH)))
    assert notices == []


def test_mirror_is_asked_instead(server: FaultyServer, fetch: Fetch, cache: Path) -> None:
    server.serve(f"/zoo{PATH}", CONTENT)
    got = fetch(f"https://download.openmmlab.com{PATH}", mirror=f"{server.address}/zoo")
    assert_fetched(got, cache)


@pytest.mark.parametrize("inside", [PATH.lstrip("/"), NAME])
def test_mirror_folder_works_offline(
    fetch: Fetch, cache: Path, tmp_path: Path, inside: str
) -> None:
    copy = tmp_path / "mirror" / inside
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    url = f"https://download.openmmlab.com{PATH}"
    assert_fetched(fetch(url, mirror=str(tmp_path / "mirror"), offline=True), cache)


# Faults that pass


def test_busy_server_is_asked_again(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    url = server.serve(PATH, CONTENT, status(503), status(503), normal)
    assert_fetched(fetch(url), cache)
    assert len(server.asked) == 3
    assert len(notices) == 2
    assert "HTTP 503 Service Unavailable; attempt 2 of 4 in 0.01 s" in notices[0]
    assert "attempt 3 of 4 in 0.02 s" in notices[1]


def test_short_retry_after_is_honoured_and_a_long_one_is_not(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    polite, endless = status(429, Retry_After=1), status(429, Retry_After=86400)
    began = time.monotonic()
    assert_fetched(fetch(server.serve(PATH, CONTENT, polite, endless, normal)), cache)
    assert time.monotonic() - began >= 1
    assert notices[0].endswith("HTTP 429 Too Many Requests; attempt 2 of 4 in 1 s")
    assert notices[1].endswith("in 0.02 s")


def test_broken_server_is_given_up(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    url = server.serve(PATH, CONTENT, status(500))
    with pytest.raises(CheckpointError) as caught:
        fetch(url)
    assert len(server.asked) == 4
    assert len(notices) == 3
    for part in (url, "4 attempts failed", "HTTP 500", "--mirror"):
        assert part in str(caught.value)
    assert "kept" not in str(caught.value)
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == []


def test_silent_server_times_out_and_is_asked_again(
    server: FaultyServer,
    fetch: Fetch,
    cache: Path,
    notices: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUTS_S", (5.0, 0.5))
    assert_fetched(fetch(server.serve(PATH, CONTENT, stall, normal)), cache)
    assert len(server.asked) == 2
    assert "timed out" in notices[0]


def test_a_head_that_never_ends_is_given_up(
    server: FaultyServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "ANSWER_WITHIN_S", 0.05)
    with pytest.raises(CheckpointError, match=r"4 attempts failed.*no complete answer came within"):
        fetch(server.serve(PATH, CONTENT, drip_head))
    assert len(server.asked) == 4


def test_long_reasons_of_a_server_are_cut(server: FaultyServer, fetch: Fetch) -> None:
    def forbid(handler: Handler, _content: bytes) -> None:
        handler.send_response(403, "no" * 10_000)
        handler.end_headers()

    with pytest.raises(CheckpointError, match="HTTP 403 no") as raised:
        fetch(server.serve(PATH, CONTENT, forbid))
    assert len(str(raised.value)) < 500


def test_nobody_listening_is_given_up(fetch: Fetch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CheckpointError, match=r"4 attempts failed.*[Rr]efused"):
        fetch(f"http://127.0.0.1:{port}/x.pth")


@pytest.mark.parametrize("fault", [truncate_at(40_000), drop_after(40_000)])
def test_broken_transfer_continues_where_it_ended(
    server: FaultyServer, fetch: Fetch, cache: Path, fault: Callable[..., None], notices: list[str]
) -> None:
    assert_fetched(fetch(server.serve(PATH, CONTENT, fault, normal)), cache)
    first, second = server.asked
    assert first.range is None
    assert second.range is not None
    assert 30_000 <= int(second.range.removeprefix("bytes=").removesuffix("-")) <= 40_000
    assert server.bytes_sent <= len(CONTENT) + 10_000
    assert "the connection" in notices[0]


def test_given_up_transfer_is_kept_and_continued_by_the_next_fetch(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    url = server.serve(PATH, CONTENT, *[truncate_at(40_960)] * 4, normal)
    with pytest.raises(CheckpointError) as caught:
        fetch(url)
    kept = part_of(cache).stat().st_size
    assert 4 * 36_000 < kept <= 4 * 40_960
    assert f"{kept} bytes are kept as {part_of(cache)} " in str(caught.value)
    assert not (cache / NAME).exists()

    calls: list[int] = []
    assert_fetched(fetch(url, on_progress=lambda done, _total: calls.append(done)), cache)
    assert server.asked[-1].range == f"bytes={kept}-"
    assert calls[0] == kept
    assert server.bytes_sent < 1.1 * len(CONTENT)


def test_server_without_ranges_sends_everything_again(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    leave_part(cache, CONTENT[:100_000])
    assert_fetched(fetch(server.serve(PATH, CONTENT, ignore_range)), cache)
    assert [asked.range for asked in server.asked] == ["bytes=100000-"]


def test_complete_part_needs_no_request(server: FaultyServer, fetch: Fetch, cache: Path) -> None:
    leave_part(cache, CONTENT)
    assert_fetched(fetch(server.serve(PATH, CONTENT)), cache)
    assert server.asked == []


@pytest.mark.parametrize("left_over", [CONTENT + b"more", bytes(len(CONTENT))])
def test_part_that_cannot_be_continued_starts_over(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str], left_over: bytes
) -> None:
    leave_part(cache, left_over)
    assert_fetched(fetch(server.serve(PATH, CONTENT)), cache)
    assert [asked.range for asked in server.asked] == [f"bytes={len(left_over)}-", None]
    assert "starting over" in notices[0]


def test_part_of_another_version_fails_once_and_then_heals(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    leave_part(cache, bytes(100_000))
    url = server.serve(PATH, CONTENT)
    with pytest.raises(CheckpointError, match="promised is"):
        fetch(url)
    assert_fetched(fetch(url), cache)
    assert [asked.range for asked in server.asked] == ["bytes=100000-", None]


def test_attempts_that_get_on_are_not_counted(
    server: FaultyServer, fetch: Fetch, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "STEP_BYTES", 10_000)
    url = server.serve(PATH, CONTENT, truncate_at(40_960))
    assert_fetched(fetch(url), cache)
    assert len(server.asked) == 8  # twice as many as may fail in a row


def test_attempts_that_begin_anew_do_not_get_on(server: FaultyServer, fetch: Fetch) -> None:
    def cut(handler: Handler, content: bytes) -> None:
        handler.head(200, Content_Length=len(content))
        handler.body(content[:100_000])

    with pytest.raises(CheckpointError, match="4 attempts failed"):
        fetch(server.serve(PATH, CONTENT, cut))
    assert len(server.asked) == 4


def test_a_server_that_is_too_slow_is_given_up(
    server: FaultyServer, fetch: Fetch, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SLOW_AFTER_S", 0.05)
    with pytest.raises(CheckpointError, match=r"4 attempts failed.*only \d+ bytes came in 0 s"):
        fetch(server.serve(PATH, CONTENT, drip))
    assert len(notices) == 3


# Faults that stay


def pin(cache: Path, sha256: str = SHA256, size_bytes: int = len(CONTENT)) -> Pin:
    locked = LockedFile(
        file=NAME, sha256=sha256, size_bytes=size_bytes, locked_on=date(2026, 1, 2), url=PATH
    )
    return Pin(locked=locked, lock=cache / "zoo.lock", update="hrnet-zoo lock --update x")


def assert_nothing_is_left(cache: Path) -> None:
    assert not (cache / NAME).exists()
    assert not part_of(cache).exists()


def test_a_body_without_end_is_ended(
    server: FaultyServer, fetch: Fetch, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "LARGEST_BYTES", 1_000_000)
    url = server.serve(PATH, CONTENT, endless)
    with pytest.raises(CheckpointError, match="sends more than 1000000 bytes; no checkpoint needs"):
        fetch(url)
    with pytest.raises(CheckpointError) as caught:
        fetch(url, pin=pin(cache))
    for part in ("sends more than 300000 bytes", SHA256, "hrnet-zoo lock --update x"):
        assert part in str(caught.value)
    assert_nothing_is_left(cache)


@pytest.mark.parametrize("length", [str(1 << 40), "9" * 5000])
def test_an_absurd_length_is_refused(
    server: FaultyServer, fetch: Fetch, cache: Path, length: str
) -> None:
    with pytest.raises(CheckpointError, match=r"announces \d+ bytes; no checkpoint needs"):
        fetch(server.serve(PATH, CONTENT, announces(length)))
    assert_nothing_is_left(cache)


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_another_size_than_locked_is_not_fetched(
    server: FaultyServer, fetch: Fetch, cache: Path, size: int
) -> None:
    with pytest.raises(CheckpointError, match=f"announces 300000 bytes; .*and {size} bytes since"):
        fetch(server.serve(PATH, CONTENT), pin=pin(cache, size_bytes=size))
    assert_nothing_is_left(cache)


def test_a_swapped_file_whose_digits_are_the_promised_ones_is_refused(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    """Its digits are not made to fit here: the other one's are what is locked."""
    other = SHA256[:8] + "0" * 56
    with pytest.raises(CheckpointError) as caught:
        fetch(server.serve(PATH, CONTENT), pin=pin(cache, other))
    for part in (SHA256, other, "300000 bytes", "is not the locked file"):
        assert part in str(caught.value)
    assert_nothing_is_left(cache)
    (cache / NAME).write_bytes(CONTENT)
    with pytest.raises(CheckpointError, match=rf"{NAME} is not the locked file"):
        fetch(server.address + PATH, pin=pin(cache, other))
    assert (cache / NAME).read_bytes() == CONTENT  # evidence is not deleted
    assert_fetched(fetch(server.address + PATH, pin=pin(cache)), cache, from_cache=True)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://h.example/x", "https://safe.example redirects to http://h.example, where anybody"),
        ("HTTP://h.example/x", "https://safe.example redirects to http://h.example, where anybody"),
        ("http://[::1/x", "https://safe.example redirects to what is no address"),
    ],
)
def test_a_redirect_that_leaves_tls_is_not_followed(location: str, said: str) -> None:
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://safe.example/x"
    answer.headers["Location"] = location
    answer.raw = io.BytesIO()
    with pytest.raises(CheckpointError, match=re.escape(said)):
        transfer.Session().get_redirect_target(answer)
    for allowed in ("https://h.example/x", "//h.example/x", "/y"):
        answer.headers["Location"] = allowed
        assert transfer.Session().get_redirect_target(answer) == allowed


def test_the_body_of_a_redirect_is_not_read(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    server.serve("/elsewhere/blob", CONTENT)
    assert_fetched(fetch(server.serve(PATH, CONTENT, redirect_endlessly("/elsewhere/blob"))), cache)


@pytest.mark.parametrize("code", [403, 404, 410])
def test_refusal_is_final(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str], code: int
) -> None:
    url = server.serve(PATH, CONTENT, status(code))
    with pytest.raises(CheckpointError) as caught:
        fetch(url)
    for part in (url, f"HTTP {code}", "--mirror"):
        assert part in str(caught.value)
    assert len(server.asked) == 1
    assert notices == []
    assert not (cache / NAME).exists()
    assert not part_of(cache).exists()


def test_wrong_content_is_deleted_and_asked_once(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    wrong = CONTENT[:-1] + b"\0"
    url = server.serve(PATH, wrong)
    with pytest.raises(CheckpointError) as caught:
        fetch(url)
    actual = hashlib.sha256(wrong).hexdigest()
    for part in (NAME, url, f"{actual[:8]}...", SHA256[:8], "deleted", "damaged", "has changed"):
        assert part in str(caught.value)
    assert len(server.asked) == 1
    assert notices == []
    assert not (cache / NAME).exists()
    assert not part_of(cache).exists()


def test_server_without_tls_is_explained_at_once(
    server: FaultyServer, fetch: Fetch, notices: list[str]
) -> None:
    with pytest.raises(CheckpointError, match=r"no trusted TLS connection.*certificates"):
        fetch(server.serve(PATH, CONTENT).replace("http:", "https:"))
    assert notices == []


BAD_ADDRESSES = [
    ("http://:80/x.pth", "is no proper address"),
    ("http://[::1/x.pth", "is no proper address"),
    ("https:/user:secret@h/x.pth", "is no proper address"),
    ("https://user:secret@[::1/x.pth", "is no proper address"),
    ("https://h:user:secret@/x.pth", "is no proper address"),
    ("https://user:secret@h/x.pth", "put it into ~/.netrc"),
    ("https://h/a\nb.pth", "holds a line break"),
    ("file://[::1/x.pth", "is no proper address"),
]


@pytest.mark.parametrize(("address", "said"), BAD_ADDRESSES)
def test_bad_address_is_refused_and_not_repeated(fetch: Fetch, address: str, said: str) -> None:
    for given in ({"url": address}, {"url": f"https://h.example{PATH}", "mirror": address}):
        with pytest.raises(UsageError, match=said) as caught:
            fetch(**given)
        assert "secret" not in str(caught.value)


# The cache


def test_damaged_cache_file_is_replaced(
    server: FaultyServer, fetch: Fetch, cache: Path, notices: list[str]
) -> None:
    cache.mkdir()
    (cache / NAME).write_bytes(CONTENT[:-1])
    assert_fetched(fetch(server.serve(PATH, CONTENT)), cache)
    assert notices == [f"{cache / NAME} is damaged, deleted; fetching it again"]


def test_offline_uses_the_cache(server: FaultyServer, fetch: Fetch, cache: Path) -> None:
    cache.mkdir()
    (cache / NAME).write_bytes(CONTENT)
    assert_fetched(fetch(server.serve(PATH, CONTENT), offline=True), cache, from_cache=True)
    assert server.asked == []


@pytest.mark.parametrize(("cached", "state"), [(None, "is not in the cache"), (b"x", "damaged")])
def test_offline_without_a_good_copy_says_how_to_get_one(
    server: FaultyServer, fetch: Fetch, cache: Path, cached: bytes | None, state: str
) -> None:
    if cached:
        cache.mkdir()
        (cache / NAME).write_bytes(cached)
    with pytest.raises(CheckpointError) as caught:
        fetch(server.serve(PATH, CONTENT), offline=True)
    for part in (NAME, state, "Drop --offline", str(cache / NAME)):
        assert part in str(caught.value)
    assert server.asked == []
    assert not (cache / NAME).exists()


def test_local_file_is_checked_like_any_other(fetch: Fetch, cache: Path, tmp_path: Path) -> None:
    source = tmp_path / NAME
    source.write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="promised is"):
        fetch(NAME, base_dir=tmp_path)
    assert source.read_bytes() == b"something else"
    assert not (cache / NAME).exists()
    assert not part_of(cache).exists()

    source.write_bytes(CONTENT)
    leave_part(cache, b"older bytes")
    assert_fetched(fetch(source.as_uri(), offline=True), cache)


def test_missing_local_file_names_every_place_looked_at(fetch: Fetch, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        fetch(f"https://download.openmmlab.com{PATH}", mirror=str(tmp_path))
    for part in (f"{tmp_path}{PATH} or {tmp_path / NAME}", "--mirror"):
        assert part in str(caught.value)


def test_wrong_local_file_inside_the_cache_is_not_deleted(fetch: Fetch, cache: Path) -> None:
    cache.mkdir()
    (cache / NAME).write_bytes(b"the only copy")
    with pytest.raises(CheckpointError, match="not deleted"):
        fetch(str(cache / NAME))
    assert (cache / NAME).read_bytes() == b"the only copy"


def test_cache_path_that_is_a_file_is_explained(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    cache.write_text("I am a file")
    with pytest.raises(CheckpointError) as caught:
        fetch(server.serve(PATH, CONTENT))
    for part in (str(cache), "Not a directory", "HRNET_ZOO_CACHE"):
        assert part in str(caught.value)
    assert server.asked == []
    assert cache.read_text() == "I am a file"


def test_read_only_cache_is_explained(
    server: FaultyServer, fetch: Fetch, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(CheckpointError, match=r"Read-only file system.*HRNET_ZOO_CACHE"):
        fetch(server.serve(PATH, CONTENT))
    assert server.asked == []
    assert not cache.exists()


@posix_only
@pytest.mark.parametrize(
    ("end", "plant"),
    [(".part", Path.symlink_to), (".part", Path.hardlink_to), (".lock", Path.symlink_to)],
)
def test_a_planted_link_is_not_written_through(
    server: FaultyServer,
    fetch: Fetch,
    cache: Path,
    tmp_path: Path,
    end: str,
    plant: Callable[[Path, Path], None],
) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_bytes(b"valuable")
    cache.mkdir()
    plant(cache / f"{NAME}{end}", treasure)
    with pytest.raises(CheckpointError, match=rf"{NAME}{end}.* link"):
        fetch(server.serve(PATH, CONTENT))
    assert not (cache / NAME).exists()
    assert treasure.read_bytes() == b"valuable"


@posix_only
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    server: FaultyServer, fetch: Fetch, cache: Path
) -> None:
    cache.mkdir()
    os.mkfifo(part_of(cache))
    url = server.serve(PATH, CONTENT)
    with pytest.raises(CheckpointError, match=r"or none at all\. Delete it"):
        fetch(url)
    os.mkfifo(cache / NAME)
    with pytest.raises(CheckpointError, match="is not a regular file"):
        fetch(url)


def test_a_cache_of_links_to_shared_files_can_be_read(
    fetch: Fetch, server: FaultyServer, cache: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared.pth"
    shared.write_bytes(CONTENT)
    cache.mkdir()
    (cache / NAME).symlink_to(shared)
    url = server.serve(PATH, CONTENT)
    assert_fetched(fetch(url), cache, from_cache=True)
    shared.write_bytes(b"damaged")
    assert_fetched(fetch(url), cache)
    assert shared.read_bytes() == b"damaged"


# Whole processes


@posix_only
def test_full_disk_leaves_nothing_under_the_final_name(server: FaultyServer, cache: Path) -> None:
    limit = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))"
    output = finish(start_child(server.serve(PATH, CONTENT), cache, limit))
    for part in ("error: ", str(cache), "File too large", "Make room", "HRNET_ZOO_CACHE"):
        assert part in output
    assert not (cache / NAME).exists()
    assert len(server.asked) == 1


@posix_only
def test_interrupted_fetch_is_continued(server: FaultyServer, fetch: Fetch, cache: Path) -> None:
    gate = threading.Event()
    url = server.serve(PATH, CONTENT, hold_after(200_000, gate), normal)
    child = start_child(url, cache)
    wait_until(lambda: part_of(cache).exists() and part_of(cache).stat().st_size > 0)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=15)
    gate.set()
    assert child.returncode != 0
    assert "KeyboardInterrupt" in errors
    kept = part_of(cache).stat().st_size
    assert 0 < kept < len(CONTENT)
    assert not (cache / NAME).exists()

    assert_fetched(fetch(url), cache)
    assert server.asked[-1].range == f"bytes={kept}-"


def test_two_processes_fetch_one_file_once(server: FaultyServer, cache: Path) -> None:
    gate = threading.Event()
    url = server.serve(PATH, CONTENT, hold_after(100_000, gate))
    first = start_child(url, cache)
    wait_until(lambda: bool(server.asked))
    second = start_child(url, cache)
    assert second.stdout is not None
    assert second.stdout.readline() == f"another process is fetching {NAME}; waiting\n"
    gate.set()
    assert finish(first) == "from_cache=False\n"
    assert finish(second) == "from_cache=True\n"
    assert len(server.asked) == 1
    assert server.bytes_sent == len(CONTENT)
    assert (cache / NAME).read_bytes() == CONTENT
