"""From the first byte to a session that may ask: hello, protocol, login, credentials (xroot 3, 4)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.secret import Secret
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import CLIENT_VERSION, Ask, ServerFlag
from tpcharness.wire.xroot.frames import Request

HELLO = struct.pack(">5i", 0, 0, 0, 4, 2012)
HELLO_ANSWER_BYTES = 8
MAX_PROTOCOL_ANSWER = 4 * 1024
SESSION_BYTES = 16

_SECURITY_WANTED, _ABLE_TLS, _WANT_TLS = 0x01, 0x02, 0x04
# A session that may do third-party copies: at `xrootd.tls capable tpc` nothing else brings TLS (xroot 3).
_EXPECT_TPC = 4
_ABILITY = 0x85  # full URLs in redirects, redirects at reads, redirect flags
_CAPABILITY = 0x85  # answers that come later; the generation that knows TLS
_MAX_OFFERS = 16
_OFFER = re.compile(r"[a-z0-9]{1,16}")


class TlsWish(StrEnum):
    """How much we want TLS. REQUIRED is roots://; PREFERRED takes it where there is any: a token goes no other way."""

    REQUIRED = "required"
    PREFERRED = "preferred"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who we say that we are. `user` and `pid` must be the same at both ends of a copy, or it hangs (xroot 1).

    `token` is for login; a session without TLS never sends it.
    """

    user: str
    pid: int
    program: str
    host: str = ""
    token: Secret | None = None
    tls: TlsWish = TlsWish.ACCEPTED


def protocol_request(wish: TlsWish) -> Request:
    """Asks what the server is and can do, and says what we can."""
    flags = _SECURITY_WANTED | _ABLE_TLS | (0 if wish is TlsWish.ACCEPTED else _WANT_TLS)
    return Request(Ask.PROTOCOL, struct.pack(">iBB10x", CLIENT_VERSION, flags, _EXPECT_TPC))


@dataclass(frozen=True, slots=True)
class ProtocolAnswer:
    """What a server is. `sign_level` 0 to 4 says what it wants signed, `sign_forced` that it insists."""

    version: int
    flags: ServerFlag
    sign_level: int = 0
    sign_forced: bool = False
    sign_data: bool = False

    @property
    def version_text(self) -> str:
        """`5.1.1` of 0x511."""
        return f"{self.version >> 8 & 0xFF}.{self.version >> 4 & 0xF}.{self.version & 0xF}"


def read_hello(data: bytes) -> int:
    """The protocol version in the answer to our hello. Raises WireError for a server of another kind."""
    if len(data) != HELLO_ANSWER_BYTES:
        raise WireError("not how an xroot server begins")
    version, kind = struct.unpack(">ii", data)
    if version <= 0 or kind not in (0, 1):
        raise WireError("not how an xroot server begins")
    return int(version)


def read_protocol_answer(data: bytes) -> ProtocolAnswer:
    """Version, flags, and the blocks behind them. Raises WireError."""
    if len(data) < 8:
        raise WireError("a protocol answer that is too short")
    version, flags = struct.unpack_from(">iI", data)
    answer = ProtocolAnswer(version, ServerFlag(flags))
    rest = data[8:]
    while rest:
        tag = rest[:1]
        if tag == b"B" and len(rest) >= 4:
            rest = rest[4 + int.from_bytes(rest[2:4], "big") :]
        elif tag == b"S" and len(rest) >= 6:
            options, level = rest[3], rest[4]
            answer = ProtocolAnswer(version, ServerFlag(flags), level, bool(options & 2), bool(options & 1))
            rest = rest[6 + 2 * rest[5] :]
        else:
            break  # a block of a later protocol
    return answer


def login_request(visitor: Visitor, extra: str = "") -> Request:
    """Says who we are; `extra` is the login token of a redirect."""
    user = visitor.user.encode("ascii", "replace")[:8]
    body = struct.pack(">i8sBBBB", visitor.pid & 0x7FFFFFFF, user, 0, _ABILITY, _CAPABILITY, 0)
    # XRootD skips the first byte, so the first key is lost to it (xroot 4).
    text = f"xrd.cc=xx&xrd.tz=0&xrd.appname={visitor.program}&xrd.info=&xrd.hostname={visitor.host}&xrd.rn=v1"
    return Request(Ask.LOGIN, body, (f"{text}&{extra}" if extra else text).encode("ascii", "replace"))


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to authenticate that a server offers."""

    name: str
    arguments: str = ""

    @property
    def max_token_bytes(self) -> int:
        """The longest token that `ztn` takes, its NUL included."""
        size = self.arguments.split(":")[1:2]
        return int(size[0]) if size and size[0].isdigit() and len(size[0]) < 10 else 4096


def read_login(data: bytes) -> tuple[Offer, ...]:
    """The ways to authenticate in the server's order; none means that we are in.

    An empty answer is one too (dCache). Raises WireError for half a session id.
    """
    if 0 < len(data) < SESSION_BYTES:
        raise WireError("a login answer without a session id")
    text = data[SESSION_BYTES:].partition(b"\x00")[0].decode("ascii", "replace")
    pieces = (piece.partition(",") for piece in text.split("&P=")[1 : _MAX_OFFERS + 1])
    return tuple(Offer(name, arguments) for name, _, arguments in pieces if _OFFER.fullmatch(name))


def usable(offers: tuple[Offer, ...], visitor: Visitor, *, tls: bool) -> tuple[Offer, ...]:
    """Those that we can take: a token only under TLS, a user name, a host. No certificates, no Kerberos."""
    token = visitor.token
    length = len(token.reveal()) + 1 if token is not None and tls else None
    return tuple(
        offer
        for offer in offers
        if offer.name in {"unix", "host"}
        or (offer.name == "ztn" and length is not None and length <= offer.max_token_bytes)
    )


def auth_request(offer: Offer, visitor: Visitor) -> Request:
    """Our credential for one of the `usable` offers. Raises ValueError for any other, or without a token."""
    name = offer.name.encode()
    body = struct.pack(">12x4s", name)
    match offer.name:
        case "unix":
            user = visitor.user.encode("ascii", "replace")
            return Request(Ask.AUTH, body, b"unix\x00" + user + b" " + user + b"\x00")
        case "host":
            return Request(Ask.AUTH, body, b"host\x00")
        case "ztn" if visitor.token is not None:
            token = visitor.token.reveal().encode("ascii")
            data = b"ztn\x00" + struct.pack(">BcxxH", 0, b"T", len(token) + 1) + token + b"\x00"
            return Request(Ask.AUTH, body, data, secret=True)
        case _:
            raise ValueError(f"no credential for {offer.name}")
