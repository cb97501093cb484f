"""FTP replies: the forms of RFC 959, every way to cut the bytes, and servers without manners."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.wire.errors import WireError
from tpcharness.wire.legacy.ftp import MAX_LINE, MAX_REPLY, Reply, ReplyReader

GLOBUS = b"220 vm GridFTP Server 13.24 (gcc64, 1653033972-1) [Grid Community Toolkit 6.2] ready.\r\n"
NO_CREDENTIAL = (
    b"530-globus_xio: Server side credential failure\r\n530-GSS Major Status: General failure\r\n530-\r\n530 End.\r\n"
)


def read(data: bytes, size: int = 0) -> list[Reply]:
    """Every reply of a stream that comes in pieces of `size` bytes."""
    reader, found = ReplyReader(), []
    step = size or max(1, len(data))
    for place in range(0, len(data), step):
        reply = reader.feed(data[place : place + step])
        while reply is not None:
            found.append(reply)
            reply = reader.feed(b"")
    return found


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (GLOBUS, Reply(220, GLOBUS[4:].decode().strip())),
        (
            NO_CREDENTIAL,
            Reply(530, "globus_xio: Server side credential failure\nGSS Major Status: General failure\n\nEnd."),
        ),
        (
            b"220-Hello\r\n  220 is no end\r\n221 nor is this\r\n220 done\r\n",
            Reply(220, "Hello\n  220 is no end\n221 nor is this\ndone"),
        ),
        (b"421 bye\n", Reply(421, "bye")),
        (b"220\r\n", Reply(220, "")),
        (b"220 \xff\xfe\r\n", Reply(220, "��")),
    ],
)
def test_replies(data: bytes, reply: Reply) -> None:
    for size in (0, 1, 2, 3, 5, 64):
        assert read(data, size) == [reply]


def test_several_replies_in_one_piece() -> None:
    assert [reply.code for reply in read(GLOBUS + NO_CREDENTIAL + b"221 Goodbye.\r\n")] == [220, 530, 221]


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-x\r\n", b"\x16\x03\x01", b"HTTP/1.1 400\r\n", b"2200 x\r\n", b"22a", b"\r\n", b"920 x\r\n", b"20 x\r\n"],
)
def test_what_is_no_ftp(data: bytes) -> None:
    for size in (1, 2, len(data)):
        with pytest.raises(WireError):
            read(data, size)


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"220 half a gree", Reply(220, "half a gree", whole=False)),
        (b"220-one\r\n220-tw", Reply(220, "one", whole=False)),
    ],
)
def test_a_reply_that_breaks_off_counts_as_far_as_it_came(data: bytes, known: Reply) -> None:
    reader = ReplyReader()
    assert reader.feed(data) is None
    assert reader.finish() == known


@pytest.mark.parametrize("data", [b"", b"2", b"22", b"220"])
def test_a_code_alone_is_no_reply(data: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(data) is None
    assert reader.finish() is None


@pytest.mark.parametrize("piece", [b"220-and so on\r\n", b"220 in one line ", b"220-\n"])
def test_a_reply_without_end_is_cut(piece: bytes) -> None:
    reader, fed = ReplyReader(), 0
    while (reply := reader.feed(piece)) is None:
        fed += len(piece)
        assert fed <= MAX_REPLY + MAX_LINE
    assert (reply.code, reply.whole) == (220, False)
    assert len(reply.text) <= MAX_REPLY + MAX_LINE


@given(
    st.lists(st.sampled_from([b"220", b"-", b" ", b"\r\n", b"\n", b"334 x", b"a", b"\x00"]) | st.binary(max_size=4)),
    st.integers(1, 7),
)
def test_however_it_is_cut_the_same_is_read(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)

    def outcome(step: int) -> list[Reply] | str:
        try:
            return read(data, step)
        except WireError:
            return "no FTP"

    assert outcome(size) == outcome(1)


@pytest.mark.parametrize("length", [MAX_LINE - 10, MAX_LINE, MAX_LINE + 10])
def test_a_long_line_is_the_same_however_it_is_cut(length: int) -> None:
    data = b"220 " + b"x" * length + b"\r\n331 next\r\n"
    assert read(data, 1) == read(data, 7) == read(data)


def test_a_first_line_that_is_long_and_nothing_is_no_ftp() -> None:
    with pytest.raises(WireError):
        read(b"22" + b"0" * 5000)
