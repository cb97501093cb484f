"""What the xroot client must keep to, whatever a server sends: one exception only, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Callable

from tests.support import xroot_frames as real
from tpcharness.model.secret import Secret
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import (
    Redirect,
    Refusal,
    read_checksum,
    read_config,
    read_handle,
    read_redirect,
    read_refusal,
    read_seconds,
    read_space,
    read_stat,
)
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.login import Visitor
from tpcharness.wire.xroot.opaque import Opaque, RootUrl
from tpcharness.wire.xroot.operations import open_file, query_checksum, read, stat
from tpcharness.wire.xroot.session import Broken, Replied, Session

TOKEN = "c4n4ry.t0ken.x"
MOST_TEXT = 400
_READ_BYTES = 100
_HELLO = real.HELLO_ANSWER + real.PROTOCOL_PLAIN
_HANDLE = b"\0\0\0\0"


def xroot_login(data: bytes) -> None:
    """A server that says anything to our hello; it never gets the token, for there is no TLS."""
    whole = _talk(_begun(), [data])
    for pieces in _cuts(data):
        assert _talk(_begun(), pieces) == whole
    assert TOKEN.encode() not in whole[1]


def xroot_session(data: bytes) -> None:
    """A server that says anything once we are logged in and have asked four things."""
    whole = _talk(_asking(), [data])
    for pieces in _cuts(data):
        assert _talk(_asking(), pieces) == whole


def xroot_answers(data: bytes) -> None:
    """What is taken of an answer can be shown, and sent on."""
    readers: tuple[Callable[[bytes], object], ...] = (
        read_stat,
        read_handle,
        read_refusal,
        read_seconds,
        read_redirect,
        read_checksum,
        read_space,
        lambda each: read_config(each, ["tpc", "role"]),
        lambda each: RootUrl.parse(each.decode("utf-8", "replace")),
    )
    for reader in readers:
        try:
            found = reader(data)
        except WireError:
            continue
        repr(found)
        if isinstance(found, Redirect):
            assert 0 < found.port < 65536
            asked = stat("/f", Opaque.of(("authz", Secret(TOKEN))))
            asked.redirected(found.opaque, found.path).request()
            assert TOKEN.encode() not in asked.redirected(found.opaque, found.path).without_secrets().request().data
        if isinstance(found, Refusal):
            assert len(found.text) <= MOST_TEXT


def _begun() -> Session:
    session = Session(Visitor("fuzz", 1, "fuzz", token=Secret(TOKEN)))
    session.begin()
    return session


def _asking() -> Session:
    session = _begun()
    session.receive(_HELLO + real.LOGIN_OPEN)
    open_flags = OpenFlag.READ | OpenFlag.RETSTAT
    for request in (stat("/f"), open_file("/f", open_flags), query_checksum("/f", "adler32")):
        session.send(request.request())
    session.send(read(_HANDLE, 0, _READ_BYTES))
    return session


def _talk(session: Session, pieces: list[bytes]) -> tuple[list[str], bytes]:
    """What the session told of these bytes, and what it sent."""
    told: list[str] = []
    for piece in pieces:
        for event in session.receive(piece):
            told.append(repr(event))
            assert not isinstance(event, Replied) or len(event.data) <= 1024 * 1024
            assert not isinstance(event, Broken) or event.text
    return told, session.outgoing()


def _cuts(data: bytes) -> list[list[bytes]]:
    return [[data[at : at + size] for at in range(0, len(data), size)] for size in (1, 3, 8, 61)]


SEEDS: dict[str, tuple[bytes, ...]] = {
    "xroot_login": (
        _HELLO + real.LOGIN_OPEN,
        _HELLO + real.LOGIN_ZTN_UNIX + real.AUTH_OK,
        real.HELLO_ANSWER + real.PROTOCOL_TLS,
        _HELLO + real.error(1, 3030, "no"),
    ),
    "xroot_session": tuple(
        piece
        for stream in (2, 3, 4, 5)
        for piece in (
            real.answer(stream, 0, b"1 5 16 1700000000\0"),
            real.answer(stream, 4000, b"part") + real.answer(stream, 0, b"rest"),
            real.error(stream, 3011, "Unable to open /f; no such file or directory"),
            real.answer(stream, 4004, b"\0\0\x04\x46pool.example.org?k=v"),
            real.answer(stream, 4005, b"\0\0\0\x05busy"),
            real.answer(stream, 4006, b"\0\0\x02\x58") + real.later(stream, 0, b"adler32 1ecd0474\0"),
        )
    ),
    "xroot_answers": (
        b"1 5 16 1700000000 1 1 0644 a b\0",
        b"\0\0\x04\x46pool.example.org?k=v&l=w?token",
        b"\xff\xff\xff\xffroots://pool.example.org:1094//f?k=v",
        b"adler32 1ecd0474\0N",
        b"\0\0\x0b\xc2Unable to open /f; permission denied\0",
        b"oss.cgroup=public&oss.space=9&oss.free=3&oss.used=6",
        b"roots://door.example.org:1094//vo",
    ),
}
