"""What every reader of foreign bytes must keep to, whatever the bytes: each target raises when it does not.

Hypothesis tries them in every run of the tests (test_targets), atheris for as long as one likes (atheris_targets).
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress

from tests.fuzz import xroot_targets
from tpcharness.config.lines import find_lines
from tpcharness.config.quantities import parse_duration, parse_size
from tpcharness.export.clean_text import clean_text
from tpcharness.export.jsonl import read_jsonl
from tpcharness.model.endpoint import RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.secret import Secret, redact, redact_url
from tpcharness.net.redirects import can_be_asked, next_hop
from tpcharness.payload.ledger import LedgerEntry, _apply
from tpcharness.results.fields import DocumentError
from tpcharness.testbed.stream import PeerGoneError, ProtocolError, Wire
from tpcharness.wire.claims import read_claims
from tpcharness.wire.dates import read_http_date
from tpcharness.wire.digest import find_digest, parse_digest, parse_repr_digest, same_checksum
from tpcharness.wire.errors import WireError
from tpcharness.wire.fingerprint import MAX_TEXT, identify
from tpcharness.wire.legacy.ftp import MAX_LINE, MAX_REPLY, Reply, ReplyReader
from tpcharness.wire.legacy.srm import MAX_ANSWER, PingReader
from tpcharness.wire.markers import JUNK_CHARACTERS, Marker, MarkerStream, Terminal
from tpcharness.wire.multistatus import parse_multistatus
from tpcharness.wire.tape.archive_info import parse_archive_info
from tpcharness.wire.tape.discovery import TapeService, parse_discovery
from tpcharness.wire.tape.problem import read_problem
from tpcharness.wire.tape.reading import MAX_DEVIATIONS
from tpcharness.wire.tape.stage import parse_receipt, parse_status

CANARY = "c4n4ry/token+of~32-characters=="
_MAX_LINE = 64


def markers(data: bytes) -> None:
    """However a body is cut into pieces, the same is read; and what is kept is bounded."""
    whole = _read([data])
    for size in (1, 2, 3, 7, 64):
        assert _read([data[place : place + size] for place in range(0, len(data), size)]) == whole


def _read(pieces: list[bytes]) -> tuple[object, ...]:
    stream = MarkerStream(_MAX_LINE)
    events: list[Marker | Terminal] = []
    for piece in pieces:
        events += stream.feed(piece)
    seen = [event for event in events if isinstance(event, Marker)]
    terminal = stream.finish()
    assert len(stream.junk) <= JUNK_CHARACTERS
    assert terminal is None or len(terminal.line) <= _MAX_LINE
    assert stream.marker_count == len(seen)
    return seen, terminal, stream.junk, stream.junk_lines, stream.overlong


def digests(data: bytes) -> None:
    """What is found can be compared; nothing is ever both right and wrong."""
    text = data.decode("latin-1")
    found = {name: (value,) for name, value in parse_digest([text]).items()} | parse_repr_digest([text])
    for name, values in found.items():
        assert all(same_checksum(name, value, value.upper()) for value in values)
    for algorithm in ("adler32", "md5", "crc32c"):
        digest = find_digest(lambda _name: [text], algorithm)
        assert digest is None or digest.matches(digest.hex)


def multistatus(data: bytes) -> None:
    try:
        entries = parse_multistatus(data, max_entries=100)
    except WireError:
        return
    assert len(entries) <= 100
    assert all(entry.href for entry in entries)


def claims(data: bytes) -> None:
    found = read_claims(data.decode("latin-1"))
    if found is not None:
        repr(found).encode()


def dates(data: bytes) -> None:
    moment = read_http_date(data.decode("latin-1"))
    assert moment is None or moment.utcoffset() is not None


def servers(data: bytes) -> None:
    server = identify(data.decode("latin-1"), header=lambda _name: data.decode("latin-1"), copy_status=201)
    assert len(server.text) <= MAX_TEXT
    assert server.text.isprintable()


def locations(data: bytes) -> None:
    """Whatever is followed can be sent as it is, and never leaves TLS."""
    url = "https://door.example.org:2880/dteam/file"
    for method in ("GET", "DELETE"):
        onward = next_hop(url, 307, data.decode("utf-8", "surrogateescape"), method, RedirectAuth.SAME_DOMAIN)
        if isinstance(onward, Failure):
            assert len(onward.detail) < 500
        else:
            assert can_be_asked(onward.url)
            assert onward.url.startswith("https://")
            assert onward.url.isprintable()
            assert " " not in onward.url


def redaction(data: bytes) -> None:
    """It never raises, hides what is alive, and finds nothing more to hide in what it has hidden."""
    secret = Secret(CANARY)
    text = data.decode("utf-8", "surrogateescape")
    middle = len(text) // 2
    for cut in (False, True):
        shown = redact(f"{text[:middle]}{CANARY}{text[middle:]}", cut=cut)
        assert CANARY not in shown
    redact_url(text)
    del secret


def clean(data: bytes) -> None:
    text = clean_text(data.decode("utf-8", "surrogatepass" if data.isascii() else "surrogateescape"), 100)
    assert len(text) <= 100
    assert text.isprintable()
    assert clean_text(text, 100) == text


def lines(data: bytes) -> None:
    """Every key of a document that tomllib takes has a line; other documents are refused, if at all, in one way."""
    text = data.decode("utf-8", "replace")
    try:
        document: dict[str, object] | None = tomllib.loads(text)
    except (ValueError, RecursionError):
        document = None
    try:
        found = find_lines(text)
    except (ValueError, RecursionError):
        assert document is None
        return
    if document is not None:
        assert all((key,) in found for key in document)
        assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


def quantities(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (parse_size, parse_duration):
        try:
            assert parse(text) >= 0
        except ValueError:
            pass


def ledger(data: bytes) -> None:
    import json

    entries: dict[str, LedgerEntry] = {}
    try:
        _apply(json.loads(data), entries)
    except (ValueError, RecursionError):
        assert not entries


def recordings(data: bytes) -> None:
    try:
        read_jsonl(data.decode("utf-8", "replace").splitlines(keepends=True))
    except DocumentError:
        pass


def heads(data: bytes) -> None:
    """The testbed's own reader of requests and responses."""
    asyncio.run(_heads(data))


