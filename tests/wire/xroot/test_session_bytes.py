"""The session takes its bytes in any pieces, and any bytes at all."""

from __future__ import annotations

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support import xroot_frames as real
from tests.support.xroot_sessions import begun, ready
from tpcharness.wire.xroot.frames import MAX_TEXT
from tpcharness.wire.xroot.operations import ping, query_checksum, read, stat
from tpcharness.wire.xroot.session import Event, Replied, State

HANDLE = b"\x00\x00\x00\x00"

CONVERSATION = (
    real.HELLO_ANSWER
    + real.PROTOCOL_PLAIN
    + real.LOGIN_ZTN_UNIX
    + real.AUTH_OK
    + real.answer(3, 4000, b"0123")
    + real.answer(4, 4006, struct.pack(">i", 600))
    + real.answer(3, 0, b"45")
    + real.later(4, 0, b"adler32 edbc9761\x00")
    + real.error(5, 3011, "gone")
    + real.answer(6, 4999)
)


def converse(pieces: list[bytes]) -> list[Event]:
    """The whole conversation in these pieces; requests go out as soon as they can."""
    session = begun()
    events: list[Event] = []
    for piece in pieces:
        events += session.receive(piece)
        if session.state is State.READY and not session.in_flight and len(events) == 1:
            session.send(read(HANDLE, 0, 100))
            session.send(query_checksum("/f", "adler32").request())
            session.send(stat("/none").request())
            session.send(ping())
    return events


LOGGED_IN = len(real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.LOGIN_ZTN_UNIX + real.AUTH_OK)


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=12))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    places = sorted({0, LOGGED_IN, len(CONVERSATION), *cuts})
    whole = converse([CONVERSATION[:LOGGED_IN], CONVERSATION[LOGGED_IN:]])
    assert [type(event).__name__ for event in whole] == ["Ready", "Deferred", "Replied", "Replied", "Refused", "Broken"]
    assert converse([CONVERSATION[a:b] for a, b in pairwise(places)]) == whole
    assert converse([CONVERSATION[place : place + 1] for place in range(len(CONVERSATION))]) == whole


@given(st.lists(st.binary(max_size=64), max_size=8), st.booleans())
def test_any_bytes_end_in_events_and_bounded_memory(pieces: list[bytes], login: bool) -> None:
    session = begun()
    if login:
        session.receive(real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.LOGIN_OPEN)
        for path in ("/a", "/b"):
            session.send(stat(path).request())
    for piece in pieces:
        for event in session.receive(piece):
            assert not isinstance(event, Replied) or len(event.data) <= MAX_TEXT


@given(st.integers(0, 0xFFFF), st.sampled_from([0, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007]), st.binary())
def test_any_well_framed_answer(stream: int, status: int, data: bytes) -> None:
    session = ready()
    session.send(stat("/a").request())
    session.receive(real.answer(stream, status, data))
    session.receive(real.later(stream, status, data))
