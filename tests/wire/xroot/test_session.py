"""The session: hello to login, answers in any order, and what servers must not send."""

from __future__ import annotations

import struct

import pytest

from tests.support import xroot_frames as real
from tests.support.xroot_sessions import begun, ready
from tpcharness.model.secret import Secret
from tpcharness.wire.xroot.answers import Redirect, Refusal
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.login import TlsWish
from tpcharness.wire.xroot.opaque import Opaque
from tpcharness.wire.xroot.operations import mkdir, open_file, ping, query_checksum, read, rm, stat, sync
from tpcharness.wire.xroot.session import (
    MAX_IN_FLIGHT,
    MAX_STRAYS,
    Broken,
    Deferred,
    Event,
    LoginFailed,
    Ready,
    Redirected,
    Refused,
    Replied,
    State,
    TlsMissing,
    TlsWanted,
    WaitAsked,
)

TOKEN = Secret("eyJhbGciOiJub25lIn0.canary-token.sig")
HANDLE = b"\x00\x00\x00\x00"


def test_the_hello_is_what_a_real_server_was_sent() -> None:
    session = begun()
    assert session.outgoing() == bytes.fromhex(
        "00000000000000000000000000000004000007dc 00000bbe 00000520 0304 00000000000000000000 00000000"
    )
    assert session.outgoing() == b""


def test_a_login_without_credentials() -> None:
    session = begun()
    session.outgoing()
    assert session.receive(real.HELLO_ANSWER + real.PROTOCOL_PLAIN) == []
    login = session.outgoing()
    assert login.startswith(bytes.fromhex("00010bbf 00000938 70726f6265720000 00858500"))
    assert b"xrd.cc=" in login
    assert b"xrd.appname=tpcharness" in login
    assert session.receive(real.LOGIN_OPEN) == [Ready("")]
    assert session.protocol is not None
    assert session.protocol.version_text == "5.1.1"


def test_unix_is_taken_where_there_is_no_tls_for_the_token() -> None:
    session = begun(token=TOKEN)
    session.receive(real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.LOGIN_ZTN_UNIX)
    sent = session.outgoing()
    assert TOKEN.reveal().encode() not in sent
    assert sent.endswith(
        bytes.fromhex("00020bb8 000000000000000000000000 756e6978 00000013") + b"unix\x00prober prober\x00"
    )
    assert session.receive(real.AUTH_OK) == [Ready("unix")]


def test_a_token_under_tls() -> None:
    session = begun(token=TOKEN, tls=TlsWish.REQUIRED)
    assert session.receive(real.HELLO_ANSWER + real.PROTOCOL_TLS) == [TlsWanted()]
    assert session.outgoing()[28:30] == bytes.fromhex("0707")[:1] + b"\x04"  # secreqs, able, want; expect TPC
    session.secured()
    assert session.receive(real.LOGIN_ZTN_UNIX) == []
    token = TOKEN.reveal().encode()
    credential = b"ztn\x00\x00T\x00\x00" + struct.pack(">H", len(token) + 1) + token + b"\x00"
    frame = bytes.fromhex("00020bb8") + bytes(12) + b"ztn\x00" + struct.pack(">i", len(credential)) + credential
    assert session.outgoing().endswith(frame)
    assert session.receive(real.AUTH_OK) == [Ready("ztn")]


def test_after_a_refused_token_comes_the_next_way() -> None:
    session = begun(token=TOKEN, tls=TlsWish.REQUIRED)
    session.receive(real.HELLO_ANSWER + real.PROTOCOL_TLS)
    session.secured()
    session.receive(real.LOGIN_ZTN_UNIX)
    session.outgoing()
    assert session.receive(real.error(2, 3030, "invalid token supplied")) == []
    assert b"prober prober" in session.outgoing()
    assert session.receive(real.error(2, 3030, "no such user")) == [LoginFailed(3030, "no such user")]
    assert session.state is State.DEAD


@pytest.mark.parametrize(
    ("offers", "said"),
    [
        (b"&P=gsi,v:10400,c:ssl&P=krb5,x", "it takes only gsi, krb5"),
        (b"&P=ztn,0:16384:", "it takes only ztn; a token is not sent without TLS"),
        (b"&P=ztn,0:16384:\x00\xff", "it takes only ztn; a token is not sent without TLS"),
        (b"".join(b"&P=odd%d" % n for n in range(100)), None),
    ],
)
def test_no_way_in(offers: bytes, said: str | None) -> None:
    session = begun(token=TOKEN)
    events = session.receive(real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.login_offering(offers))
    assert [type(event) for event in events] == [LoginFailed]
    if said is not None:
        assert events == [LoginFailed(3030, said)]
    assert TOKEN.reveal().encode() not in session.outgoing()


