"""XML from servers that may be hostile, as a tree of bounded size without DTD and entities."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from tpcharness.wire.errors import WireError

MAX_DEPTH = 32
_ENDLESS = re.compile(rb"[^<]{65536}")  # a tag of a hundred thousand attributes, or a text that is no property


def parse_tree(body: bytes, what: str, *, max_bytes: int, max_elements: int) -> Element:
    """The root element; `what` names the document in messages: "a multistatus".

    Raises WireError for everything that is not well-formed, has a DTD or entities, or is too large: of a tree, each
    element costs twenty times its bytes.
    """
    if len(body) > max_bytes:
        raise WireError(f"{what} of more than {max_bytes} bytes")
    if _ENDLESS.search(body):
        raise WireError("a tag or a text in the document is too long")
    parser = DefusedXMLParser(target=_BoundedBuilder(what, max_elements), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except WireError:
        raise
    except ParseError as error:
        line, column = error.position
        raise WireError(f"the document is not well-formed XML (line {line}, column {column})") from None
    except DefusedXmlException:
        raise WireError("the document declares a DTD or entities") from None
    except (ValueError, LookupError):
        raise WireError("the document's encoding cannot be read") from None
    return root


class _BoundedBuilder(TreeBuilder):
    """Builds a tree of at most so many elements, and of no more floors than our documents can have."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__()
        self._what = what
        self._left = most
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._left -= 1
        self._depth += 1
        if self._left < 0 or self._depth > MAX_DEPTH:
            raise WireError(f"{self._what} of too many elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)
