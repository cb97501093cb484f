"""DAV multistatus documents: what PROPFIND answers (RFC 4918), in the shapes that storages give it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from tpcharness.wire.bounded_xml import parse_tree
from tpcharness.wire.dates import read_http_date
from tpcharness.wire.errors import WireError

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS_PER_ENTRY = 32
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True)
class DavEntry:
    """One file or collection. `href` is its decoded URL path; None is what the server did not say.

    `status` is that of the entry as a whole where there is one (a 404 for one name among many), else that of its
    properties. `size` of a collection means nothing.
    """

    href: str
    size: int | None
    modified: datetime | None
    is_collection: bool
    status: int | None


def propfind_body() -> bytes:
    """A PROPFIND body that asks for what a DavEntry holds and no more: allprop is dear at dCache."""
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b'<D:propfind xmlns:D="DAV:"><D:prop>'
        b"<D:getcontentlength/><D:getlastmodified/><D:resourcetype/>"
        b"</D:prop></D:propfind>\n"
    )


def parse_multistatus(body: bytes, *, max_entries: int = 10000) -> tuple[DavEntry, ...]:
    """The entries in the order of the document.

    Raises WireError for everything that is no multistatus, has a DTD or entities, or is too large.
    """
    most_elements = max(max_entries, 1) * MAX_ELEMENTS_PER_ENTRY
    root = parse_tree(body, "a multistatus", max_bytes=MAX_BODY_BYTES, max_elements=most_elements)
    if root.tag != "{DAV:}multistatus":
        raise WireError("the document is XML but no DAV multistatus")
    entries: list[DavEntry] = []
    for entry in _entries(root):
        if len(entries) == max_entries:
            raise WireError(f"a multistatus of more than {max_entries} entries")
        entries.append(entry)
    return tuple(entries)


def _entries(root: Element) -> Iterator[DavEntry]:
    for response in root.findall("{DAV:}response"):
        status, properties = _properties(response)
        for href in response.findall("{DAV:}href"):
            yield DavEntry(
                href=_path(href),
                size=_number(properties.get("getcontentlength")),
                modified=read_http_date(_text(properties.get("getlastmodified"))),
                is_collection=_is_collection(properties),
                status=status,
            )


def _properties(response: Element) -> tuple[int | None, dict[str, Element]]:
    """The status, and the properties that the server has, by their name in the DAV namespace."""
    status = _status(response.find("{DAV:}status"))
    properties: dict[str, Element] = {}
    for propstat in response.findall("{DAV:}propstat"):
        code = _status(propstat.find("{DAV:}status"))
        if code is None or 200 <= code < 300:
            for element in propstat.findall("{DAV:}prop/*"):
                namespace, _, name = element.tag.rpartition("}")
                if namespace == "{DAV:":
                    properties[name] = element
        status = code if status is None else status
    return status, properties


def _is_collection(properties: dict[str, Element]) -> bool:
    """XRootD 5.5.3 gives files no resourcetype at all, and `iscollection` besides, sometimes twice."""
    kind = properties.get("resourcetype")
    if kind is not None and kind.find("{DAV:}collection") is not None:
        return True
    return _text(properties.get("iscollection")).lower() in ("1", "t", "true")


def _path(href: Element) -> str:
    """Servers write a path or a whole URL."""
    try:
        path = urlsplit(_text(href)).path
    except ValueError:
        raise WireError("an href is no URL") from None
    if not path:
        raise WireError("an href is empty")
    return unquote(path, errors="replace")


def _status(element: Element | None) -> int | None:
    """The code in `HTTP/1.1 200 OK`."""
    words = _text(element).split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and len(words[1]) == 3 and _is_number(words[1]) else None


def _number(element: Element | None) -> int | None:
    text = _text(element)
    return int(text) if _is_number(text) and len(text) <= _MAX_DIGITS else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""