def test_a_token_that_is_too_long_for_the_server_is_kept() -> None:
    session = begun(token=TOKEN, tls=TlsWish.REQUIRED)
    session.receive(real.HELLO_ANSWER + real.PROTOCOL_TLS)
    session.secured()
    assert session.receive(real.login_offering(b"&P=ztn,0:10:"))[0] == LoginFailed(3030, "it takes only ztn")
    assert TOKEN.reveal().encode() not in session.outgoing()


@pytest.mark.parametrize("protocol", [real.PROTOCOL_PLAIN, real.PROTOCOL_TLS_IF_ASKED])
def test_roots_is_never_plain(protocol: bytes) -> None:
    session = begun(tls=TlsWish.REQUIRED)
    session.outgoing()
    events = session.receive(real.HELLO_ANSWER + protocol)
    assert events == [TlsMissing()]
    assert session.outgoing() == b""


@pytest.mark.parametrize("pieces", [1, 2])
def test_plain_bytes_behind_the_call_for_tls_are_an_attack(pieces: int) -> None:
    session = begun()
    if pieces == 1:
        events = session.receive(real.HELLO_ANSWER + real.PROTOCOL_TLS + b"\x00")
    else:
        events = session.receive(real.HELLO_ANSWER + real.PROTOCOL_TLS) + session.receive(real.LOGIN_OPEN)
    assert events == [TlsWanted(), Broken("plain bytes where TLS begins")]


def test_requests_are_what_a_real_server_was_sent() -> None:
    session = ready()
    for request in (stat("/none").request(), mkdir("/t1").request(), sync(HANDLE)):
        session.send(request)
    none, made, synced = (
        bytes.fromhex("00030bc9") + bytes(16) + bytes.fromhex("00000005") + b"/none",
        bytes.fromhex("00040bc0 01") + bytes(13) + bytes.fromhex("01ed 00000003") + b"/t1",
        bytes.fromhex("00050bc8") + bytes(16) + bytes(4),
    )
    assert session.outgoing() == none + made + synced
    assert session.in_flight == 3


def test_answers_in_any_order() -> None:
    session = ready()
    first, second = session.send(ping()), session.send(stat("/a").request())
    assert session.receive(real.answer(second, 0, b"1 2 3 4\x00") + real.answer(first, 0)) == [
        Replied(second, b"1 2 3 4\x00"),
        Replied(first, b""),
    ]
    assert session.in_flight == 0


def test_errors_waits_redirects() -> None:
    session = ready()
    a, b, c = (session.send(stat(path).request()) for path in ("/a", "/b", "/c"))
    assert session.receive(
        real.error(a, 3011, "Unable to locate /a; no such file or directory")
        + real.answer(b, 4005, struct.pack(">i", 5) + b"busy")
        + real.answer(c, 4004, bytes.fromhex("00005ed0") + b"127.0.0.1")
    ) == [
        Refused(a, Refusal(3011, "Unable to locate /a; no such file or directory")),
        WaitAsked(b, 5),
        Redirected(c, Redirect("127.0.0.1", 24272)),
    ]


def test_a_checksum_that_comes_later() -> None:
    session = ready()
    stream = session.send(query_checksum("/t1/d/f", "adler32").request())
    wait = real.answer(stream, 4006, struct.pack(">i", 600) + b"Job scheduled.")
    assert session.receive(wait) == [Deferred(stream, 600)]
    assert session.receive(real.later(stream, 0, b"adler32 edbc9761\x00")) == [Replied(stream, b"adler32 edbc9761\x00")]


def test_the_recorded_end_of_a_copy() -> None:
    session = ready()
    session.send(ping())
    stream = session.send(sync(HANDLE))
    assert stream == 4
    deferred = bytes.fromhex("00040fa6 00000004 00000708")
    done = bytes.fromhex("00000fa1 00000010 00001390 00000000 00040000 00000000")
    assert session.receive(deferred + done) == [Deferred(4, 1800), Replied(4, b"")]


def test_a_late_answer_may_overtake_its_wait_notice() -> None:
    session = ready()
    stream = session.send(sync(HANDLE))
    assert session.receive(real.later(stream, 0)) == [Replied(stream, b"")]
    assert session.receive(real.answer(stream, 4006, struct.pack(">i", 1800))) == []
    assert session.state is State.READY


@pytest.mark.parametrize(
    ("status", "data", "event"),
    [
        (4003, struct.pack(">i", 3005) + b"tpc broke\x00", Refused(3, Refusal(3005, "tpc broke"))),
        (4005, struct.pack(">i", 0), WaitAsked(3, 0)),
        (4004, struct.pack(">i", 1095) + b"pool.site.org", Redirected(3, Redirect("pool.site.org", 1095))),
    ],
)
def test_late_answers_of_other_kinds(status: int, data: bytes, event: Event) -> None:
    session = ready()
    session.send(sync(HANDLE))
    assert session.receive(real.later(3, status, data)) == [event]


