"""Answers to prepare requests, the classic way to stage from tape: an id, and how it goes on (xroot 14)."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.reading import plain_path, read_items, read_object, text_of

MAX_REQUEST_ID = 512
MAX_TEXT = 8 * 1024

_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file of a request, as EOS and CTA tell it; None is what was not said.

    Done is `online`. Failed is an `error` of what is not `requested` any more.
    """

    path: str
    exists: bool | None = None
    on_tape: bool | None = None
    online: bool | None = None
    requested: bool | None = None
    error: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.error) and not self.requested and not self.online


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a request goes on. `text` is what a server says that has no such document: XRootD's script, word by word."""

    request_id: str = ""
    files: tuple[PreparedFile, ...] = ()
    text: str = ""

    def of(self, path: str) -> PreparedFile | None:
        """What is said of a path, however the server writes its slashes; None when it is left out."""
        wanted = plain_path(path)
        return next((file for file in self.files if plain_path(file.path) == wanted), None)


def read_request_id(data: bytes) -> str:
    """The id of a stage request; opaque, and no proof that anything is staged: servers without tape answer one too.

    Raises WireError for none, and for what is no single line of at most 512 characters.
    """
    text = data.partition(b"\x00")[0].decode("utf-8", "replace").strip()
    if not text or not text.isprintable() or len(text) > MAX_REQUEST_ID:
        raise WireError("the answer to a prepare request is no request id")
    return text


def read_preparation(data: bytes) -> Preparation:
    """The answer to a query for a request: the document of EOS and CTA, or else plain text, cut to 8 KiB.

    Raises WireError for a document that is not as it should be.
    """
    raw = data.partition(b"\x00")[0].strip()
    if not raw.startswith(b"{"):
        return Preparation(text=raw[:MAX_TEXT].decode("utf-8", "replace"))
    document = read_object(raw, "the answer to a query for a prepare request")
    items = read_items(document.get("responses"), "`responses` of a prepare request")
    return Preparation(text_of(document.get("request_id")), tuple(map(_file, items)))


def _file(item: object) -> PreparedFile:
    if not isinstance(item, dict) or not text_of(item.get("path")):
        raise WireError("an item of `responses` of a prepare request has no path")
    return PreparedFile(
        text_of(item["path"]),
        exists=_flag(item, "path_exists"),
        on_tape=_flag(item, "on_tape"),
        online=_flag(item, "online"),
        requested=_flag(item, "requested"),
        error=text_of(item.get("error_text")).strip(),
    )


def _flag(item: dict[str, object], key: str) -> bool | None:
    """A truth value, which old versions write as a string (xroot 14)."""
    value = item.get(key)
    return value if isinstance(value, bool) else _WORDS.get(text_of(value).lower())
