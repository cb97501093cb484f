"""Errors of a tape service: RFC 7807 as servers really write it."""

from __future__ import annotations

from collections.abc import Mapping

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.reading import read_object, text_of


def read_problem(body: bytes, headers: Mapping[str, str]) -> str:
    """Title and detail of an error for people; empty when it says nothing. Never raises.

    dCache puts them into headers when a cancel names a foreign path, with an empty body (tape-rest 6).
    """
    try:
        document = read_object(body, "an error")
    except WireError:
        document = {}
    found = (text_of(document.get(key)) or headers.get(key, "") for key in ("title", "detail"))
    words = dict.fromkeys(" ".join(text.split()) for text in found)
    return ": ".join(word for word in words if word)
