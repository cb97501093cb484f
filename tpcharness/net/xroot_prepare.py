"""Staging by xroot's prepare: stage, ask how it goes on, evict, cancel; all of them asked of one server.

The answers prove little: plain XRootD without a plug-in takes every request and knows of none (xroot 14). What is on
disk, `stat` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.net.xroot import Reply, XrootVisit
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import PrepareFlag
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.opaque import NO_OPAQUE, Opaque
from tpcharness.wire.xroot.operations import prepare, query_prepare
from tpcharness.wire.xroot.preparation import Preparation, read_preparation, read_request_id

T = TypeVar("T")


class XrootPrepare:
    """Prepare requests of one visit. What goes wrong is a Reply with a refusal or a failure; nothing raises.

    `opaque` goes with every path, for a token that the login's does not stand for.
    """

    def __init__(self, visit: XrootVisit, opaque: Opaque = NO_OPAQUE) -> None:
        self._visit = visit
        self._opaque = opaque

    async def stage(self, paths: Sequence[str]) -> str | Reply:
        """Asks for files on disk; the id of the request."""
        reply = await self._ask("prepare stage", prepare(self._lines(paths), PrepareFlag.STAGE), paths)
        return _read(reply, read_request_id)

    async def query(self, request_id: str, paths: Sequence[str]) -> Preparation | Reply:
        """How a request goes on."""
        reply = await self._ask("query prepare", query_prepare(request_id, paths), paths)
        return _read(reply, read_preparation)

    async def evict(self, paths: Sequence[str]) -> Reply:
        """The files are needed on disk no more, whoever wanted them there."""
        return await self._ask("prepare evict", prepare(self._lines(paths), PrepareFlag.EVICT), paths)

    async def cancel(self, request_id: str, paths: Sequence[str]) -> Reply:
        """Ends a request; its paths are said as well, for EOS does not know them by the id."""
        asked = prepare(self._lines(paths), PrepareFlag.CANCEL, request_id=request_id)
        return await self._ask("prepare cancel", asked, paths)

    def _lines(self, paths: Sequence[str]) -> list[tuple[str, Opaque]]:
        return [(path, self._opaque) for path in paths]

    async def _ask(self, verb: str, request: Request, paths: Sequence[str]) -> Reply:
        """The answer of the target's own server. Secrets in the request go under TLS only: the session sees to it."""
        entered = await self._visit.enter()
        if not entered.ok or entered.server is None:
            return entered
        return await self._visit.ask_server(entered.server, verb, request, Phase.REQUEST, path=paths[0])


def _read(reply: Reply, read: Callable[[bytes], T]) -> T | Reply:
    if not reply.ok:
        return reply
    try:
        return read(reply.data)
    except WireError as error:
        return Reply(failure=Failure(Reason.MALFORMED_RESPONSE, str(error)), server=reply.server)