async def _heads(data: bytes) -> None:
    for request in (True, False):
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        wire = Wire(reader, None)  # type: ignore[arg-type] - nothing is written
        try:
            if request:
                asked = await wire.read_request()
                body = asked and wire.request_body(asked)
            else:
                body = wire.response_body(await wire.read_response(), "GET")
            while body and await body.piece():
                pass
        except (ProtocolError, PeerGoneError):
            pass


def tape(data: bytes) -> None:
    """Every document of a tape service."""
    for parse in (parse_discovery, parse_archive_info, lambda body: parse_status(body, "7")):
        with suppress(WireError):
            assert len(parse(data).deviations) <= MAX_DEVIATIONS
    with suppress(WireError):
        parse_receipt(data, 201, data.decode("latin-1"), TapeService("https://h", "v1", 1))
    read_problem(data, {})


LISTING = (
    b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/a</D:href><D:propstat><D:prop>'
    b"<D:getcontentlength>1</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
    b"</D:response></D:multistatus>"
)
MARKERS = b"Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 7\nRemoteConnections: tcp:h:1\nEnd\nsuccess: x\n"


def ftp(data: bytes) -> None:
    """However a server's bytes are cut, the same replies are read, and none is longer than may be."""
    whole = _ftp_replies(data, len(data) or 1)
    for size in (1, 2, 7):
        assert _ftp_replies(data, size) == whole


def _ftp_replies(data: bytes, size: int) -> list[Reply]:
    reader, found = ReplyReader(), list[Reply]()
    with suppress(WireError):
        for place in range(0, len(data), size):
            reply = reader.feed(data[place : place + size])
            while reply is not None:
                assert len(reply.text) <= MAX_REPLY + MAX_LINE
                found.append(reply)
                reply = reader.feed(b"")
    return found


def srm(data: bytes) -> None:
    """An answer to srmPing is read or is none; it is never larger than may be."""
    reader = PingReader()
    with suppress(WireError):
        reader.feed(data)
        answer = reader.finish()
        assert answer is None or len(answer.body) + len(answer.said) <= 2 * MAX_ANSWER


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        markers,
        digests,
        multistatus,
        claims,
        dates,
        servers,
        locations,
        redaction,
        clean,
        lines,
        quantities,
        ledger,
        recordings,
        heads,
        tape,
        ftp,
        srm,
        xroot_targets.xroot_login,
        xroot_targets.xroot_session,
        xroot_targets.xroot_answers,
    )
}
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "markers": (MARKERS,),
    "digests": (b"adler32=0a1b2c3d, md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", b"adler32:1"),
    "multistatus": (LISTING,),
    "claims": (b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjoxfQ.x",),
    "dates": (b"Sun, 06 Nov 1994 08:49:37 GMT",),
    "servers": (b"XRootD/5.7.1", b"dCache/9.2.6"),
    "locations": (b"https://pool.example.org:8443/dteam/file?x=y", b"//h/p", b"https://u@h/"),
    "redaction": (b"Bearer abcdefghijk eyJhbGciOiJub25lIn0.eyJ9.x authz=%20", CANARY.encode()[:20]),
    "clean": (b"\x1b[31mred\x1b]0;x\x07 \xe2\x80\xaegnp",),
    "lines": (b'[a]\nb = "c"\n[[d]]\ne.f = {g = [1, 2]}\n', b"a = '''\nx'''\n"),
    "quantities": (b"1MiB", b"1h30m"),
    "ledger": (b'{"endpoint":"A","url":"https://h/p","run":"r","at":"2026-11-22T12:00:00+00:00"}', b'{"gone":"x"}'),
    "recordings": (b'{"type":"run","schema_version":1}\n{"type":"result"}\n',),
    "tape": (
        b'{"sitename":"s","endpoints":[{"uri":"https://h/api/v1","version":"v1"}]}',
        b'{"id":"7","createdAt":1,"files":[{"path":"/a","state":"STARTED"},{"path":"/b","onDisk":true}]}',
        b'[{"path":"/a","locality":"TAPE"},{"path":"/b","error":"x"}]',
        b'{"requestId":"7"}',
    ),
    "heads": (
        b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ),
    "ftp": (b"220-Hello\r\n 220 no\r\n220 vm ready.\r\n334 x\n", b"SSH-2.0"),
    "srm": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>", b"HTTP/1.0 500\n\n<e:Envelope xmlns:e='x'/>"),
    **xroot_targets.SEEDS,
}
