"""What a storage can do to us, as data: bytes, and where to try them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.support.hostile import DEADLY, PIECE, Asked, Trick, chunk, drip, forever, head, says, stream, whole

COPY = ("COPY",)
DOOR = ("OPTIONS", "MKCOL", "PUT", "HEAD", "GET", "DELETE")
ALL = (*COPY, *DOOR)
MARKER = b"Perf Marker\nTimestamp: 1\nStripe Index: 0\nStripe Bytes Transferred: 1\nTotal Stripe Count: 1\nEnd\n"


@dataclass(frozen=True, slots=True)
class Case:
    play: Trick
    methods: tuple[str, ...] = COPY


async def again(asked: Asked) -> AsyncIterator[bytes]:
    yield whole("307 Again", b"", f"Location: {asked.url}{asked.target}")


async def longer(asked: Asked) -> AsyncIterator[bytes]:
    yield whole("307 Again", b"", f"Location: {asked.target}{'&' if '?' in asked.target else '?'}{'x' * 2000}")


def to(location: str) -> Trick:
    return says(head("307 There", f"Location: {location}", "Content-Length: 0"))


async def early(asked: Asked) -> AsyncIterator[bytes]:
    yield whole("507 Insufficient Storage", b"full")


REDIRECTS = {
    "redirect-loop": again,
    "redirect-growing": longer,
    "redirect-http": to("http://localhost:1/dteam"),
    "redirect-file": to("file:///etc/passwd"),
    "redirect-ftp": to("ftp://localhost/x"),
    "redirect-javascript": to("javascript:alert(1)"),
    "redirect-nowhere": to(""),
    "redirect-user": to("https://me:secret@localhost:1/x"),
    "redirect-bad-host": to("https://[v1.x]/"),
    "redirect-bad-port": to("https://localhost:99999/"),
    "redirect-crlf": to("https://localhost:1/\rX: y"),
    "redirect-latin": to("https://localhost:1/\xff\xfe"),
    "redirect-latin-host": to("https://\xff\xfe/"),
    "redirect-space": to("https://localhost:1/a HTTP/1.1 b"),
    "redirect-nul": to("https://localhost:1/a\0b"),
    "redirect-long": to("https://localhost:1/" + "a" * 15000),
    "redirect-deadly": to("x\x1b[31m" + DEADLY.decode("latin-1").replace("\0", "")),
    "redirect-huge": to("https://localhost:1/" + "a" * 100000),
}
HEADS = {
    "nothing": says(),
    "http2": says(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff"),
    "http09": says(b"<html>hello</html>\n"),
    "status-huge": forever(b"HTTP/1.1 200 ", b"A"),
    "status-1mb": says(b"HTTP/1.1 200 " + b"A" * (1 << 20) + b"\r\n\r\n"),
    "status-999": says(whole("999 Odd")),
    "status-000": says(whole("000 Odd")),
    "status-101": says(head("101 Switching Protocols", "Upgrade: h2c", "Connection: upgrade")),
    "header-endless": forever(b"HTTP/1.1 200 OK\r\nX: ", b"A"),
    "headers-endless": forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "header-16k": says(whole("200 OK", b"", "Server: " + "A" * 16000)),
    "header-drip": drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "header-drip-byte": drip(b"HTTP/1.1 200 OK\r\nX: ", b"A"),
    "header-nul": says(b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
    "continue-endless": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early-hints": forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "length-negative": says(head("200 OK", "Content-Length: -1")),
    "length-two": says(head("200 OK", "Content-Length: 1", "Content-Length: 2") + b"xx"),
    "length-and-chunked": says(head("200 OK", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "length-huge": says(head("200 OK", "Content-Length: " + "9" * 30)),
    "length-word": says(head("200 OK", "Content-Length: many")),
    "length-lie-long": says(head("200 OK", "Content-Length: 1000") + b"short"),
    "length-lie-short": says(head("200 OK", "Content-Length: 3") + b"x" * 100000),
    "body-endless": forever(head("200 OK"), b"A"),
    "body-drip": drip(head("200 OK"), b"A"),
    "chunk-garbage": says(head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n"),
    "chunk-size-huge": says(head("200 OK", "Transfer-Encoding: chunked") + b"f" * 40 + b"\r\nhello\r\n"),
    "chunk-extension-endless": forever(head("200 OK", "Transfer-Encoding: chunked") + b"5;", b"a"),
    "trailers-endless": forever(head("200 OK", "Transfer-Encoding: chunked") + b"0\r\n", b"X: y\r\n"),
    "trailer-endless": forever(head("200 OK", "Transfer-Encoding: chunked") + b"0\r\nX: ", b"y"),
    "chunks-empty-tail": forever(head("200 OK", "Transfer-Encoding: chunked") + chunk(b"x") + b"0\r\n\r\n", b"A"),
    "gzip-bomb": says(whole("200 OK", b"\x1f\x8b\x08" + b"\0" * 50000, "Content-Encoding: gzip")),
    "html": says(whole("200 OK", b"<html><script>alert(1)</script>", "Content-Type: text/html")),
    "deadly-refusal": says(b"HTTP/1.1 403 " + DEADLY.replace(b"\0", b"") + b"\r\nServer: " + DEADLY.replace(b"\0", b"")
        + b"\r\nContent-Length: %d\r\n\r\n" % len(DEADLY) + DEADLY),
    "deadly-latin": says("HTTP/1.1 500 \xff\xfe\x80\r\nServer: \xff\x9b2J\r\nDate: \xff\r\nAllow: \xff\r\nDigest: \xff\r\nContent-Length: 0\r\n\r\n".encode("latin-1")),
    "date-absurd": says(whole("200 OK", b"", "Date: Mon, 01 Jan 99999999999 00:00:00 GMT")),
    "digest-16k": says(whole("200 OK", b"", "Digest: " + "adler32=" * 1900)),
    "early": early,
    "yes-to-all": says(whole("200 OK")),
}
BODIES = {
    "markers-endless": forever(stream(), chunk(MARKER)),
    "markers-many-connections": says(stream(*[b"Perf Marker\nRemoteConnections: " + b",".join(b"tcp:%d:1" % n for n in range(5000)) + b"\nEnd\n"] * 200)),
    "line-endless": forever(stream(b"failure: "), chunk(b"A" * PIECE)),
    "success-endless": forever(stream(b"success: "), chunk(b"A" * PIECE)),
    "blank-endless": forever(stream(), chunk(b"\n" * PIECE)),
    "marker-open": forever(stream(b"Perf Marker\n"), chunk(b"X: y\n" * 10000)),
    "failure-deadly": says(stream(b"failure: " + DEADLY + b"\n")),
    "two-verdicts": says(stream(b"failure: no\nsuccess: yes\n")),
    "success-first": says(stream(b"success: Created\n" + MARKER)),
    "success-open": drip(stream(b"success: Created\n"), b""),
    "garbage": says(stream(bytes(range(256)) * 100), b"0\r\n\r\n"),
    "html-202": says(stream(b"<html><script>alert(1)</script>\n"), b"0\r\n\r\n"),
    "state-deadly": says(stream(b"Perf Marker\nState: " + DEADLY + b"\nRemoteConnections: " + DEADLY + b"\nEnd\n"), b"0\r\n\r\n"),
    "stripes-absurd": says(stream(b"".join(b"Perf Marker\nStripe Index: %d\nStripe Bytes Transferred: 9999999999999999999\nEnd\n" % n for n in range(20000))), b"0\r\n\r\n"),
}
TRICKS = {
    **{name: Case(trick, ALL) for name, trick in HEADS.items()},
    **{name: Case(trick, ("COPY", "HEAD", "DELETE", "PUT")) for name, trick in REDIRECTS.items()},
    **{name: Case(trick) for name, trick in BODIES.items()},
}