def test_a_read_in_parts() -> None:
    session = ready()
    stream = session.send(read(HANDLE, 0, 10))
    assert session.receive(real.answer(stream, 4000, b"01234")) == []
    assert session.receive(real.answer(stream, 0, b"567")) == [Replied(stream, b"01234567")]


@pytest.mark.parametrize("parts", [(11,), (6, 5), (10, 1)])
def test_more_than_was_asked_for_breaks_the_session(parts: tuple[int, ...]) -> None:
    session = ready()
    stream = session.send(read(HANDLE, 0, 10))
    frames = [real.answer(stream, 4000, bytes(size)) for size in parts[:-1]] + [
        real.answer(stream, 0, bytes(parts[-1]))
    ]
    assert isinstance(session.receive(b"".join(frames))[-1], Broken)


@pytest.mark.parametrize(
    "rubbish",
    [
        pytest.param(bytes.fromhex("00030000 80000000"), id="negative length"),
        pytest.param(bytes.fromhex("00030000 7fffffff"), id="huge length"),
        pytest.param(bytes.fromhex("00030fa3 00002001"), id="long error"),
        pytest.param(real.answer(3, 4007, bytes(24)), id="status that is never asked for"),
        pytest.param(real.answer(3, 4003, b"\x00"), id="error without a number"),
        pytest.param(real.answer(3, 4005), id="wait without a time"),
        pytest.param(real.answer(3, 4004, bytes(4)), id="redirect to nowhere"),
        pytest.param(real.answer(0, 4001, b"\x00"), id="short attn"),
        pytest.param(real.answer(0, 4001, struct.pack(">i4x", 5008)), id="attn without an answer"),
        pytest.param(real.answer(0, 4001, struct.pack(">i4xHHi", 5008, 3, 0, 99)), id="attn that is cut"),
        pytest.param(real.later(3, 4001, bytes(20)), id="attn in an attn"),
    ],
)
def test_what_no_server_may_send(rubbish: bytes) -> None:
    session = ready()
    session.send(stat("/a").request())
    assert isinstance(session.receive(rubbish)[-1], Broken)
    assert session.state is State.DEAD
    assert session.receive(real.answer(3, 0)) == []


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", real.answer(0, 0, bytes(8)), bytes(40)]
)
def test_a_server_of_another_kind(first: bytes) -> None:
    assert isinstance(begun().receive(first)[-1], Broken)


def test_messages_for_users_are_dropped() -> None:
    session = ready()
    assert session.receive(real.answer(0, 4001, struct.pack(">i", 5002) + b"the server goes down")) == []
    assert session.state is State.READY


def test_answers_to_nothing_are_counted() -> None:
    session = ready()
    assert session.receive(real.answer(999, 0) * MAX_STRAYS) == []
    assert session.receive(real.answer(999, 0)) == [Broken("too many answers to nothing that was asked")]


def test_an_abandoned_request_keeps_its_id_until_it_is_answered() -> None:
    session = ready()
    stream = session.send(ping())
    session.abandon(stream)
    assert session.in_flight == 1
    assert session.receive(real.answer(stream, 0)) == []
    assert session.in_flight == 0


def test_too_much_in_flight_is_our_bug() -> None:
    session = ready()
    streams = {session.send(ping()) for _ in range(MAX_IN_FLIGHT)}
    assert len(streams) == MAX_IN_FLIGHT
    with pytest.raises(RuntimeError, match="256 in flight"):
        session.send(ping())


def test_stream_ids_in_flight_are_not_given_twice() -> None:
    session = ready()
    kept = session.send(ping())
    for _ in range(70_000):
        stream = session.send(ping())
        assert 3 <= stream <= 0xFFFF
        assert stream != kept
        session.receive(real.answer(stream, 0))
        session.outgoing()


def test_a_token_in_a_request_needs_tls() -> None:
    session = ready()
    request = rm("/a", Opaque.of(("authz", TOKEN))).request()
    assert request.secret
    with pytest.raises(RuntimeError, match="without TLS"):
        session.send(request)
    assert session.outgoing() == b""
    assert TOKEN.reveal() not in repr(request)


def test_requests_are_signed_where_the_server_insists() -> None:
    session = begun()
    demand = bytes.fromhex("0000 0000 0000000e 00000511 00300001 530000020200")
    assert session.receive(real.HELLO_ANSWER + demand + real.LOGIN_OPEN) == [Ready("")]
    session.outgoing()
    session.send(stat("/a").request())
    assert session.outgoing()[:4] == bytes.fromhex("00030bc9")
    session.send(open_file("/a", OpenFlag.READ).request())
    signed = session.outgoing()
    assert signed[:24] == bytes.fromhex("0004 0bd5 0bc2 00 00 0000000000000001 01 000000 00000020")
    assert signed[24 + 32 : 24 + 36] == bytes.fromhex("00040bc2")
