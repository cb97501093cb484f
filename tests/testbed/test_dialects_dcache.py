from __future__ import annotations

import re

import pytest

from tests.support.storages import ask, copy, make_storage, running, trust
from tpcharness.testbed.dialects.dcache import Dcache
from tpcharness.testbed.dialects.vocabulary import Progress

RUNNING = """\
Perf Marker
    Timestamp: 110
    State: Running
    State description: Mover created
    Stripe Index: 0
    Stripe Start Time: 100
    Stripe Last Transferred: 105
    Stripe Transfer Time: 10
    Stripe Bytes Transferred: 12345
    Stripe Status: RUNNING
    Total Stripe Count: 1
    RemoteConnections: tcp:127.0.0.1:2880
End
"""
QUEUED = """\
Perf Marker
    Timestamp: 110
    State: Queued on pool
    State description: Selecting pool
    Stripe Index: 0
    Total Stripe Count: 1
End
"""


@pytest.mark.parametrize(("running_now", "text"), [(True, RUNNING), (False, QUEUED)])
def test_markers(running_now: bool, text: str) -> None:
    progress = Progress(now=110, started=100, last_byte=105, moved=12345, peer="127.0.0.1:2880", running=running_now)
    assert Dcache().marker(progress).decode() == text


async def test_a_short_copy_gives_no_marker() -> None:
    one, other = make_storage("dcache", marker_period_seconds=5.0), make_storage("dcache")
    other.files.add("/f", b"short")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        head = re.sub(r"Date: [^\r]+", "Date: D", answer.head)
        assert head.split("\r\n") == [
            "HTTP/1.1 202 Accepted",
            "Date: D",
            "Server: dCache/9.2.21",
            "Content-Type: text/perf-marker-stream",
            "Transfer-Encoding: chunked",
            "Connection: close",
        ]
        assert answer.chunks == [b"success: Created\n", b""]


async def test_a_slow_copy_gives_markers_after_the_first_period() -> None:
    one, other = make_storage("dcache", marker_period_seconds=0.1), make_storage("storm", faults=("passive_slow:100",))
    other.files.add("/f", bytes(50))
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert answer.pieces[0][0] < 0.1  # the head, at once
        assert answer.pieces[1][0] >= 0.08
        assert answer.chunks[0].startswith(b"Perf Marker\n    Timestamp: ")
        assert answer.verdict == "success: Created"


@pytest.mark.parametrize(
    ("path", "overwrite", "scope", "status", "text"),
    [
        ("/d/there", "F", None, 500, "Internal problem with server"),
        ("/d", "T", None, 400, "Not a file"),
        ("/none/f", "T", None, 400, "No such file or directory: /none/f"),
        ("/d/new", "T", "storage.read:/", 401, "Permission denied"),
        ("/d/there", "T", "storage.create:/", 401, "Permission denied"),
    ],
)
async def test_refusals_before_the_stream(path: str, overwrite: str, scope: str | None, status: int, text: str) -> None:
    storage = make_storage("dcache")
    storage.files.add("/d/there", b"")
    async with running(storage):
        token = trust().token(scope) if scope else None
        answer = await copy(storage, path, "https://localhost:1/f", {"Overwrite": overwrite}, token=token)
        assert (answer.status, answer.verdict) == (status, text)


async def test_pushing_what_is_not_there() -> None:
    storage = make_storage("dcache")
    async with running(storage):
        answer = await copy(storage, "/none", "https://localhost:1/f", pull=False)
        assert (answer.status, answer.verdict) == (404, "no such file")


@pytest.mark.parametrize(
    ("want", "digest"),
    [
        ("adler32", "adler32=062c0215"),
        ("md5;q=0.5, adler32;q=0.1", "md5=XUFAKrxLKna5cZ2REBfFkg=="),
        ("sha-512", ""),
        ("", ""),
    ],
)
async def test_digests_only_when_asked(want: str, digest: str) -> None:
    storage = make_storage("dcache")
    storage.files.add("/f", b"hello")
    async with running(storage):
        headers = {"Want-Digest": want} if want else {}
        answer = await ask(f"{storage.url}/f", "HEAD", headers, token=trust().token())
        assert answer.header("Digest") == digest


async def test_401_for_a_bad_token_and_403_for_a_small_one() -> None:
    storage = make_storage("dcache")
    async with running(storage):
        answer = await ask(f"{storage.url}/f", "HEAD", token="nonsense")
        assert (answer.status, answer.header("WWW-Authenticate")) == (401, 'Basic realm=""')
        assert (await ask(f"{storage.url}/f", "GET", token=trust().token("storage.create:/"))).status == 403
