"""Text of servers, made safe for a terminal."""

from __future__ import annotations

import re

from tpcharness.model.secret import redact

LIMIT = 500

# Whole escape sequences go first (ECMA-48 5.4 CSI; OSC, DCS and kin up to their terminator), so that no debris
# such as "[31m" stays behind when the escape character itself is dropped.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)


def clean_text(text: str, limit: int = LIMIT, *, ascii_only: bool = False) -> str:
    """One printable line of at most `limit` characters, without whatever looks like a credential.

    Control, bidi, zero-width, private and unassigned characters and lone surrogates are dropped, white space of any
    kind becomes one space. With `ascii_only` everything else outside ASCII becomes a question mark. A text that
    was cut ends in an ellipsis. Never raises; takes time for the first few `limit` characters only.
    """
    text = redact(text[: 4 * limit + 200])
    if not text.isprintable():
        text = _ESCAPES.sub("", text)
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    text = " ".join(text.split())
    ellipsis = "..." if ascii_only else "…"
    if ascii_only:
        text = text.encode("ascii", "replace").decode("ascii")
    return text if len(text) <= limit else text[: max(0, limit - len(ellipsis))] + ellipsis
