"""Sessions of the xroot protocol, as far as tests want them."""

from __future__ import annotations

from tests.support import xroot_frames as real
from tpcharness.model.secret import Secret
from tpcharness.wire.xroot.login import TlsWish, Visitor
from tpcharness.wire.xroot.session import Ready, Session


def visitor(*, token: Secret | None = None, tls: TlsWish = TlsWish.ACCEPTED) -> Visitor:
    return Visitor("prober", 0x938, "tpcharness", token=token, tls=tls)


def begun(**wishes: object) -> Session:
    session = Session(visitor(**wishes))  # type: ignore[arg-type]
    session.begin()
    return session


def ready() -> Session:
    """A plain session without authentication, its hello sent."""
    session = begun()
    assert session.receive(real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.LOGIN_OPEN) == [Ready("")]
    session.outgoing()
    return session
