"""The switchboard of a running grid: faults are switched on and off by HTTP on loopback, with a secret.

POST /faults {"site": "SITE-B", "fault": "wrong_content:nth=2"} adds one; DELETE /faults takes all away, or those of
the site that a body {"site": "SITE-B"} names; GET /faults tells what is on. `Authorization: Bearer SECRET` always.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tpcharness.model.secret import Secret
from tpcharness.testbed.faults import UnknownFaultError
from tpcharness.testbed.site_faults import SiteFaults
from tpcharness.testbed.stream import STREAM_LIMIT, PeerGoneError, ProtocolError, Request, Wire, head

_PATH = "/faults"
_MAX_BODY = 16 * 1024
_PATIENCE_SECONDS = 10.0


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Switchboard:
    """Switches the faults of these sites. Listens on 127.0.0.1 only."""

    def __init__(self, faults: Mapping[str, SiteFaults]) -> None:
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.secret = Secret(secrets.token_urlsafe(24))
        self.url = ""

    async def start(self, port: int = 0) -> None:
        """Listens; from here on `url` is known. Raises OSError for a port in use."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=STREAM_LIMIT)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{_PATH}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(Wire(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, wire: Wire) -> None:
        """One request on each connection."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                request = await wire.read_request()
                if request is not None:
                    await self._answer(wire, request)
        except (ProtocolError, PeerGoneError, ConnectionError, TimeoutError):
            wire.cut()
        finally:
            await wire.close()

    async def _answer(self, wire: Wire, request: Request) -> None:
        told: dict[str, Any]
        try:
            status, told = HTTPStatus.OK, await self._obey(wire, request)
        except _RefusedError as error:
            status, told = error.status, {"error": str(error)}
        body = json.dumps(told).encode() + b"\n"
        fields = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close"))
        await wire.send(head(f"HTTP/1.1 {status.value} {status.phrase}", fields), body)

    async def _obey(self, wire: Wire, request: Request) -> dict[str, Any]:
        """Does what is asked, and tells all faults that are on then. Raises _RefusedError."""
        if request.path != _PATH:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"there is only {_PATH}")
        if not hmac.compare_digest((request.token or "").encode(), self.secret.reveal().encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "the secret stands in the ready-file")
        wanted = _document(await wire.request_body(request).text(_MAX_BODY))
        match request.method:
            case "GET":
                pass
            case "POST":
                self._add(wanted)
            case "DELETE":
                self._clear(wanted)
            case _:
                raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "GET, POST or DELETE")
        return {site: list(faults.texts) for site, faults in self._faults.items() if faults.texts}

    def _add(self, wanted: Mapping[str, Any]) -> None:
        site, text = self._site(wanted), wanted.get("fault")
        if not isinstance(text, str):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "no fault is named")
        try:
            self._faults[site].add(text)
        except UnknownFaultError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error

    def _clear(self, wanted: Mapping[str, Any]) -> None:
        for site in [self._site(wanted)] if wanted else list(self._faults):
            self._faults[site].clear()

    def _site(self, wanted: Mapping[str, Any]) -> str:
        site = wanted.get("site")
        if not isinstance(site, str) or site not in self._faults:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"no site {site!r}; there are {', '.join(self._faults)}")
        return site


def _document(text: str) -> dict[str, Any]:
    """An object of JSON; an empty text is an empty one."""
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "not an object of JSON")
    return found
