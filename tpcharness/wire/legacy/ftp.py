"""Replies of an FTP server: one line or several, in bytes that may be split anywhere (RFC 959, 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tpcharness.wire.errors import WireError

MAX_LINE = 2 * 1024
MAX_REPLY = 16 * 1024
"""Longest line and longest reply that are read; the greetings of sites are a few hundred bytes."""

AUTH_GSSAPI = b"AUTH GSSAPI\r\n"
QUIT = b"QUIT\r\n"

_CODE = re.compile(rb"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_BEGINNING = re.compile(rb"(?:[1-5](?:[0-9](?:[0-9](?:[ \r\n-].*)?)?)?)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A code and what was said with it, line by line. `whole` is False when its end did not come, or not in bounds."""

    code: int
    text: str
    whole: bool = True


class ReplyReader:
    """Reads one reply after another; what came too early waits for the next."""

    def __init__(self) -> None:
        self._pending = b""
        self._code = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._over = False

    @property
    def pending(self) -> str:
        """What came last and is no reply."""
        return self._pending[:MAX_LINE].decode("utf-8", "replace")

    def feed(self, data: bytes) -> Reply | None:
        """The reply as soon as it is whole, or too long to be read on; None as long as more must come.

        After one that was too long nothing is read. Raises WireError at the first byte that no FTP server sends there.
        """
        self._pending = b"" if self._over else self._pending + data
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if len(line) > MAX_LINE:
                self._pending = line[:MAX_LINE]
                if (reply := self.finish()) is None:
                    raise WireError(f"a line of more than {MAX_LINE} bytes")
                return reply
            if not newline:
                break
            whole = self._take(line.removesuffix(b"\r"))
            self._pending = rest
            if whole:
                return self._reply(whole=True)
            if self._size > MAX_REPLY:
                return self.finish()
        if not self._lines and not _BEGINNING.fullmatch(self._pending):
            raise WireError("not the beginning of an FTP reply")
        return None

    def finish(self) -> Reply | None:
        """What is known of a reply that breaks off: it has a code as soon as its first line has begun so."""
        self._over = True
        if not self._lines:
            begun = _CODE.fullmatch(self._pending.rstrip(b"\r"))
            if begun is None or begun[2] is None:
                return None
            self._code, self._lines = begun[1], [begun[3]]
        return self._reply(whole=False)

    def _take(self, line: bytes) -> bool:
        """Keeps a line; whether it is the last of its reply."""
        self._size += len(line) + 1
        found = _CODE.fullmatch(line)
        if not self._lines:
            if found is None:
                raise WireError("not an FTP reply")
            self._code = found[1]
            self._lines.append(found[3] or b"")
            return found[2] != b"-"
        last = found is not None and found[1] == self._code and found[2] != b"-"
        self._lines.append(found[3] or b"" if found is not None and found[1] == self._code else line)
        return last

    def _reply(self, *, whole: bool) -> Reply:
        text = b"\n".join(self._lines).decode("utf-8", "replace").strip()
        code = int(self._code)
        self._code, self._lines, self._size = b"", [], 0
        return Reply(code, text, whole)
