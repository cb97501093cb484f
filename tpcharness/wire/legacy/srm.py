"""srmPing of SRM 2.2, asked without any credential, and what comes back for it (GFD.129; SOAP 1.1 over HTTP)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

from tpcharness.wire.bounded_xml import parse_tree
from tpcharness.wire.errors import WireError

MAX_ANSWER = 64 * 1024
MAX_HEAD = 8 * 1024
MAX_ELEMENTS = 500
NO_DELEGATION = b"0"
"""What a client says to a httpg door right after the handshake: it delegates nothing."""

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_SRM = "http://srm.lbl.gov/StorageResourceManager"
_PING = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    f'<e:Envelope xmlns:e="{_SOAP[1:-1]}"><e:Body><s:srmPing xmlns:s="{_SRM}"><srmPingRequest/></s:srmPing>'
    "</e:Body></e:Envelope>"
).encode()
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_BEGINNING = b"HTTP/1."
_EXTRA = ("backend_type", "backend_version")


class PingKind(StrEnum):
    """What kind of server an answer comes from."""

    PING = "srmPing"
    FAULT = "SOAP fault"
    HTTP = "HTTP"


@dataclass(frozen=True, slots=True)
class PingAnswer:
    """An answer to srmPing. `said` is the version and the backend of an SRM, or the text of its fault."""

    kind: PingKind
    status: int
    status_text: str = ""
    server: str = ""
    said: str = ""
    body: str = ""


def ping_request(place: str, path: str, user_agent: str) -> bytes:
    """The whole request. HTTP/1.0, so that the answer comes in one piece and ends with the connection."""
    head = (
        f"POST {path} HTTP/1.0\r\nHost: {place}\r\nUser-Agent: {user_agent}\r\n"
        f'Content-Type: text/xml; charset=utf-8\r\nSOAPAction: ""\r\nContent-Length: {len(_PING)}\r\n'
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii", "replace") + _PING


class PingReader:
    """Collects an answer of at most `MAX_ANSWER` bytes; what comes after them is not read."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._body_at = 0
        self._length: int | None = None

    def feed(self, data: bytes) -> bool:
        """Whether it is all there. Raises WireError as soon as it is no answer of an HTTP server."""
        self._data += data[: MAX_ANSWER - len(self._data)]
        if not self._body_at:
            self._look_for_head()
        whole = self._body_at and self._length is not None and len(self._data) >= self._body_at + self._length
        return bool(whole) or len(self._data) >= MAX_ANSWER

    def finish(self) -> PingAnswer | None:
        """The answer as far as it came; None when not even its head did."""
        head, body = bytes(self._data[: self._body_at]), bytes(self._data[self._body_at :][: self._length])
        status = _STATUS.match(head)
        if status is None:
            return None
        kind, said = _read(body)
        server = _text(_header(head, b"server"))
        return PingAnswer(kind, int(status[1]), _text(status[2] or b""), server, said, _text(body))

    def _look_for_head(self) -> None:
        begun = self._data[: len(_BEGINNING)]
        if not _BEGINNING.startswith(begun):
            raise WireError("not an HTTP answer")
        end = _END_OF_HEAD.search(self._data, 0, MAX_HEAD)
        if end is None:
            if len(self._data) > MAX_HEAD:
                raise WireError(f"an HTTP head of more than {MAX_HEAD} bytes")
            return
        self._body_at = end.end()
        head = bytes(self._data[: self._body_at])
        if _STATUS.match(head) is None:
            raise WireError("not an HTTP answer")
        length = _header(head, b"content-length")
        self._length = int(length) if re.fullmatch(rb"[0-9]{1,9}", length) else None


def _read(body: bytes) -> tuple[PingKind, str]:
    """What a body is. A SOAP fault at an SRM's path comes from an SRM: nothing else speaks SOAP there.

    One that cannot be read (in chunks all the same, or cut) is an SRM's if it holds the name of what we asked for.
    """
    try:
        root = parse_tree(body, "an answer to srmPing", max_bytes=MAX_ANSWER, max_elements=MAX_ELEMENTS)
    except WireError:
        return (PingKind.PING if b"srmPingResponse" in body else PingKind.HTTP), ""
    if root.tag != f"{_SOAP}Envelope":
        return PingKind.HTTP, ""
    texts = {_name(element): (element.text or "").strip() for element in root.iter()}
    if f"{_SOAP}Fault" in {element.tag for element in root.iter()}:
        return PingKind.FAULT, texts.get("faultstring", "")
    if "srmPingResponse" not in texts:
        return PingKind.HTTP, ""
    return PingKind.PING, " ".join(filter(None, (texts.get("versionInfo", ""), *_extras(root))))


def _extras(root: Element) -> list[str]:
    """Which backend it says it is."""
    pairs: dict[str, str] = {}
    for element in root.iter():
        inside = {_name(child): (child.text or "").strip() for child in element}
        if "key" in inside:
            pairs[inside["key"]] = inside.get("value", "")
    return [pairs[key] for key in _EXTRA if key in pairs]


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _header(lines: bytes, name: bytes) -> bytes:
    found = re.search(rb"^" + name + rb":[ \t]*([^\r\n]*)", lines, re.IGNORECASE | re.MULTILINE)
    return found[1].strip() if found else b""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
