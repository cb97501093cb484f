"""A third-party copy into a file that a client holds open: begun by its first sync, waited for by its second."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Set as AbstractSet

from tpcharness.testbed.files import FileWriter
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.testbed.xroot.frames import XrootError
from tpcharness.testbed.xroot.pulling import CopyFailedError, Order, pull

_FS_ERROR, _CANCELLED = 3005, 3017

# What the program says where it does not even come to the source.
_LAST_WORDS = {
    RootFault.PROGRAM_BROKEN: "Copy failed with return code 127",
    RootFault.KNOWS_NO_NAMES: "[FATAL] Invalid address:  (source)",
    RootFault.DISK_FULL: "[ERROR] Local error: no space left on device:  (destination)",
}


class Copy:
    """One copy. Its end stays known for later syncs."""

    def __init__(
        self, order: Order, writer: FileWriter, client_ssl: ssl.SSLContext, faults: AbstractSet[RootFault]
    ) -> None:
        self._order = order
        self._writer = writer
        self._client_ssl = client_ssl
        self._faults = faults
        self._task: asyncio.Task[None] | None = None
        self._words = ""
        self._number = _FS_ERROR

    @property
    def started(self) -> bool:
        return self._task is not None

    def start(self) -> None:
        """Runs the copy program."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def wait(self) -> None:
        """The end of the copy. Raises XrootError when it failed or was cancelled."""
        if self._task is not None:
            await asyncio.wait({self._task})
        if self._words:
            raise XrootError(self._number, self._words)

    async def cancel(self) -> None:
        """Ends it, if it is not over; nothing of a copy that is over changes."""
        if self._task is None or self._task.done():
            return
        self._words, self._number = "destination file prematurely closed", _CANCELLED
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        words = next((_LAST_WORDS[fault] for fault in self._faults if fault in _LAST_WORDS), "")
        if words:
            self._words = words
            return
        if RootFault.NO_CANCEL in self._faults:
            await asyncio.Event().wait()
        tls = self._client_ssl
        if RootFault.TRUSTS_NOBODY in self._faults:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        damage, half = RootFault.DAMAGES in self._faults, RootFault.SHORT_COPY in self._faults
        try:
            await pull(self._order, self._writer, tls, damage=damage, half=half)
        except CopyFailedError as error:
            self._words = str(error)
