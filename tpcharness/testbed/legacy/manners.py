"""How doors of the former grid, gsiftp and SRM, are met on the way to being switched off.

Each manner says what the audit must find there, and where the behaviour comes from. A door that is shut needs none of
this: nothing listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What is done with one connection; it is closed afterwards."""


class Kind(StrEnum):
    """Which door is looked for at the port."""

    GSIFTP = "gsiftp"
    SRM = "srm"


class Tls(Enum):
    """What stands before the play."""

    NONE = 0
    ANYBODY = 1
    CERTIFICATE = 2
    CERTIFICATE_OLD = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How a port behaves that is not shut. `maybe`: the wire cannot tell the legacy door from another service.

    Without a play whatever comes to the port is dropped.
    """

    kind: Kind
    name: str
    sentence: str
    play: Play | None
    reason: Reason
    source: str
    tls: Tls = Tls.NONE
    maybe: bool = False

    def __str__(self) -> str:
        return f"{self.kind}_{self.name}"

    @property
    def row_of_page(self) -> str:
        """Its row in docs/legacy-doors.md."""
        maybe = f" or `{self.other}`" if self.maybe else ""
        return f"| {self.kind} | {self.sentence} | `{self.reason}`{maybe} |"

    @property
    def blames(self) -> frozenset[Blame]:
        """Who may have to act: what is dropped may be dropped on the way."""
        return frozenset({Blame.DESTINATION, Blame.PATH} if self.play is None else {Blame.DESTINATION})

    @property
    def other(self) -> Reason:
        """What else it may be, where the wire cannot tell."""
        return Reason.MALFORMED_RESPONSE if self.reason is Reason.LEGACY_ANSWERS else Reason.LEGACY_ANSWERS


_GREETING = b"220 se.example.org GridFTP Server 13.24 (gcc64) [Grid Community Toolkit 6.2] ready.\r\n"
_SRM = "http://srm.lbl.gov/StorageResourceManager"
_PONG = (
    f'<srmPingResponse xmlns="{_SRM}"><srmPingResponse xmlns=""><versionInfo>v2.2</versionInfo><otherInfo>'
    "<extraInfoArray><key>backend_type</key><value>dCache</value></extraInfoArray><extraInfoArray>"
    "<key>backend_version</key><value>9.2.6</value></extraInfoArray></otherInfo></srmPingResponse></srmPingResponse>"
)
_FAULT = "<e:Fault><faultcode>e:Server</faultcode><faultstring>no permission</faultstring></e:Fault>"
_BOMB = b'<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><e>&b;</e>'


def _soap(inside: str) -> bytes:
    return f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{inside}</e:Body></e:Envelope>'.encode()


def _http(status: str, body: bytes, server: str = "Jetty(9.4.53)") -> bytes:
    head = f"HTTP/1.1 {status}\r\nServer: {server}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


# -- plays


def _ftp(greeting: bytes, auth: bytes) -> Play:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            if line.startswith(b"QUIT"):
                writer.write(b"221 Goodbye.\r\n")
                return
            writer.write(auth if line.startswith(b"AUTH") else b"500 Invalid command.\r\n")

    return play


def _says(*pieces: bytes) -> Play:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return play


def _endless(piece: bytes) -> Play:
    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()

    return play


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


def _answers(answer: bytes, *, path: bytes = b"/") -> Play:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked = head.split(b" ", 2)[1] if head.startswith(b"POST ") else b""
        writer.write(answer if asked.startswith(path) else _http("404 Not Found", b"not here"))

    return play


async def _httpg(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if await reader.readexactly(1) == b"0":
        await _answers(_http("200 OK", _soap(_PONG)))(reader, writer)


# fmt: off
def _manners() -> tuple[Manner, ...]:
    r, g, s, row = Reason, Kind.GSIFTP, Kind.SRM, Manner
    tls, web = Tls.ANYBODY, "any web server"
    return (
        row(g, "gsi", "greets and speaks GSI", _ftp(_GREETING, b"334 Using authentication type; ADAT must follow.\r\n"),
            r.LEGACY_ANSWERS, "globus-gridftp-server 13.24; RFC 2228, 3"),
        row(g, "plain", "greets, but speaks no GSI", _ftp(b"220 FTP ready\r\n", b"500 AUTH not understood\r\n"),
            r.LEGACY_ANSWERS, "RFC 959, 5.4"),
        row(g, "quiet_banner", "greets without saying what it is, and speaks no GSI",
            _ftp(b"220 se.example.org\r\n", b"500 AUTH not understood\r\n"), r.LEGACY_ANSWERS,
            "RFC 959, 5.4 and RFC 5321, 4.2: 220 is a mail server's too", maybe=True),
        row(g, "quiet_gsi", "greets without saying what it is, and speaks GSI",
            _ftp(b"220 se.example.org\r\n", b"334 Using authentication type; ADAT must follow.\r\n"), r.LEGACY_ANSWERS,
            "globus-gridftp-server with a banner of the site's"),
        row(g, "long_greeting", "greets in several lines",
            _ftp(b"220-Welcome\r\n  220 is not the end\r\n220-\r\n" + _GREETING, b"334 go on\r\n"),
            r.LEGACY_ANSWERS, "RFC 959, 4.2"),
        row(g, "turns_away", "greets with 421", _says(b"421 Too busy, try later.\r\n"), r.LEGACY_ANSWERS,
            "RFC 959, 5.4 and RFC 5321, 4.2: a mail server's too", maybe=True),
        row(g, "breaks_off", "closes in the middle of its greeting", _says(_GREETING[:20]), r.LEGACY_ANSWERS,
            "a restart", maybe=True),
        row(g, "endless_greeting", "greets without end", _endless(b"220-more\r\n" * 100), r.LEGACY_ANSWERS, "hostile",
            maybe=True),
        row(g, "endless_line", "greets in a line without end", _endless(b"220 " + b"x" * 1000), r.LEGACY_ANSWERS,
            "hostile", maybe=True),
        row(g, "garbage", "sends bytes without end that are nothing", _endless(b"\0\xff" * 500), r.MALFORMED_RESPONSE,
            "hostile"),
        row(g, "ssh", "is a login server", _says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), r.MALFORMED_RESPONSE, "RFC 4253, 4.2"),
        row(g, "mail", "is a mail server", _ftp(b"220 mail.example.org ESMTP\r\n", b"503 no\r\n"), r.MALFORMED_RESPONSE,
            "RFC 5321, 4.2"),
        row(g, "mail_busy", "is a mail server that is busy",
            _says(b"421 4.3.2 Connection rate limit exceeded.\r\n"), r.MALFORMED_RESPONSE,
            "sendmail; RFC 2034, 4: codes in three parts are those of mail"),
        row(g, "mail_quiet", "is a mail server that does not say so",
            _ftp(b"220 mx.example.org\r\n", b"503 5.5.1 Error: send HELO/EHLO first\r\n"), r.MALFORMED_RESPONSE,
            "Postfix with smtpd_banner = $myhostname"),
        row(g, "news", "is a news server", _says(b"200 news.example.org ready\r\n"), r.MALFORMED_RESPONSE,
            "RFC 3977, 5.1"),
        row(g, "web", "speaks TLS", _silent, r.MALFORMED_RESPONSE, web, tls),
        row(g, "closes", "closes at once", _says(), r.CONNECTION_LOST, "a proxy whose server is gone"),
        row(g, "silent", "takes connections and says nothing", _silent, r.NO_RESPONSE, "a server that hangs"),
        row(g, "dropped", "lies behind a filter that drops our packets", None, r.CONNECT_TIMEOUT, "a firewall"),

        row(s, "ping", "answers srmPing", _answers(_http("200 OK", _soap(_PONG))), r.LEGACY_ANSWERS, "GFD.129, srmPing",
            tls),
        row(s, "other_path", "answers where BeStMan does",
            _answers(_http("200 OK", _soap(_PONG)), path=b"/srm/v2/server"), r.LEGACY_ANSWERS, "BeStMan", tls),
        row(s, "httpg", "answers after the delegation byte only", _httpg, r.LEGACY_ANSWERS,
            "GSI over HTTP: the delegation flag", tls),
        row(s, "fault", "refuses srmPing by a SOAP fault",
            _answers(_http("500 Internal Server Error", _soap(_FAULT))), r.LEGACY_ANSWERS, "SOAP 1.1, 4.4 and 6.2",
            tls),
        row(s, "certificate", "takes nobody without a certificate", _silent, r.TLS_HANDSHAKE, "RFC 8446, 4.4.2.4",
            Tls.CERTIFICATE, maybe=True),
        row(s, "certificate_old", "does so in TLS 1.2", _silent, r.TLS_HANDSHAKE, "RFC 5246, 7.4.6",
            Tls.CERTIFICATE_OLD, maybe=True),
        row(s, "no_handshake", "closes in the handshake", _says(), r.TLS_HANDSHAKE,
            "GSI servers close without an alert", maybe=True),
        row(s, "slow_handshake", "never ends the handshake", _silent, r.TLS_TIMEOUT, "a server that hangs", maybe=True),
        row(s, "closes", "closes after the handshake", _says(), r.CONNECTION_LOST, "a proxy whose server is gone", tls,
            maybe=True),
        row(s, "silent", "says nothing after the handshake", _silent, r.NO_RESPONSE, "a server that hangs", tls,
            maybe=True),
        row(s, "unauthorized", "wants to know who asks", _answers(_http("401 Unauthorized", b"")), r.LEGACY_ANSWERS,
            web, tls, maybe=True),
        row(s, "forbidden", "forbids it", _answers(_http("403 Forbidden", b"no")), r.LEGACY_ANSWERS, web, tls,
            maybe=True),
        row(s, "no_certificate", "complains of the missing certificate in HTTP",
            _answers(_http("400 Bad Request", b"No required SSL certificate was sent", "nginx")), r.LEGACY_ANSWERS,
            "nginx, ssl_verify_client on", tls, maybe=True),
        row(s, "busy", "has too many requests", _answers(_http("429 Too Many Requests", b"")), r.OVERLOADED,
            "RFC 6585, 4", tls, maybe=True),
        row(s, "gateway", "is a proxy whose server is gone", _answers(_http("503 Service Unavailable", b"<html/>")),
            r.SERVER_ERROR, "RFC 9110, 15.6.4", tls, maybe=True),
        row(s, "web", "is a web server that knows no SRM", _answers(_http("404 Not Found", b"<html/>")),
            r.MALFORMED_RESPONSE, web, tls),
        row(s, "bomb", "answers with XML that grows", _answers(_http("200 OK", _BOMB)), r.MALFORMED_RESPONSE, "hostile",
            tls),
        row(s, "endless", "answers without end", _endless(b"HTTP/1.1 200 OK\r\n\r\n" + b"<" * 4096),
            r.MALFORMED_RESPONSE, "hostile", tls),
        row(s, "garbage", "sends bytes that are nothing, under TLS", _endless(b"\0\xff" * 500), r.MALFORMED_RESPONSE,
            "hostile", tls),
        row(s, "no_tls", "speaks plain HTTP", _says(_http("400 Bad Request", b"")), r.MALFORMED_RESPONSE, web),
        row(s, "dropped", "lies behind a filter that drops our packets", None, r.CONNECT_TIMEOUT, "a firewall"),
    )
# fmt: on


MANNERS: tuple[Manner, ...] = _manners()
